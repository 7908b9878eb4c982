#include "account.h"

#include <nlohmann/json.hpp>

#include "order/answer.h"

namespace settle::example {
namespace {

using barrier::Made;
using barrier::Work;

constexpr std::int64_t kAmountMax = 1'000'000;

struct Kept {
  std::string account;
  std::int64_t amount = 0;
  std::string state;
};

/// The coins that leave: frozen for now, or gone at once.
Result<int> take(Database& database, const Movement& movement, bool holds) {
  const std::int64_t coins = -movement.amount;
  return database.execute(
      "UPDATE accounts SET balance = balance - ?1, frozen = frozen + ?2 WHERE name = ?3 AND balance >= ?1",
      {coins, holds ? coins : 0, std::string_view(movement.account)});
}

/// The coins that arrive: the account must be there; only announced for now, or on it at once.
Result<int> give(Database& database, const Movement& movement, bool holds) {
  return database.execute("UPDATE accounts SET balance = balance + ? WHERE name = ?",
                          {holds ? 0 : movement.amount, std::string_view(movement.account)});
}

Made apply(Database& database, const BranchCall& call) {
  const Result<Movement> movement = parse_movement(call.body);
  if (!movement) return Made::refused(movement.error().message);
  const bool holds = call.op == "try" || call.op == "prepare";
  const bool leaves = movement->amount < 0;
  const Result<int> changed = leaves ? take(database, *movement, holds) : give(database, *movement, holds);
  if (!changed) return failed(changed.error());
  if (*changed == 0) {
    return Made::refused(leaves ? movement->account + " has no " + std::to_string(-movement->amount) + " coins"
                                : "there is no account '" + movement->account + "' here");
  }
  const Result<int> kept =
      database.execute("INSERT INTO movements (gid, branch, account, amount, state) VALUES (?, ?, ?, ?, ?)",
                       {std::string_view(call.gid), std::string_view(call.branch), std::string_view(movement->account),
                        movement->amount, std::string_view(holds ? "held" : "booked")});
  if (!kept) return failed(kept.error());
  return Made::done(holds ? R"("held")" : R"("booked")");
}

/// What is frozen leaves, what was announced arrives.
Result<int> fulfil(Database& database, const Kept& kept) {
  const std::string_view account = kept.account;
  if (kept.amount < 0) {
    return database.execute("UPDATE accounts SET frozen = frozen + ? WHERE name = ?", {kept.amount, account});
  }
  return database.execute("UPDATE accounts SET balance = balance + ? WHERE name = ?", {kept.amount, account});
}

Result<int> undo(Database& database, const Kept& kept) {
  const std::string_view account = kept.account;
  if (kept.state == "booked") {
    return database.execute("UPDATE accounts SET balance = balance - ? WHERE name = ?", {kept.amount, account});
  }
  if (kept.state == "held" && kept.amount < 0) {
    return database.execute("UPDATE accounts SET balance = balance - ?1, frozen = frozen + ?1 WHERE name = ?2",
                            {kept.amount, account});
  }
  return 0;  // only announced; or the staff has undone it by hand
}

Made finish(Database& database, const BranchCall& call, bool fulfils) {
  const auto rows = database.query("SELECT account, amount, state FROM movements WHERE gid = ? AND branch = ?",
                                   {std::string_view(call.gid), std::string_view(call.branch)});
  if (!rows) return failed(rows.error());
  if (rows->empty()) return Made::failed("there is no such movement");  // the barrier says otherwise: people must look
  const Kept kept{rows->at(0).text(0), rows->at(0).integer(1), rows->at(0).text(2)};
  const Result<int> changed = fulfils ? fulfil(database, kept) : undo(database, kept);
  if (!changed) return failed(changed.error());
  const Result<int> marked = database.execute(
      "UPDATE movements SET state = ? WHERE gid = ? AND branch = ?",
      {std::string_view(fulfils ? "booked" : "undone"), std::string_view(call.gid), std::string_view(call.branch)});
  if (!marked) return failed(marked.error());
  return Made::done(fulfils ? R"("booked")" : R"("undone")");
}

}  // namespace

const char* const kAccountSchema =
    "CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0),"
    "  frozen INTEGER NOT NULL DEFAULT 0 CHECK (frozen >= 0));"
    "CREATE TABLE IF NOT EXISTS movements (gid TEXT NOT NULL, branch TEXT NOT NULL, account TEXT NOT NULL,"
    "  amount INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('held', 'booked', 'undone')),"
    "  PRIMARY KEY (gid, branch));"
    "CREATE TABLE IF NOT EXISTS vouchers (gid TEXT PRIMARY KEY, account TEXT NOT NULL);";

Result<Movement> parse_movement(std::string_view json) {
  const nlohmann::json object = nlohmann::json::parse(json, nullptr, false);
  const auto wrong = [](const char* what) { return Error{ErrorCode::kInvalid, std::string("no movement: ") + what}; };
  if (!object.is_object()) return wrong("the body must be a JSON object");
  const auto account = object.find("account");
  if (account == object.end() || !account->is_string()) return wrong("account must be text");
  const auto amount = object.find("amount");
  if (amount == object.end() || !amount->is_number_integer()) return wrong("amount must be a whole number");
  // A huge unsigned number would turn into another one.
  if (amount->is_number_unsigned() && amount->get<std::uint64_t>() > std::uint64_t{kAmountMax}) {
    return wrong("amount is too large");
  }
  const auto coins = amount->get<std::int64_t>();
  if (coins == 0 || coins > kAmountMax || coins < -kAmountMax) return wrong("amount must be 1 to a million");
  return Movement{account->get<std::string>(), coins};
}

std::string to_json(const Movement& movement) {
  return nlohmann::json{{"account", movement.account}, {"amount", movement.amount}}.dump();
}

Made change_account(Database& database, const BranchCall& call, Work work) {
  switch (work) {
    case Work::kApply:
      return apply(database, call);
    case Work::kFulfil:
      return finish(database, call, true);
    case Work::kUndo:
      return finish(database, call, false);
    case Work::kNothing:
      break;
  }
  return Made::done();
}

}  // namespace settle::example
