#include <settle/two_phase.h>

#include "scenes.h"

namespace settle::example {
namespace {

/// Bob pays `coins` to `payee`; the limit is looked at, the two accounts are changed.
TwoPhase payment(const BankCast& cast, const std::string& gid, const std::string& payee, std::int64_t coins) {
  const Town& town = cast.town;
  TwoPhase plan(gid);
  const std::string limit = town.url("north", "/limit");
  const std::string north = town.url("north", "/account");
  const std::string south = town.url("south", "/account");
  plan.branch("limit", limit, limit).prepare(limit).input(to_json({"bob", -coins}));
  plan.branch("bob", north, north).prepare(north).input(to_json({"bob", -coins}));
  plan.branch("smith", south, south).prepare(south).input(to_json({payee, coins}));
  return plan;
}

Result<void> commits(BankCast& cast, Books& books) {
  const std::string gid = cast.prefix + "two-phase";
  cast.narrator.step("Bob pays 100 coins: " + gid);
  const Result<Transaction> told = cast.town.settle().run(payment(cast, gid, "smith", 100), kScenePatience);
  SETTLE_EXAMPLE_TRY(expect_committed(told));
  if (told->find("bob", "commit") == nullptr) return otherwise("Bob's bank was not told to commit");
  const Transaction::BranchOp* const vote = told->find("limit", "prepare");
  if (vote == nullptr || vote->outcome != "done") return otherwise("the limit was not asked");
  if (const auto* const told_limit = told->find("limit", "commit");
      told_limit != nullptr && told_limit->outcome == "done") {
    return otherwise("who voted read-only was told to commit");
  }
  cast.narrator.settle("has every promise before it tells anybody to commit; `limit` voted read-only and is done");
  books.bob -= 100;
  books.smith += 100;
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "committed"));
  return show(cast, gid);
}

Result<void> rolls_back(BankCast& cast, const Books& books) {
  const std::string gid = cast.prefix + "two-phase-refused";
  cast.narrator.fault(
      "Bob pays 70 coins to smyth: the south bank cannot promise that, while north has frozen the coins");
  const Result<Transaction> told = cast.town.settle().run(payment(cast, gid, "smyth", 70), kScenePatience);
  SETTLE_EXAMPLE_TRY(expect_aborted(told));
  cast.narrator.settle("rolls back who has promised");
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "rolled back"));
  return show(cast, gid);
}

}  // namespace

Result<Books> all_promise_first(BankCast& cast, const Books& before) {
  Books books = before;
  SETTLE_EXAMPLE_TRY(commits(cast, books));
  SETTLE_EXAMPLE_TRY(rolls_back(cast, books));
  return books;
}

}  // namespace settle::example
