#include <settle/saga.h>

#include "scenes.h"

namespace settle::example {
namespace {

/// What the staff of the north bank does at their own desk, in their own database: the coins go back by hand, and the
/// movement says so. A compensation that still comes finds nothing to do.
Result<void> give_back_by_hand(BankCast& cast, const std::string& gid, std::int64_t coins) {
  const std::string account =
      "UPDATE accounts SET balance = balance + " + std::to_string(coins) + " WHERE name = 'bob'";
  const std::string movement = "UPDATE movements SET state = 'undone' WHERE gid = '" + gid + "' AND branch = 'bob'";
  Result<Database> database = Database::open(cast.town.folder() + "/north.db", std::chrono::seconds(5));
  if (!database) return database.error();
  Result<LocalTransaction> local = LocalTransaction::begin(*database);
  if (!local) return local.error();
  for (const std::string& statement : {account, movement}) {
    const Result<int> changed = database->execute(statement);
    if (!changed) return changed.error();
    if (*changed != 1) return otherwise("the staff found nothing to give back");
  }
  SETTLE_EXAMPLE_TRY(local->commit());
  cast.narrator.command("sqlite3 north.db", "BEGIN;\n" + account + ";\n" + movement + ";\nCOMMIT;");
  cast.narrator.plain("");
  return {};
}

/// Whoever looks at the list of incidents finds it, once it is on the disk: the list is read from there.
Result<void> expect_listed(BankCast& cast, const std::string& gid) {
  const std::string url = cast.town.admin_url("settled") + "/v1/incidents";
  const bool listed = eventually([&] {
    const Result<Reply> reply = cast.town.http().get(url);
    return reply && reply->status == 200 && reply->body.find(gid) != std::string::npos;
  });
  if (!listed) return otherwise("the incident is not listed at " + url);
  cast.narrator.step("It stands in the list of what waits for a person: " + url);
  return {};
}

/// The operator's word about a branch, on the admin listener.
Result<void> resolve(BankCast& cast, const std::string& gid) {
  const std::string url = cast.town.admin_url("settled") + "/v1/transactions/" + gid + "/branches/bob/resolve";
  const std::string body = R"({"as":"done","reason":"given back by hand at the counter, receipt 17"})";
  const Result<Reply> reply = cast.town.http().post(url, body);
  if (!reply || reply->status != 200) {
    return otherwise("the resolve was not taken: " + (reply ? reply->body : reply.error().message));
  }
  cast.narrator.command("curl -d '" + body + "' \\\n         " + url, "");
  cast.narrator.plain("");
  return {};
}

}  // namespace

Result<Books> a_person_resolves(BankCast& cast, const Books& before) {
  using std::chrono::milliseconds;
  Town& town = cast.town;
  const std::string gid = cast.prefix + "incident";
  const std::string north = town.url("north", "/account");
  const std::string south = town.url("south", "/account");
  cast.narrator.fault("the north bank's ledger is locked for an audit: whatever gives coins back fails there");
  const Trouble stuck(town, "north", BankFault::kStuckUndo);
  SETTLE_EXAMPLE_TRY(stuck.begin());

  Saga saga(gid);
  saga.retry(Retry().base(milliseconds{50}).cap(milliseconds{100}).attempts(3));
  saga.step("bob", north).compensate(north).input(to_json({"bob", -60}));
  saga.step("smith", south).compensate(south).input(to_json({"smyth", 60}));
  cast.narrator.step("saga " + gid + " begun: 60 coins to smyth, whom nobody knows; so it turns back");
  Result<Transaction> told = town.settle().run(saga, kScenePatience);
  if (told && told->running()) told = town.settle().wait(gid, Wait::for_end(kScenePatience));
  if (!told) return otherwise("no answer: " + told.error().message);
  if (!told->incident || told->decision != Transaction::Decision::kAbort || !told->running()) {
    return otherwise("this was to be an incident: " + told->document);
  }
  cast.narrator.settle("has decided to abort, and cannot: after three attempts it calls for a person, and asks on");
  Books books = before;
  books.bob -= 60;
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "60 coins are with nobody"));
  SETTLE_EXAMPLE_TRY(expect_listed(cast, gid));
  SETTLE_EXAMPLE_TRY(show(cast, gid));

  cast.narrator.step("The staff gives Bob his coins by hand:");
  SETTLE_EXAMPLE_TRY(give_back_by_hand(cast, gid, 60));
  cast.narrator.step("The operator says so, with a reason:");
  SETTLE_EXAMPLE_TRY(resolve(cast, gid));
  told = town.settle().wait(gid, Wait::for_end(kScenePatience));
  SETTLE_EXAMPLE_TRY(expect_aborted(told));
  if (told->decision != Transaction::Decision::kAbort || told->incident) {
    return otherwise("the decision must stay, and the incident must be over: " + told->document);
  }
  SETTLE_EXAMPLE_TRY(stuck.end());
  cast.narrator.settle("takes the word as evidence about that branch; the decision stays what it was: abort");
  SETTLE_EXAMPLE_TRY(expect_books(cast, before, "resolved"));
  SETTLE_EXAMPLE_TRY(show(cast, gid));
  return before;
}

}  // namespace settle::example
