#include "fault.h"

namespace settle::example {
namespace {

Result<void> done(const Result<int>& changed) { return changed ? Result<void>() : Result<void>(changed.error()); }

}  // namespace

Result<BankFault> read_fault(Database& database) {
  const auto rows = database.query("SELECT name FROM fault");
  if (!rows) return rows.error();
  for (const auto& [fault, name] : kBankFaultNames) {
    if (!rows->empty() && rows->at(0).text(0) == name) return fault;
  }
  return BankFault::kNone;
}

Result<void> write_fault(Database& database, BankFault fault) {
  for (const auto& [known, name] : kBankFaultNames) {
    if (known == fault) return done(database.execute("UPDATE fault SET name = ?", {name}));
  }
  return {};
}

Result<void> count_stalled(Database& database, std::int64_t by) {
  return done(database.execute("UPDATE fault SET stalled = stalled + ?", {by}));
}

Result<std::int64_t> stalled(Database& database) {
  const auto rows = database.query("SELECT stalled FROM fault");
  if (!rows) return rows.error();
  return rows->empty() ? 0 : rows->at(0).integer(0);
}

}  // namespace settle::example
