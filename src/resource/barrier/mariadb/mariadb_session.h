#pragma once

#include "resource/barrier/session.h"

namespace settle::barrier {

class MariaDbSession final : public Session {
 public:
  /// `lock_wait`: of the barrier's statement only, in whole seconds; below one it does not wait.
  MariaDbSession(st_mysql* handle, std::chrono::milliseconds lock_wait) : handle_(handle), lock_wait_(lock_wait) {}

  Sent ready() override;
  [[nodiscard]] bool in_transaction() override;
  Sent begin() override;
  Sent meet(const Checked& call, Met& met) override;
  Sent change_row(const Checked& call, std::string_view assignments, std::string_view condition,
                  std::int64_t& changed) override;
  Sent keep_answer(const Checked& call, std::string_view body) override;
  Sent commit() override;
  Sent commit_work(const Checked& call, int state) override;
  void roll_back() override;
  [[nodiscard]] bool lost_to_others() override;
  Sent execute(const std::string& statement, std::int64_t& changed) override;
  Sent number(const std::string& statement, std::int64_t& value) override;
  [[nodiscard]] std::string_view now() const override;
  [[nodiscard]] std::string delete_some(std::string_view condition, int rows) const override;

 private:
  /// Why the last request failed.
  [[nodiscard]] Sent fault() const;
  /// The statement, waiting for locks no longer than it may.
  [[nodiscard]] std::string bounded(std::string_view statement) const;
  Sent execute(std::string_view statement);
  Sent commit(std::string_view statement);

  st_mysql* handle_;
  std::chrono::milliseconds lock_wait_;
};

}  // namespace settle::barrier
