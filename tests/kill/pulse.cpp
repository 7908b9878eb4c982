#include "kill/pulse.h"

#include <algorithm>

namespace settle::kill {
namespace {

constexpr unsigned kSagas = 24;  // every daemon has some of them, or nearly every

}  // namespace

Pulse::Pulse() : participant_(live::free_port(), [this](const live::Message& request) { return answer(request); }) {}

live::Said Pulse::answer(const live::Message& request) {
  const std::lock_guard hold(lock_);
  const auto found = called_.find(request.header("settle-gid"));
  if (!counts_) return {503, "not yet", {}, live::Said::How::kAnswer};
  if (found != called_.end()) found->second = true;
  return {200, "{}", {}, live::Said::How::kAnswer};
}

bool Pulse::begin(const live::Client& client) {
  counts_ = false;
  {
    const std::lock_guard hold(lock_);
    called_.clear();
  }
  for (unsigned i = 0; i < kSagas; ++i) {
    const std::string gid = "pulse-" + std::to_string(++number_);
    const live::Json plan{{"pattern", "saga"},
                          {"gid", gid},
                          {"steps", {{{"id", "beat"}, {"action", live::url(participant_.port(), "/beat")}}}},
                          {"retry", {{"base_ms", 50}, {"cap_ms", 100}}}};
    if (!live::eventually(live::kPatience, [&] { return client.begin(plan).ok(); })) return false;
    const std::lock_guard hold(lock_);
    called_[gid] = false;
  }
  return true;
}

void Pulse::start() {
  begun_ = live::Clock::now();
  counts_ = true;
}

bool Pulse::is_over() {
  const std::lock_guard hold(lock_);
  return std::ranges::all_of(called_, [](const auto& one) { return one.second; });
}

live::milliseconds Pulse::elapsed() const {
  return std::chrono::duration_cast<live::milliseconds>(live::Clock::now() - begun_);
}

}  // namespace settle::kill
