#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dtm/services.h"
#include "live/settled.h"

namespace settle::dtm_test {

/// A daemon of which DTM's interface is on.
class Daemon {
 public:
  /// `with_hooks`: no clock begins a pass.
  explicit Daemon(bool with_hooks = true, std::vector<std::string> flags = {});

  /// Starts it, also again on the same data.
  [[nodiscard]] bool start();
  live::Settled settled;
  [[nodiscard]] live::Client client() const { return settled.client(); }
  [[nodiscard]] live::Client hooks() const { return live::Client(hooks_port_); }

 private:
  Daemon(std::unique_ptr<live::Place> place, bool with_hooks, std::vector<std::string> flags);
  std::unique_ptr<live::Place> place_;
  std::uint16_t hooks_port_;
  std::vector<std::string> flags_;
};

/// What a DTM client and its tests do with a daemon.
class Dtm {
 public:
  explicit Dtm(Daemon& daemon) : daemon_(daemon) {}

  [[nodiscard]] Reply post(std::string_view name, const Json& body) const;
  [[nodiscard]] Reply get(std::string_view name_and_query) const;
  [[nodiscard]] Reply del(std::string_view name) const;
  /// A body that no JSON library would write.
  [[nodiscard]] Reply raw(std::string_view name, std::string_view body) const;
  [[nodiscard]] Reply rpc(const Json& body) const { return raw_rpc(body.dump()); }
  [[nodiscard]] Reply raw_rpc(std::string_view body) const;
  [[nodiscard]] Json ping() const;
  /// As /v1 shows it.
  [[nodiscard]] Json native(const std::string& gid) const;

  /// Answer of a hook; null if it was not 200.
  [[nodiscard]] Json hook(std::string_view name_and_query) const;
  [[nodiscard]] int hook_status(std::string_view method, std::string_view name_and_query) const;
  /// The gid of the next pass that ended; empty: none came.
  [[nodiscard]] std::string processed(int timeout_ms = 10'000) const;
  [[nodiscard]] std::string cron_once() const;

  [[nodiscard]] Json query(const std::string& gid) const;
  [[nodiscard]] Json transaction(const std::string& gid) const { return query(gid)["transaction"]; }
  [[nodiscard]] std::string status(const std::string& gid) const;
  [[nodiscard]] std::string reason(const std::string& gid) const;
  [[nodiscard]] int interval(const std::string& gid) const;
  /// "compensate succeed, action failed": the rows in their order.
  [[nodiscard]] std::string rows(const std::string& gid) const;

 private:
  Daemon& daemon_;
};

/// One daemon for all tests of a program, emptied before each, and services for each.
class World : public testing::Test {
 public:
  static void TearDownTestSuite();

 protected:
  World();
  ~World() override;

  /// A saga of steps at /ID with compensations at /ID/undo; every payload is {"amount":30}.
  [[nodiscard]] Json saga(const std::string& gid, std::initializer_list<const char*> steps) const;
  [[nodiscard]] Json message(const std::string& gid, std::initializer_list<const char*> targets) const;
  [[nodiscard]] Json branch(const std::string& type, const std::string& gid, const std::string& id) const;

 private:
  static std::unique_ptr<Daemon> daemon_;

 protected:
  Dtm dtm;
  Services services;
};

inline std::string message_of(const Reply& reply) { return reply.text("/message"); }
inline std::string result_of(const Reply& reply) { return reply.text("/dtm_result"); }

}  // namespace settle::dtm_test
