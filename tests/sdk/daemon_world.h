#pragma once

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "live/place.h"
#include "live/server.h"
#include "live/settled.h"
#include "settle/client.h"

namespace settle::sdk_tests {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A daemon of its own for every test, and services that answer what they are told and remember what they heard.
class DaemonWorld : public testing::Test {
 protected:
  DaemonWorld() : place("sdk"), settled(place.path()), services(live::free_port(), answering()) {}

  void SetUp() override { ASSERT_TRUE(settled.start()) << settled.log(); }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(settled.api_port()); }
  [[nodiscard]] ClientOptions options() const {
    ClientOptions out;
    out.addresses = {address()};
    out.patience = live::kPatience;
    return out;
  }
  /// Of the service that answers `path`.
  [[nodiscard]] std::string url(std::string_view path) const { return live::url(services.port(), path); }
  [[nodiscard]] static Retry quick() { return Retry().base(milliseconds{20}).cap(milliseconds{100}); }

  void answer(const std::string& path, int status, const std::string& body = "{}") {
    const std::lock_guard hold(lock);
    answers[path] = {status, body, {}};
  }
  /// Ops in the order in which they came: "action /stock".
  [[nodiscard]] std::vector<std::string> heard() {
    const std::lock_guard hold(lock);
    return story;
  }
  [[nodiscard]] std::size_t count(const std::string& what) {
    const std::lock_guard hold(lock);
    return static_cast<std::size_t>(std::count(story.begin(), story.end(), what));
  }
  [[nodiscard]] live::Message last(const std::string& path) {
    const std::lock_guard hold(lock);
    return requests[path];
  }

 private:
  live::Server::Handler answering() {
    return [this](const live::Message& request) {
      const std::lock_guard hold(lock);
      story.push_back(request.header("settle-op") + " " + request.target);
      requests[request.target] = request;
      const auto known = answers.find(request.target);
      return known == answers.end() ? live::Said{200, "{}", {}} : known->second;
    };
  }

  std::mutex lock;
  std::map<std::string, live::Said> answers;
  std::map<std::string, live::Message> requests;
  std::vector<std::string> story;

 protected:
  live::Place place;
  live::Settled settled;
  live::Server services;
};

}  // namespace settle::sdk_tests
