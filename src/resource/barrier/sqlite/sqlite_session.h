#pragma once

#include "resource/barrier/session.h"

namespace settle::barrier {

/// In SQLite one writer at a time has the whole file, so "locked" means anybody who writes.
class SqliteSession final : public Session {
 public:
  explicit SqliteSession(sqlite3* handle) : handle_(handle) {}

  Sent ready() override;
  [[nodiscard]] bool in_transaction() override;
  Sent begin() override;
  Sent meet(const Checked& call, Met& met) override;
  Sent change_row(const Checked& call, std::string_view assignments, std::string_view condition,
                  std::int64_t& changed) override;
  Sent keep_answer(const Checked& call, std::string_view body) override;
  Sent commit() override;
  void roll_back() override;
  [[nodiscard]] bool lost_to_others() override;
  Sent execute(const std::string& statement, std::int64_t& changed) override;
  Sent number(const std::string& statement, std::int64_t& value) override;
  [[nodiscard]] std::string_view now() const override;
  [[nodiscard]] std::string delete_some(std::string_view condition, int rows) const override;

 private:
  /// Why the last request failed.
  [[nodiscard]] Sent fault() const;
  /// Why a statement that names the barrier's tables could not be prepared.
  [[nodiscard]] Sent misfit() const;
  Sent execute(const char* statement);

  sqlite3* handle_;
};

}  // namespace settle::barrier
