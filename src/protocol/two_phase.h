#pragma once

#include "protocol/following.h"
#include "protocol/voting.h"

namespace settle::protocol::two_phase {

/// 2PC over services, coordinator side (Gray 1978; Mohan, Lindsay, Obermarck, TODS 1986, for the read-only vote). We
/// differ from presumed abort: an undecided transaction is remembered and goes on after a restart, and its abort is
/// forced like its commit, because services have no log that could be asked. See docs/protocols/two_phase.md.
inline constexpr auto kEdges =
    following::with_common(voting::rows(Phase::kPreparing, Phase::kCommitting, Phase::kRollingBack));
static_assert(deterministic(kEdges) && grouped(kEdges) && decisions_are_forced(kEdges) && recoverable(kEdges));

}  // namespace settle::protocol::two_phase
