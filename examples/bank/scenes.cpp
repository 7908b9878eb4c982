#include "scenes.h"

namespace settle::example {

Error otherwise(const std::string& what) { return {ErrorCode::kConflict, what}; }

Result<void> show(BankCast& cast, const std::string& gid, const std::string& daemon) {
  const Result<std::string> printed = cast.town.settlectl(daemon, {"show", gid});
  if (!printed) return printed.error();
  if (printed->find("TIME (UTC)") == std::string::npos)
    return otherwise("settlectl does not show " + gid + ": " + *printed);
  cast.narrator.command("settlectl show " + gid, *printed);
  cast.narrator.plain("");
  return {};
}

Result<void> expect_books(BankCast& cast, const Books& must, const std::string& when) {
  const Result<Books> books = cast.town.books();
  if (!books) return books.error();
  cast.narrator.step("books, " + when + ": " + to_text(*books));
  if (*books == must) return {};
  return otherwise("the books say " + to_text(*books) + " instead of " + to_text(must) + ", " + when);
}

namespace {

Result<void> expect(const Result<Transaction>& told, Transaction::Outcome outcome, const char* name) {
  if (!told) return otherwise("no outcome: " + told.error().message);
  if (told->outcome == outcome) return {};
  return otherwise(told->gid + " is not " + name + ": " + told->document);
}

}  // namespace

Result<void> expect_committed(const Result<Transaction>& told) {
  return expect(told, Transaction::Outcome::kCommitted, "committed");
}
Result<void> expect_aborted(const Result<Transaction>& told) {
  return expect(told, Transaction::Outcome::kAborted, "aborted");
}

Result<Reply> send_op(example::Client& http, const std::string& url, const std::string& body,
                      const HeaderList& headers) {
  std::string lines;
  for (const auto& [name, value] : headers) lines += name + ": " + value + "\r\n";
  return http.call("POST", url, body, kScenePatience, lines);
}

const std::vector<BankScene>& bank_scenes() {
  static const std::vector<BankScene> all = {
      {"Bob pays Smith (TCC)",
       "Bob's bank is north, Smith's is south. Bob's app calls only try, with its own HTTP client; the banks enlist\n"
       "themselves. Leaving the app's scope well confirms, leaving it in any other way cancels.",
       bob_pays_smith},
      {"All promise first (2PC over services)",
       "The same banks, asked by the daemon: prepare, then commit or rollback. A third branch only looks at Bob's\n"
       "limit, votes read-only, and hears no commit.",
       all_promise_first},
      {"A saga whose points are down",
       "Bob pays and gets points for it. The ledger of points is down, but the payment matters more than the points.",
       points_are_down},
      {"An incident, and who resolves it",
       "A saga turns back, and its compensation fails again and again. The decision does not change; a person acts.",
       a_person_resolves},
      {"Two daemons over PostgreSQL, one killed in the middle",
       "A private PostgreSQL, two daemons that share it, thirty payments. One daemon dies with its share unfinished.",
       the_other_takes_over},
  };
  return all;
}

}  // namespace settle::example
