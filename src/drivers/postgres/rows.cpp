#include "drivers/postgres/rows.h"

#include <libpq-fe.h>

#include <charconv>

#include "base/assert.h"

namespace settle::postgres {

void Rows::Clear::operator()(pg_result* result) const { PQclear(result); }

std::size_t Rows::size() const { return result_ ? static_cast<std::size_t>(PQntuples(result_.get())) : 0; }

bool Rows::is_null(std::size_t row, std::size_t column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}

std::string_view Rows::bytes(std::size_t row, std::size_t column) const {
  SETTLE_ASSERT(row < size());
  const int r = static_cast<int>(row);
  const int c = static_cast<int>(column);
  return {PQgetvalue(result_.get(), r, c), static_cast<std::size_t>(PQgetlength(result_.get(), r, c))};
}

std::int64_t Rows::number(std::size_t row, std::size_t column) const {
  const std::string_view raw = bytes(row, column);
  SETTLE_ASSERT(raw.size() == 1 || raw.size() == 2 || raw.size() == 4 || raw.size() == 8);
  const bool is_negative = raw.size() > 1 && (static_cast<unsigned char>(raw.front()) & 0x80U) != 0;
  std::uint64_t out = is_negative ? ~std::uint64_t{0} : 0;
  for (const char c : raw) out = (out << 8U) | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(out);
}

std::string_view Rows::tag() const { return result_ ? PQcmdStatus(result_.get()) : ""; }

std::uint64_t Rows::affected() const {
  std::uint64_t out = 0;
  const std::string_view text = result_ ? PQcmdTuples(result_.get()) : "";
  (void)std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

}  // namespace settle::postgres
