#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "barrier/databases.h"
#include "resource/barrier/call.h"

namespace settle::barrier::testing {

using Databases = ::testing::Types<SqliteFile, PostgresServer, MariaDbServer>;

struct DatabaseNames {
  template <typename Database>
  static std::string GetName(int) {
    if constexpr (std::is_same_v<Database, SqliteFile>) return "Sqlite";
    if constexpr (std::is_same_v<Database, PostgresServer>) return "Postgres";
    if constexpr (std::is_same_v<Database, MariaDbServer>) return "MariaDb";
  }
};

inline std::string text_of(Work work) {
  constexpr const char* kNames[] = {"nothing", "apply", "fulfil", "undo"};
  return kNames[static_cast<std::size_t>(work)];
}

/// What the SDK and the SQL functions say of a line of the order table to somebody without an effect outside.
inline std::string_view work_text(const protocol::BarrierStep& step) {
  constexpr std::string_view kTexts[] = {"nothing", "apply", "undo", "nothing", "fulfil", "nothing"};
  return kTexts[static_cast<std::size_t>(step.work)];
}
inline std::string_view answer_text(const protocol::BarrierStep& step) {
  constexpr std::string_view kTexts[] = {"done", "refused", "running", "committed", "aborted", "conflict"};
  if (step.work == protocol::BarrierWork::kFind) return "unknown";
  return kTexts[static_cast<std::size_t>(step.answer)];
}
inline std::string line_text(const protocol::BarrierStep& step) {
  constexpr const char* kRows[] = {"absent", "done", "tombstone", "locked", "held", "begun", "fulfilling", "undoing"};
  return std::string(name_of(step.op)) + " on " + kRows[static_cast<std::size_t>(step.row)];
}

inline std::string text_of(Answer answer) {
  constexpr const char* kNames[] = {"done", "refused", "running", "committed", "aborted", "conflict", "unknown"};
  return kNames[static_cast<std::size_t>(answer)];
}

/// The names a test works with, and one connection. Every test has gids of its own, so tests share the tables.
template <typename Database>
class Barrier : public ::testing::Test {
 public:
  using Link = Connection<typename Database::Handle>;

  static Link connect() { return shared<Database>().connect(); }

  static std::string new_gid() {
    static std::atomic<int> next{0};
    return "g-" + std::to_string(++next);
  }

  static Call call(const std::string& gid, const std::string& op, const std::string& branch = "b1") {
    return Call{gid, branch, op, {}};
  }
  static Call call_with(const std::string& gid, const std::string& op, const std::string& body) {
    return Call{gid, "b1", op, {}, digest_of(body)};
  }

  /// A business that leaves one row per effect.
  static Business effect(const Link& link, const Call& call, std::string body = {}) {
    return [&link, call, body](Work work) {
      const Made made =
          link.try_to("INSERT INTO effect VALUES ('" + call.gid + "', '" + call.branch + "', '" + text_of(work) + "')");
      return made.how() == Made::How::kDone ? Made::done(body) : made;
    };
  }

  Reply run(const Call& call, std::string body = {}) {
    return barrier::run(link_.get(), call, effect(link_, call, std::move(body)));
  }
  Answer answer(const std::string& gid, const std::string& op) { return run(call(gid, op)).answer; }

  /// How often `work` was done; all works if it is empty.
  std::int64_t effects(const std::string& gid, const std::string& work = {}) {
    return link_.number("SELECT COUNT(*) FROM effect WHERE gid = '" + gid + "'" +
                        (work.empty() ? "" : " AND work = '" + work + "'"));
  }
  std::int64_t rows(const std::string& gid) {
    return link_.number("SELECT COUNT(*) FROM settle_barrier WHERE gid = '" + gid + "'");
  }
  /// 0: there is no row, or one that is as good as none.
  std::int64_t state(const std::string& gid) {
    return link_.number("SELECT COALESCE(MAX(state), 0) FROM settle_barrier WHERE gid = '" + gid + "'");
  }
  void put_row(const std::string& gid, protocol::BarrierRow row) {
    if (row == protocol::BarrierRow::kAbsent) return;
    link_.run("INSERT INTO settle_barrier (gid, branch, state, found, op, last_op, began) VALUES ('" + gid +
              "', 'b1', " + std::to_string(stored(row)) + ", 0, 'put', 'put', 1)");
  }

  Link link_ = connect();
};

}  // namespace settle::barrier::testing
