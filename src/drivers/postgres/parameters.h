#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace settle::postgres {

/// Types that parameters may have; the values are the server's own numbers.
enum class Type : std::uint32_t { kBool = 16, kBytes = 17, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25 };

/// One array as the server reads it in binary, for `unnest`.
///
///   array   := dimensions: i32 be (1; 0 when empty)   nulls: i32 be (0)   type: i32 be
///              [ length: i32 be   first index: i32 be (1)   element* ]
///   element := size: i32 be   bytes
class Array {
 public:
  explicit Array(Type element) : element_(element) {}

  /// kBool (0 or 1), kInt2, kInt4 and kInt8; whoever adds makes sure that the value fits.
  void add(std::int64_t number);
  /// kText and kBytes.
  void add(std::string_view bytes);

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] Type element() const { return element_; }

  /// The whole array; nothing is added afterwards.
  [[nodiscard]] std::string take();

 private:
  Type element_;
  std::uint32_t count_ = 0;
  std::string body_;
};

/// The values of $1, $2 … in binary.
class Parameters {
 public:
  Parameters& add(Type type, std::int64_t number);
  Parameters& text(std::string_view value);
  Parameters& bytes(std::string_view value);
  Parameters& array(Array&& value);

  [[nodiscard]] std::size_t size() const { return values_.size(); }

  struct Value {
    std::uint32_t type = 0;
    std::string bytes;
  };
  [[nodiscard]] const std::vector<Value>& values() const { return values_; }

 private:
  std::vector<Value> values_;
};

}  // namespace settle::postgres
