#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

struct sqlite3;

namespace settle::kill {

using Value = std::variant<std::int64_t, std::string>;
using Row = std::vector<Value>;

inline std::int64_t number_of(const Value& value) { return std::get<std::int64_t>(value); }
inline const std::string& text_of(const Value& value) { return std::get<std::string>(value); }

/// One connection to one file. One thread at a time. Everything but a lock held by somebody else aborts the process: a
/// participant or an oracle that cannot use its books proves nothing.
class Sqlite {
 public:
  Sqlite(const std::string& path, int patience_ms);
  ~Sqlite();
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  /// Runs one statement and gives its rows; nothing: somebody else holds the lock, nothing has happened.
  std::optional<std::vector<Row>> run(std::string_view statement, std::initializer_list<Value> values = {});
  /// Statements without values; waits for a lock as long as it takes.
  void run_all(const char* statements);
  /// Rows changed by the last statement.
  [[nodiscard]] int changes() const;

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace settle::kill
