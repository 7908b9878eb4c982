#include "storage/postgres/durability.h"

namespace settle {

StorePromise Durability::promise() const {
  // The server answers before its log is written: a crash of the server alone loses what was acknowledged last.
  if (synchronous_commit == "off") return StorePromise::kMayLoseSuffix;
  if (fsync != "on" || full_page_writes != "on") return StorePromise::kProcessKill;
  return StorePromise::kHostLoss;
}

std::string Durability::text() const {
  std::string out = "fsync=" + fsync + " full_page_writes=" + full_page_writes +
                    " synchronous_commit=" + synchronous_commit + " data_checksums=" + data_checksums;
  if (synchronous_standby_names.empty()) {
    return out + ", no synchronous standby: a fail-over to another server may lose the newest saves";
  }
  out += ", synchronous_standby_names='" + synchronous_standby_names + "'";
  if (synchronous_commit == "off" || synchronous_commit == "local") {
    out += " is not waited for: a fail-over may lose the newest saves";
  }
  return out;
}

Result<Durability> read_durability(postgres::Connection& connection) {
  const auto found = connection.run(
      "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),"
      " current_setting('synchronous_standby_names'), current_setting('data_checksums')");
  if (!found) return found.error();
  if (found->size() != 1) return Error{ErrorCode::kUnavailable, "PostgreSQL does not tell its settings"};
  const auto text = [&](std::size_t column) { return std::string(found->bytes(0, column)); };
  return Durability{text(0), text(1), text(2), text(3), text(4)};
}

}  // namespace settle
