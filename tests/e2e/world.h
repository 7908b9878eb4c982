#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "e2e/services.h"
#include "live/settled.h"

namespace settle::e2e {

/// A gid that this test program has not used yet: NAME-1, NAME-2, …
std::string fresh(std::string_view name);

/// A saga of steps that are called at /act/ID and undone at /undo/ID, with quick retries.
Json saga(const Services& services, const std::string& gid, std::initializer_list<const char*> steps);
/// A one-step message to targets at /deliver/ID.
Json message(const Services& services, const std::string& gid, std::initializer_list<const char*> targets);
/// A two-step message: asked back at /check, after 100 ms and again.
Json prepared(const Services& services, const std::string& gid, std::initializer_list<const char*> targets);
Json quick_retry();

/// The answers of a check-back.
Script committed();
Script aborted();
Script running();

/// The op of a branch in a document: /branches[id]/ops/op. Null if there is none.
Json op_of(const Json& document, std::string_view branch, std::string_view op);
/// The entry of waiting_for for that branch. Null if there is none.
Json wait_of(const Json& document, std::string_view branch);

/// How often a timeline has that event, folded repetitions included.
int times_of(const Json& document, std::string_view event);

/// One daemon for all tests of a suite, and services for each test. A suite may override `flags`.
class World : public testing::Test {
 public:
  static void TearDownTestSuite();

 protected:
  /// Starts the daemon with the first test of a suite.
  explicit World(std::vector<std::string> flags = {});
  ~World() override;

  [[nodiscard]] live::Settled& daemon() const { return *daemon_; }
  [[nodiscard]] live::Client client() const { return daemon_->client(); }
  [[nodiscard]] live::Client admin() const { return daemon_->admin(); }

  Services services;

 private:
  static std::unique_ptr<live::Place> place_;
  static std::unique_ptr<live::Settled> daemon_;
};

/// A daemon of a test's own, not started yet.
class OwnDaemon {
 public:
  explicit OwnDaemon(std::vector<std::string> flags = {}) : place_("e2e"), settled(place_.path(), std::move(flags)) {}

 private:
  live::Place place_;

 public:
  live::Settled settled;
};

}  // namespace settle::e2e
