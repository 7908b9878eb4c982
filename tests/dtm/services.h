#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "live/client.h"
#include "live/server.h"

namespace settle::dtm_test {

using live::Json;
using live::Reply;
using live::Said;

/// One call that a service has heard, as DTM makes them.
struct Heard {
  std::string method;
  std::string path;
  std::string query;  ///< as it came
  std::string gid;
  std::string branch;
  std::string op;
  int turn = 0;  ///< which call of this path it is, from 0
  live::Message request;
};

/// What a service does with a call. Runs on a thread of its own and may block.
using Script = std::function<Said(const Heard&)>;
Script say(int status, std::string body = R"({"dtm_result":"SUCCESS"})");
/// The n-th call gets the n-th script; calls behind the end get the last one.
Script in_turn(std::vector<Script> scripts);

/// All services of a test, behind one port. A path without a script says SUCCESS.
class Services {
 public:
  Services();
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  [[nodiscard]] std::string url(std::string_view path) const { return live::url(port_, path); }
  void on(const std::string& path, Script script);
  void close() { server_.reset(); }

  [[nodiscard]] std::vector<Heard> heard() const;
  /// "POST /a action 01, GET /b compensate 02"
  [[nodiscard]] std::string story() const;
  [[nodiscard]] std::size_t count(std::string_view path) const;

 private:
  Said on_request(const live::Message& request);

  std::uint16_t port_;
  mutable std::mutex lock_;
  std::map<std::string, Script> scripts_;  // guarded by lock_
  std::map<std::string, int> turns_;       // guarded by lock_
  std::vector<Heard> heard_;               // guarded by lock_
  std::unique_ptr<live::Server> server_;
};

}  // namespace settle::dtm_test
