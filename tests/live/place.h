#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

/// Real processes under test: where they live, how they are started and killed, how to talk to them. Shares no code
/// with the product, so that a mistake there is not repeated here.
namespace settle::live {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A private folder for one test; removed with everything in it, unless keep() was called.
class Place {
 public:
  explicit Place(std::string_view name);
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(std::string_view below) const { return path_ + "/" + std::string(below); }
  void keep() { kept_ = true; }

 private:
  std::string path_;
  bool kept_ = false;
};

/// A port of 127.0.0.1 that nobody listens on. Below the range that the kernel hands out by itself, because a process
/// that is killed and started again on its port must not find it taken by somebody's outgoing connection.
std::uint16_t free_port();

/// The binary `name` beside the running one.
std::string binary(std::string_view name);

/// Asks again and again until `holds` or `bound` is over; says whether it holds. The bound only ends a failing test.
bool eventually(milliseconds bound, const std::function<bool()>& holds);

/// How long a step of a healthy program may take on a busy machine under a sanitizer: ends failing tests, times
/// nothing.
inline constexpr seconds kPatience{30};

/// The content of a file; empty if there is none.
std::string read_file(const std::string& path);

}  // namespace settle::live
