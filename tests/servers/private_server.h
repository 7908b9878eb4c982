#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "live/place.h"
#include "live/process.h"

/// Third-party servers under test: each in a folder of its own, on a port of its own, gone with its object.
namespace settle::servers {

/// One server process with its children. It listens on 127.0.0.1 only, below the ports that the kernel hands out. Run
/// by root it becomes the packaged user. It dies with this object, or with the thread that started it, at the latest.
/// One thread at a time. What cannot be done throws std::runtime_error with the reason and the end of the server's log;
/// a program that is not installed is named with its package: such a test fails, it is never passed over.
class PrivateServer {
 public:
  virtual ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] bool running() { return process_.running(); }

  /// Starts it on the data it has and returns once it answers. The port stays the same. Nothing if it runs.
  void start();
  /// SIGKILL for the server and its children at once; returns when all of them are gone. What was committed stays.
  void kill();
  /// Orderly, bounded: a server that does not go is killed.
  void stop();

 protected:
  struct Program {
    std::string path;     ///< absolute, or a name that is looked for in PATH
    std::string package;  ///< who has it
  };

  /// Makes the folder. `user` is who runs the server if this process is root.
  PrivateServer(std::string_view name, std::string user);

  [[nodiscard]] std::string folder() const { return place_.path(); }
  [[nodiscard]] std::string folder(std::string_view below) const { return place_.path(below); }
  [[nodiscard]] std::string log() const { return folder("log"); }
  /// The path of an installed program, or a throw that names its package.
  [[nodiscard]] static std::string find(const Program& program);
  /// `command` as the server's user, to its end; whether it went well.
  [[nodiscard]] bool run(const std::vector<std::string>& command) const;
  void write(std::string_view below, std::string_view content) const;
  [[noreturn]] void fail(std::string_view what) const;

  [[nodiscard]] virtual std::vector<std::string> command() const = 0;
  /// Asks the server itself; through its socket in our folder, so that nobody else can answer.
  [[nodiscard]] virtual bool answers() const = 0;
  [[nodiscard]] virtual int orderly_signal() const = 0;

 private:
  [[nodiscard]] std::vector<std::string> as_user(const std::vector<std::string>& command) const;
  /// Waits for the first answer; false: the process ended before.
  [[nodiscard]] bool launch();

  live::Place place_;
  std::string user_;  // empty: this process runs it as itself
  std::uint16_t port_;
  bool answered_ = false;  // ever: from then on the port is promised
  live::Process process_;
};

}  // namespace settle::servers
