#include <settle/saga.h>

#include "scenes.h"

namespace settle::example {

/// Bob pays 40 coins and is to get 4 points for it, whose ledger is dead.
Result<Books> points_are_down(BankCast& cast, const Books& before) {
  Town& town = cast.town;
  const std::string gid = cast.prefix + "no-points";
  cast.narrator.fault("kill -9 points (pid " + std::to_string(town.pid("points")) + ")");
  town.kill("points");

  using std::chrono::milliseconds;
  const std::string north = town.url("north", "/account");
  const std::string south = town.url("south", "/account");
  const std::string points = town.url("points", "/account");
  Saga saga(gid);
  saga.step("bob", north).compensate(north).input(to_json({"bob", -40}));
  saga.step("smith", south).compensate(south).input(to_json({"smith", 40}));
  saga.step("points", points)
      .compensate(points)
      .input(to_json({"bob", 4}))
      .retry(Retry().base(milliseconds{100}).cap(milliseconds{200}).for_at_most(milliseconds{500}))
      .optional()
      .degrade(FollowUp("voucher", town.url("north", "/voucher")));
  cast.narrator.step("saga " + gid + " begun: Bob, then Smith, then points if they can be had");
  SETTLE_EXAMPLE_TRY(expect_committed(town.settle().run(saga, kScenePatience)));
  cast.narrator.settle("gives the points up after half a second, commits the payment, and delivers a voucher instead");

  Books books = before;
  books.bob -= 40;
  books.smith += 40;
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "committed"));
  const bool ended = eventually([&] {
    const Result<Transaction> now = town.settle().query(gid);
    return now && now->phase == "ended";
  });
  if (!ended) return otherwise("the voucher was not delivered");
  const auto vouchers = ask_bank(town.folder(), "north", "SELECT COUNT(*) FROM vouchers WHERE gid = '" + gid + "'");
  if (!vouchers || *vouchers != 1) return otherwise("Bob must have one voucher for his points");
  SETTLE_EXAMPLE_TRY(show(cast, gid));

  SETTLE_EXAMPLE_TRY(town.start("points"));
  const auto granted = ask_bank(town.folder(), "points", "SELECT balance FROM accounts WHERE name = 'bob'");
  if (!granted || *granted != 0) return otherwise("there are points although a voucher was delivered");
  cast.narrator.step("points (pid " + std::to_string(town.pid("points")) +
                     ") is back: 0 points, and Bob has a voucher");
  return books;
}

}  // namespace settle::example
