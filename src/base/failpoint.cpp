#include "base/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <string>

namespace settle {
namespace {

std::size_t g_index = failpoint_detail::kUnknown;
std::atomic<std::uint64_t> g_left{0};

}  // namespace

namespace failpoint_detail {

void pass(std::size_t index) {
  if (index != g_index) return;
  if (g_left.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  // Nothing of this process may run on: no destructor, no flush, no answer that is already queued.
  (void)::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

}  // namespace failpoint_detail

Result<void> arm_failpoint(std::string_view spec) {
  const std::size_t colon = spec.find(':');
  const std::string_view name = spec.substr(0, colon);
  std::uint64_t passage = 1;
  if (colon != std::string_view::npos) {
    const std::string_view number = spec.substr(colon + 1);
    const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), passage);
    if (problem != std::errc{} || end != number.data() + number.size() || passage == 0) {
      return Error{ErrorCode::kInvalid, "'" + std::string(number) + "' is no number of a passage (1 or more)"};
    }
  }
  const std::size_t index = failpoint_detail::find(name);
  if (index == failpoint_detail::kUnknown) {
    return Error{ErrorCode::kInvalid, "there is no failpoint '" + std::string(name) + "'; see --list-failpoints"};
  }
  g_index = index;
  g_left.store(passage, std::memory_order_relaxed);
  failpoint_detail::g_armed = true;
  return {};
}

}  // namespace settle
