#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "live/client.h"
#include "live/process.h"

namespace settle::live {

/// The daemon as a process, on a data directory and two ports that it keeps over restarts.
class Settled {
 public:
  /// `folder`: data and log go there. `flags`: given at every start.
  explicit Settled(const std::string& folder, std::vector<std::string> flags = {});

  /// Starts the process; `more` flags for this start only. Does not wait for anything.
  void launch(const std::vector<std::string>& more = {});
  /// Waits until /readyz answers 200. False: the process has ended, or kPatience is over.
  bool await_ready();
  bool start(const std::vector<std::string>& more = {});

  /// SIGTERM, and its exit. Aborts nothing: an exit that does not come in time is killed and shows as signal 9.
  Exit terminate();
  void kill() { process_.kill(); }
  [[nodiscard]] Process& process() { return process_; }

  [[nodiscard]] Client client(milliseconds patience = kPatience) const { return Client(api_, patience); }
  [[nodiscard]] Client admin() const { return Client(admin_); }
  [[nodiscard]] std::uint16_t api_port() const { return api_; }
  [[nodiscard]] std::uint16_t admin_port() const { return admin_; }
  [[nodiscard]] std::string data() const { return folder_ + "/data"; }
  [[nodiscard]] std::string log() const { return read_file(folder_ + "/settled.log"); }

 private:
  std::string folder_;
  std::vector<std::string> flags_;
  std::uint16_t api_;
  std::uint16_t admin_;
  Process process_;
};

}  // namespace settle::live
