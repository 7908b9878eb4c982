#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

struct pg_result;

namespace settle::postgres {

/// What one statement answered; owns it. Columns are binary.
class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result) : result_(result) {}

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }

  [[nodiscard]] bool is_null(std::size_t row, std::size_t column) const;
  /// The raw bytes; valid as long as the rows are.
  [[nodiscard]] std::string_view bytes(std::size_t row, std::size_t column) const;
  /// Of a bool, int2, int4 or int8.
  [[nodiscard]] std::int64_t number(std::size_t row, std::size_t column) const;

  /// "COMMIT", "INSERT 0 3" …
  [[nodiscard]] std::string_view tag() const;
  /// Rows that an INSERT, UPDATE or DELETE has touched.
  [[nodiscard]] std::uint64_t affected() const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace settle::postgres
