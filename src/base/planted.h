#pragma once

#include <string_view>

namespace settle {

/// Planted bugs: places where the simulator may break the code on purpose, to prove that its checks would notice.
/// The list is sim/mutants.cpp. The product never sets one: `plant` is called by settle-sim alone (a lint holds that).
enum class Bug : int {
  kNone = 0,
#define SETTLE_BUG(name, label, text) name,
#include "base/planted.def"
#undef SETTLE_BUG
};

namespace planted_detail {
inline Bug g_bug = Bug::kNone;
}

inline bool planted(Bug bug) { return planted_detail::g_bug == bug; }
inline void plant(Bug bug) { planted_detail::g_bug = bug; }

}  // namespace settle
