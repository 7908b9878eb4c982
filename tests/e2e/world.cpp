#include "e2e/world.h"

#include <atomic>
#include <cstdlib>

namespace settle::e2e {

std::string fresh(std::string_view name) {
  static std::atomic<int> number{0};
  return std::string(name) + "-" + std::to_string(++number);
}

Json quick_retry() { return {{"base_ms", 30}, {"factor", 2}, {"cap_ms", 200}, {"jitter", 0.2}}; }

Json saga(const Services& services, const std::string& gid, std::initializer_list<const char*> steps) {
  Json plan{{"pattern", "saga"}, {"gid", gid}, {"retry", quick_retry()}, {"steps", Json::array()}};
  for (const std::string id : steps) {
    plan["steps"].push_back({{"id", id},
                             {"action", services.url("/act/" + id)},
                             {"compensate", services.url("/undo/" + id)},
                             {"input", {{"of", id}}}});
  }
  return plan;
}

Json message(const Services& services, const std::string& gid, std::initializer_list<const char*> targets) {
  Json plan{{"pattern", "message"}, {"gid", gid}, {"retry", quick_retry()}, {"targets", Json::array()}};
  for (const std::string id : targets) {
    plan["targets"].push_back({{"id", id}, {"url", services.url("/deliver/" + id)}, {"input", {{"of", id}}}});
  }
  return plan;
}

Json prepared(const Services& services, const std::string& gid, std::initializer_list<const char*> targets) {
  Json plan = message(services, gid, targets);
  plan["check"] = services.url("/check");
  plan["check_after_ms"] = 100;
  return plan;
}

Script committed() { return say(200, R"({"state":"committed"})"); }
Script aborted() { return say(200, R"({"state":"aborted"})"); }
Script running() { return say(200, R"({"state":"running"})"); }

Json op_of(const Json& document, std::string_view branch, std::string_view op) {
  for (const Json& one : document.value("branches", Json::array())) {
    if (one.value("id", "") == branch) return one.value("ops", Json::object()).value(std::string(op), Json());
  }
  return nullptr;
}

Json wait_of(const Json& document, std::string_view branch) {
  for (const Json& one : document.value("waiting_for", Json::array())) {
    if (one.value("branch", "") == branch) return one;
  }
  return nullptr;
}

int times_of(const Json& document, std::string_view event) {
  int times = 0;
  for (const Json& line : document.value("timeline", Json::array())) {
    if (line.value("event", "") != event) continue;
    // "not reached, 12 times"
    const std::string detail = line.value("detail", "");
    const std::size_t comma = detail.rfind(", ");
    const bool is_folded = comma != std::string::npos && detail.ends_with(" times");
    times += is_folded ? std::atoi(detail.c_str() + comma + 2) : 1;
  }
  return times;
}

std::unique_ptr<live::Place> World::place_;
std::unique_ptr<live::Settled> World::daemon_;

World::World(std::vector<std::string> flags) {
  if (daemon_ != nullptr) return;
  place_ = std::make_unique<live::Place>("e2e");
  daemon_ = std::make_unique<live::Settled>(place_->path(), std::move(flags));
  EXPECT_TRUE(daemon_->start()) << daemon_->log();
}

// A test must not take the daemon with it, whatever it sent.
World::~World() { EXPECT_TRUE(daemon_->process().running()) << daemon_->log(); }

void World::TearDownTestSuite() {
  EXPECT_EQ(daemon_->terminate(), (live::Exit{0, 0})) << daemon_->log();
  daemon_.reset();
  place_.reset();
}

}  // namespace settle::e2e
