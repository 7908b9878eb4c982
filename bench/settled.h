#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "child.h"
#include "data_directory.h"
#include "measure.h"
#include "meter.h"
#include "options.h"
#include "settle/result.h"

namespace settle::bench {

/// This program's own path, and that of a program beside it.
std::string own_path();
std::string path_beside(const std::string& name);

/// The port behind `word` ("api=") in a line like "listening api=127.0.0.1:1234 admin=127.0.0.1:1235"; 0 if none.
std::uint16_t port_in(const std::string& line, const std::string& word);

/// A settled of our own on a fresh embedded store.
class Settled {
 public:
  /// Returns when it is ready to serve. Errors: kInvalid (the data directory), kUnavailable (it does not start).
  static Result<std::unique_ptr<Settled>> start(const Options& options);

  /// As measure() wants it; lives as long as this does.
  [[nodiscard]] Coordinated coordinated() const;
  [[nodiscard]] const std::string& directory() const { return data_.path(); }
  [[nodiscard]] pid_t pid() const { return child_->pid(); }

  Result<void> stop() { return child_->stop(); }
  /// kill -9, then the same again on what is in the data directory. Returns when it is ready to serve, or after
  /// `patience`: kUnavailable.
  Result<void> restart_after_kill(std::chrono::seconds patience);

  /// One of its metrics, `name` with its labels. Errors: kUnavailable (no answer, no such metric).
  [[nodiscard]] Result<double> metric(const std::string& name) const;
  /// Memory that is resident now, in bytes.
  [[nodiscard]] double resident_bytes() const;

 private:
  Settled(DataDirectory data, const Options& options);
  Result<void> launch(std::chrono::seconds patience);
  [[nodiscard]] Result<void> wait_until_ready(std::chrono::seconds patience) const;

  DataDirectory data_;
  std::vector<std::string> command_;
  std::unique_ptr<Meter> meter_;
  std::unique_ptr<Child> child_;
  std::uint16_t api_port_ = 0;
  std::uint16_t admin_port_ = 0;
};

}  // namespace settle::bench
