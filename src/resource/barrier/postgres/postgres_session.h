#pragma once

#include "resource/barrier/session.h"

namespace settle::barrier {

class PostgresSession final : public Session {
 public:
  /// `lock_wait`: of the barrier's statement only; PostgreSQL knows no shorter one than 1 ms.
  PostgresSession(pg_conn* handle, std::chrono::milliseconds lock_wait) : handle_(handle), lock_wait_(lock_wait) {}

  Sent ready() override;
  [[nodiscard]] bool in_transaction() override;
  Sent begin() override;
  Sent meet(const Checked& call, Met& met) override;
  Sent change_row(const Checked& call, std::string_view assignments, std::string_view condition,
                  std::int64_t& changed) override;
  Sent keep_answer(const Checked& call, std::string_view body) override;
  Sent commit() override;
  void roll_back() override;
  /// Never: libpq forgets the SQLSTATE, so the business says it with Made.
  [[nodiscard]] bool lost_to_others() override { return false; }
  Sent execute(const std::string& statement, std::int64_t& changed) override;
  Sent number(const std::string& statement, std::int64_t& value) override;
  [[nodiscard]] std::string_view now() const override;
  [[nodiscard]] std::string delete_some(std::string_view condition, int rows) const override;

 private:
  [[nodiscard]] std::string lock_timeout() const;

  pg_conn* handle_;
  std::chrono::milliseconds lock_wait_;
};

}  // namespace settle::barrier
