#pragma once

#include "protocol/following.h"
#include "protocol/voting.h"

namespace settle::protocol::tcc {

/// TCC, coordinator side (Pardon, Pautasso: Towards Distributed Atomic Transactions over RESTful Services, 2011;
/// Helland, CIDR 2007, "tentative operations"): tries reserve, one forced decision, then every branch hears confirm or
/// every branch that may have been tried hears cancel. Driven by the daemon, or by a client that enlists branches,
/// tries them itself and submits. See docs/protocols/tcc.md.
inline constexpr auto kEdges =
    following::with_common(voting::rows(Phase::kTrying, Phase::kConfirming, Phase::kCancelling));
static_assert(deterministic(kEdges) && grouped(kEdges) && decisions_are_forced(kEdges) && recoverable(kEdges));

}  // namespace settle::protocol::tcc
