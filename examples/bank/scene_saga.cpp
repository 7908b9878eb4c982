#include <settle/saga.h>

#include "scenes.h"

namespace settle::example {

namespace {

using std::chrono::milliseconds;

/// Bob pays 40 coins and is to get 4 points for it.
Saga payment_with_points(const Town& town, const std::string& gid) {
  const std::string north = town.url("north", "/account");
  const std::string south = town.url("south", "/account");
  const std::string points = town.url("points", "/account");
  Saga saga(gid);
  saga.step("bob", north).compensate(north).input(to_json({"bob", -40}));
  saga.step("smith", south).compensate(south).input(to_json({"smith", 40}));
  saga.step("points", points)
      .compensate(points)
      .input(to_json({"bob", 4}))
      .retry(Retry().base(milliseconds{100}).cap(milliseconds{200}).attempts(3))
      .attempt_timeout(milliseconds{1000})  // for so long a call that failed may still run, and is not undone
      .optional()
      .degrade(FollowUp("voucher", town.url("north", "/voucher")));
  return saga;
}

/// The ledger of points must not have heard of it, and never will: its barrier has the tombstone.
Result<void> expect_voucher_instead(BankCast& cast, const std::string& gid) {
  const std::string of_it = " WHERE gid = '" + gid + "'";
  const std::string& folder = cast.town.folder();
  const auto vouchers = ask_bank(folder, "north", "SELECT COUNT(*) FROM vouchers" + of_it);
  if (!vouchers || *vouchers != 1) return otherwise("Bob must have one voucher instead of his points");
  const auto points = ask_bank(folder, "points", "SELECT balance FROM accounts WHERE name = 'bob'");
  if (!points || *points != 0) return otherwise("Bob must not have points and a voucher");
  const Result<Reply> late = send_op(cast.town.http(), cast.town.url("points", "/account"), to_json({"bob", 4}),
                                     {{"settle-gid", gid}, {"settle-branch", "points"}, {"settle-op", "action"}});
  if (!late || late->status != 409) return otherwise("a late grant of points was not refused");
  cast.narrator.step("Bob has one voucher and no points; a late grant is refused: 409 " + late->body);
  return {};
}

}  // namespace

Result<Books> points_are_down(BankCast& cast, const Books& before) {
  Town& town = cast.town;
  const std::string gid = cast.prefix + "no-points";
  cast.narrator.fault("the ledger of points is down: 500 to whatever comes");
  const Trouble closed(town, "points", BankFault::kClosed);
  SETTLE_EXAMPLE_TRY(closed.begin());
  cast.narrator.step("saga " + gid + " begun: Bob, then Smith, then points if they can be had");
  if (const Result<Transaction> begun = town.settle().begin(payment_with_points(town, gid)); !begun) {
    return otherwise("the saga was not begun: " + begun.error().message);
  }
  const bool given_up = eventually([&] {
    const Result<Transaction> now = town.settle().query(gid);
    return now && now->find("points", "compensate") != nullptr;
  });
  if (!given_up) return otherwise("the points were not given up");
  Books books = before;
  books.bob -= 40;
  books.smith += 40;
  cast.narrator.settle("gives the points up after three attempts; the payment stays");
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "points given up"));
  cast.narrator.settle(
      "nobody knows whether an attempt has come through, so they are taken back before there is a voucher");
  SETTLE_EXAMPLE_TRY(closed.end());
  cast.narrator.step("the ledger of points is back");
  SETTLE_EXAMPLE_TRY(expect_committed(town.settle().wait(gid, Wait::for_end(kScenePatience))));
  const bool ended = eventually([&] {
    const Result<Transaction> now = town.settle().query(gid);
    return now && now->phase == "ended";
  });
  if (!ended) return otherwise("the voucher was not delivered");
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "committed"));
  SETTLE_EXAMPLE_TRY(expect_voucher_instead(cast, gid));
  SETTLE_EXAMPLE_TRY(show(cast, gid));
  return books;
}

}  // namespace settle::example
