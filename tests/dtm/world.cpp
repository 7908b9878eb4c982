#include "dtm/world.h"

namespace settle::dtm_test {

Daemon::Daemon(bool with_hooks, std::vector<std::string> flags)
    : Daemon(std::make_unique<live::Place>("dtm"), with_hooks, std::move(flags)) {}

Daemon::Daemon(std::unique_ptr<live::Place> place, bool with_hooks, std::vector<std::string> flags)
    : settled(place->path()), place_(std::move(place)), hooks_port_(live::free_port()), flags_(std::move(flags)) {
  flags_.push_back("--api.dtm=127.0.0.1:" + std::to_string(settled.api_port()));
  if (!with_hooks) return;
  flags_.push_back("--test-hooks=on");
  flags_.push_back("--test.hooks=127.0.0.1:" + std::to_string(hooks_port_));
}

bool Daemon::start() { return settled.start(flags_); }

Reply Dtm::post(std::string_view name, const Json& body) const {
  return daemon_.client().post("/api/dtmsvr/" + std::string(name), body.dump());
}

Reply Dtm::get(std::string_view name_and_query) const {
  return daemon_.client().get("/api/dtmsvr/" + std::string(name_and_query));
}

Reply Dtm::del(std::string_view name) const {
  return daemon_.client().ask("DELETE", "/api/dtmsvr/" + std::string(name), {});
}

Reply Dtm::raw(std::string_view name, std::string_view body) const {
  return daemon_.client().post("/api/dtmsvr/" + std::string(name), body);
}

Reply Dtm::raw_rpc(std::string_view body) const { return daemon_.client().post("/api/json-rpc", body); }

Json Dtm::ping() const { return daemon_.client().get("/api/ping").body; }

Json Dtm::native(const std::string& gid) const { return daemon_.client().show(gid).body; }

Json Dtm::hook(std::string_view name_and_query) const {
  const Reply reply = daemon_.hooks().post("/test/" + std::string(name_and_query), "");
  return reply.status == 200 ? reply.body : Json();
}

int Dtm::hook_status(std::string_view method, std::string_view name_and_query) const {
  return daemon_.hooks().ask(method, "/test/" + std::string(name_and_query), "").status;
}

std::string Dtm::processed(int timeout_ms) const {
  return hook("wait-processed?timeout_ms=" + std::to_string(timeout_ms)).value("gid", "?");
}

std::string Dtm::cron_once() const { return hook("cron-once").value("gid", "?"); }

Json Dtm::query(const std::string& gid) const { return get("query?gid=" + gid).body; }

std::string Dtm::status(const std::string& gid) const {
  const Json found = transaction(gid);
  return found.is_object() ? found.value("status", "") : "";
}

std::string Dtm::reason(const std::string& gid) const { return transaction(gid).value("rollback_reason", ""); }

int Dtm::interval(const std::string& gid) const { return transaction(gid).value("next_cron_interval", -1); }

std::string Dtm::rows(const std::string& gid) const {
  std::string text;
  const Json found = query(gid);
  for (const Json& row : found["branches"]) {
    text += (text.empty() ? "" : ", ") + row.value("op", "?") + " " + row.value("status", "?");
  }
  return text;
}

std::unique_ptr<Daemon> World::daemon_;

namespace {

Daemon& started(std::unique_ptr<Daemon>& daemon) {
  if (daemon == nullptr) {
    daemon = std::make_unique<Daemon>();
    EXPECT_TRUE(daemon->start()) << daemon->settled.log();
  }
  return *daemon;
}

}  // namespace

World::World() : dtm(started(daemon_)) { EXPECT_EQ(dtm.hook("reset"), Json::object()); }

// A test must not take the daemon with it, whatever it sent.
World::~World() { EXPECT_TRUE(daemon_->settled.process().running()) << daemon_->settled.log(); }

void World::TearDownTestSuite() {
  EXPECT_EQ(daemon_->settled.terminate(), (live::Exit{0, 0})) << daemon_->settled.log();
  daemon_.reset();
}

Json World::saga(const std::string& gid, std::initializer_list<const char*> steps) const {
  Json body{{"gid", gid}, {"trans_type", "saga"}, {"steps", Json::array()}, {"payloads", Json::array()}};
  for (const std::string step : steps) {
    body["steps"].push_back({{"action", services.url("/" + step)}, {"compensate", services.url("/" + step + "/undo")}});
    body["payloads"].push_back(R"({"amount":30})");
  }
  return body;
}

Json World::message(const std::string& gid, std::initializer_list<const char*> targets) const {
  Json body{{"gid", gid}, {"trans_type", "msg"}, {"steps", Json::array()}, {"payloads", Json::array()}};
  for (const std::string target : targets) {
    body["steps"].push_back({{"action", services.url("/" + target)}});
    body["payloads"].push_back(R"({"amount":30})");
  }
  return body;
}

Json World::branch(const std::string& type, const std::string& gid, const std::string& id) const {
  Json body{{"gid", gid}, {"trans_type", type}, {"branch_id", id}};
  if (type == "xa") {
    body["url"] = services.url("/" + id);
  } else {
    body["confirm"] = services.url("/" + id + "/confirm");
    body["cancel"] = services.url("/" + id + "/cancel");
    body["data"] = R"({"amount":30})";
  }
  return body;
}

}  // namespace settle::dtm_test
