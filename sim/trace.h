#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>

#include "base/time.h"

namespace settle::sim {

/// What happened, as a hash always and as text if somebody wants to read it. Two runs of a seed must agree in both.
class Trace {
 public:
  enum class Text : std::uint8_t { kNone, kTail, kPrint };

  explicit Trace(Text text) : text_(text) {}

  void mix(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15ULL;
    hash_ ^= hash_ >> 29U;
  }
  void mix(std::string_view bytes) {
    for (const char c : bytes) mix(static_cast<unsigned char>(c));
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

  [[nodiscard]] bool is_on() const { return text_ != Text::kNone; }

  /// One line; formats nothing unless somebody reads.
  __attribute__((format(printf, 3, 4))) void line(Instant at, const char* format, ...) {
    if (!is_on()) return;
    char buffer[512];
    va_list arguments;
    va_start(arguments, format);
    (void)std::vsnprintf(static_cast<char*>(buffer), sizeof buffer, format, arguments);
    va_end(arguments);
    char stamp[32];
    (void)std::snprintf(static_cast<char*>(stamp), sizeof stamp, "%11.3f ms  ",
                        static_cast<double>((at - origin_).count()) / 1000.0);
    std::string whole = static_cast<const char*>(stamp);
    whole += static_cast<const char*>(buffer);
    if (text_ == Text::kPrint) {
      std::fputs(whole.c_str(), stdout);
      std::fputc('\n', stdout);
      return;
    }
    tail_.push_back(std::move(whole));
    if (tail_.size() > kTailLines) tail_.pop_front();
  }
  [[nodiscard]] const std::deque<std::string>& tail() const { return tail_; }
  void set_origin(Instant origin) { origin_ = origin; }

 private:
  static constexpr std::size_t kTailLines = 200'000;
  Text text_;
  std::uint64_t hash_ = 0x5e771e;
  Instant origin_ = kNoInstant;
  std::deque<std::string> tail_;
};

}  // namespace settle::sim
