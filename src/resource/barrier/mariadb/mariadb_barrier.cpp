#include <algorithm>
#include <string_view>

#include "resource/barrier/mariadb/mariadb_session.h"
#include "resource/barrier/schema.h"

namespace settle::barrier {
namespace {

constexpr std::chrono::milliseconds kNoWait{0};
constexpr std::string_view kBegin = "DELIMITER //\n";
constexpr std::string_view kEnd = "\n//\n";

}  // namespace

Result<Verdict> enter(st_mysql* handle, const Call& call, std::chrono::milliseconds lock_wait) {
  MariaDbSession session(handle, lock_wait);
  return enter(static_cast<Session&>(session), call);
}

Result<void> store_answer(st_mysql* handle, const Call& call, std::string_view body) {
  MariaDbSession session(handle, kNoWait);
  return store_answer(static_cast<Session&>(session), call, body);
}

Reply run(st_mysql* handle, const Call& call, const Business& business, const Options& options) {
  // run() itself waits, in steps shorter than MariaDB knows.
  MariaDbSession session(handle, kNoWait);
  return run(static_cast<Session&>(session), call, business, options);
}

Reply run_effect(st_mysql* handle, const Call& call, const Effect& effect, const Options& options) {
  // run_effect() itself waits, in steps shorter than MariaDB knows.
  MariaDbSession session(handle, kNoWait);
  return run_effect(static_cast<Session&>(session), call, effect, options);
}

Result<void> install(st_mysql* handle, std::chrono::microseconds horizon) {
  MariaDbSession session(handle, kNoWait);
  if (!session.ready().well() || session.in_transaction()) {
    return Error{ErrorCode::kInvalid, "install needs a connection without an open transaction"};
  }
  // The file is written for the command line: statements end with a line of their own, after one that announces it.
  std::string_view text = kMariaDbSchema;
  text.remove_prefix(text.find(kBegin) + kBegin.size());
  text = text.substr(0, text.find("DELIMITER ;"));
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(kEnd), text.size());
    std::int64_t changed = 0;
    const Sent sent = session.execute(std::string(text.substr(0, end)), changed);
    if (!sent.well()) return Error{ErrorCode::kUnavailable, sent.reason};
    text.remove_prefix(std::min(end + kEnd.size(), text.size()));
  }
  return set_horizon(session, horizon);
}

Result<Pruned> prune(st_mysql* handle, std::chrono::microseconds older_than, std::chrono::seconds grace) {
  MariaDbSession session(handle, kNoWait);
  return prune(static_cast<Session&>(session), older_than, grace);
}

}  // namespace settle::barrier
