#include <settle/tcc_scope.h>

#include <optional>
#include <thread>

#include "scenes.h"

namespace settle::example {
namespace {

/// The headers of one op of a branch, as settled sends them.
HeaderList headers_of(const std::string& gid, const std::string& tid, const char* branch, const char* op) {
  return {{"settle-gid", gid}, {"settle-tid", tid}, {"settle-branch", branch}, {"settle-op", op}};
}

/// Calls a try within the scope; true if the coins are held.
bool try_branch(BankCast& cast, const TccScope& scope, const char* branch, const std::string& bank,
                const Movement& movement) {
  const Result<HeaderList> headers = scope.headers(branch);
  if (!headers) return false;
  const Result<Reply> reply = send_op(cast.town.http(), cast.town.url(bank, "/try"), to_json(movement), *headers);
  cast.narrator.step("try " + bank + ": " + (reply ? std::to_string(reply->status) + " " + reply->body : "no answer"));
  return reply && reply->status == 200;
}

/// Bob's app, all of it. `books`: what they say before; only the show looks at them.
Result<Transaction> pay(BankCast& cast, const std::string& gid, const std::string& payee, std::int64_t coins,
                        Books books) {
  auto scope = TccScope::open(cast.town.settle(), Tcc(gid));
  if (!scope) return scope.error();
  if (!try_branch(cast, *scope, "bob", "north", {"bob", -coins}) ||
      !try_branch(cast, *scope, "smith", "south", {payee, coins})) {
    return otherwise("a bank refused");  // leaving the scope gives everything back
  }
  books.bob -= coins;
  books.frozen += coins;
  if (Result<void> held = expect_books(cast, books, "all tried, nothing decided"); !held) return held.error();
  return scope->complete(Wait::for_end(kScenePatience));
}

Result<void> paid(BankCast& cast, Books& books) {
  const std::string gid = cast.prefix + "bob-pays-smith";
  cast.narrator.step("Bob pays 30 coins as " + gid);
  const Result<Transaction> told = pay(cast, gid, "smith", 30, books);
  SETTLE_EXAMPLE_TRY(expect_committed(told));
  books.bob -= 30;
  books.smith += 30;
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "confirmed"));

  cast.narrator.fault("the network doubles the confirm: Bob's bank hears it once more");
  const Result<Reply> again = send_op(cast.town.http(), cast.town.url("north", "/account"), to_json({"bob", -30}),
                                      headers_of(gid, told->tid, "bob", "confirm"));
  if (!again || again->status != 200) return otherwise("the repeated confirm was not answered as the first one");
  cast.narrator.step("its barrier answers as the first time, 200 " + again->body + ", and does nothing");
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "after the second confirm"));
  return show(cast, gid);
}

Result<void> refused(BankCast& cast, const Books& books) {
  const std::string gid = cast.prefix + "bob-pays-smyth";
  cast.narrator.fault("a slip of the pen: Bob pays 50 coins to smyth, whom the south bank does not know");
  const Result<Transaction> told = pay(cast, gid, "smyth", 50, books);
  if (told) return otherwise("the app was to hear a refusal and heard of an outcome");
  cast.narrator.settle("cancels what was tried: Bob's coins are free again");
  SETTLE_EXAMPLE_TRY(expect_aborted(cast.town.settle().wait(gid, Wait::for_end(kScenePatience))));
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "cancelled"));
  return show(cast, gid);
}

/// A try on its way, in a thread of its own. It is over when this object is.
class Courier {
 public:
  Courier(std::string url, std::string body, HeaderList headers)
      : thread_([this, url = std::move(url), body = std::move(body), headers = std::move(headers)] {
          example::Client http;
          reply_ = send_op(http, url, body, headers);
        }) {}
  ~Courier() { join(); }
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  const Result<Reply>& arrived() {
    join();
    return reply_;
  }

 private:
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  // Written by the thread, read when it is over.
  Result<Reply> reply_ = Error{ErrorCode::kUnavailable, "nothing was sent"};
  std::thread thread_;
};

Result<void> late(BankCast& cast, const Books& books) {
  const std::string gid = cast.prefix + "late-try";
  cast.narrator.fault("the try of 20 coins gets stuck inside the south bank, which has enlisted it already");
  auto scope = TccScope::open(cast.town.settle(), Tcc(gid));
  if (!scope) return scope.error();
  if (!try_branch(cast, *scope, "bob", "north", {"bob", -20})) return otherwise("north refused");
  const Result<HeaderList> headers = scope->headers("smith");
  if (!headers) return headers.error();
  std::optional<Courier> courier;  // goes after the stall, which it waits for
  const Trouble stall(cast.town, "south", BankFault::kStallTry);
  SETTLE_EXAMPLE_TRY(stall.begin());
  courier.emplace(cast.town.url("south", "/try"), to_json({"smith", 20}), *headers);
  if (!eventually([&] {
        const auto waiting = ask_bank(cast.town.folder(), "south", "SELECT stalled FROM fault");
        return waiting && *waiting == 1;
      })) {
    return otherwise("the try did not reach the south bank");
  }

  Books frozen = books;
  frozen.bob -= 20;
  frozen.frozen += 20;
  SETTLE_EXAMPLE_TRY(expect_books(cast, frozen, "while Bob waits"));
  cast.narrator.step("Bob has waited long enough: his app cancels");
  SETTLE_EXAMPLE_TRY(expect_aborted(scope->cancel("Bob has waited long enough", Wait::for_end(kScenePatience))));
  cast.narrator.settle("has cancelled both; the south bank's barrier had nothing to cancel and left a tombstone");
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "cancelled"));

  SETTLE_EXAMPLE_TRY(stall.end());
  const Result<Reply>& reply = courier->arrived();
  if (!reply || reply->status != 409) {
    return otherwise("the late try was not refused: " + (reply ? std::to_string(reply->status) : "no answer"));
  }
  cast.narrator.step("now the try wakes up, meets the tombstone, and is refused: 409 " + reply->body);
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "after the late try"));
  const auto kept = ask_bank(cast.town.folder(), "south", "SELECT COUNT(*) FROM movements WHERE gid = '" + gid + "'");
  if (!kept || *kept != 0) return otherwise("the late try left a movement behind");
  return show(cast, gid);
}

}  // namespace

Result<Books> bob_pays_smith(BankCast& cast, const Books& before) {
  Books books = before;
  SETTLE_EXAMPLE_TRY(paid(cast, books));
  SETTLE_EXAMPLE_TRY(refused(cast, books));
  SETTLE_EXAMPLE_TRY(late(cast, books));
  return books;
}

}  // namespace settle::example
