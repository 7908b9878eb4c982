#include <settle/tcc.h>

#include <algorithm>
#include <charconv>

#include "postgres.h"
#include "scenes.h"

namespace settle::example {
namespace {

constexpr int kBeforeTheKill = 20;
constexpr int kAfterTheKill = 10;
constexpr std::int64_t kCoins = 5;

/// Every fifth payment goes to somebody whom the south bank does not know.
bool is_refused(int number) { return number % 5 == 4; }

std::string gid_of(const BankCast& cast, int number) { return cast.prefix + "payment-" + std::to_string(number); }

Tcc payment(const BankCast& cast, int number) {
  using std::chrono::milliseconds;
  const std::string north = cast.town.url("north", "/account");
  const std::string south = cast.town.url("south", "/account");
  Tcc plan(gid_of(cast, number));
  plan.retry(Retry().base(milliseconds{100}).cap(milliseconds{400}));
  plan.branch("bob", north, north).call_try(north).input(to_json({"bob", -kCoins}));
  plan.branch("smith", south, south).call_try(south).input(to_json({is_refused(number) ? "smyth" : "smith", kCoins}));
  return plan;
}

/// `count` payments from `first` on, each of them remembered when this returns.
Result<void> begin(const BankCast& cast, settle::Client& client, int first, int count) {
  for (int number = first; number < first + count; ++number) {
    if (const Result<Transaction> begun = client.begin(payment(cast, number)); !begun) {
      return otherwise(gid_of(cast, number) + " was not begun: " + begun.error().message);
    }
  }
  return {};
}

/// What psql said, as one number.
std::int64_t number_of(const Result<std::string>& said) {
  std::int64_t number = -1;
  if (said) (void)std::from_chars(said->data(), said->data() + said->size(), number);
  return number;
}

std::int64_t shards_of(const PrivatePostgres& postgres, const std::string& node) {
  return number_of(postgres.ask("SELECT count(*) FROM settle.shard WHERE held_until > clock_timestamp() AND owner = '" +
                                node + "'"));
}

/// Two daemons with half of the shards each.
Result<void> start_daemons(BankCast& cast, const PrivatePostgres& postgres) {
  for (const char* node : {"a", "b"}) {
    SETTLE_EXAMPLE_TRY(cast.town.add_daemon(std::string("settled-") + node,
                                            {"--store=" + postgres.url(), std::string("--node=") + node, "--shards=12",
                                             "--lease=2s", "--workers=2", "--drain=2s"}));
  }
  if (!eventually([&] { return shards_of(postgres, "a") == 6 && shards_of(postgres, "b") == 6; })) {
    return otherwise("the daemons do not share the shards");
  }
  for (const char* name : {"settled-a", "settled-b"}) {
    cast.narrator.step(std::string(name) + " (pid " + std::to_string(cast.town.pid(name)) + ") owns 6 of 12 shards");
  }
  return {};
}

/// How many payments are open and belong to `node`; the first of them in `one`. Below 0: PostgreSQL did not say.
std::int64_t open_of(const PrivatePostgres& postgres, const std::string& node, std::string& one) {
  const std::string where =
      " FROM settle.record JOIN settle.shard USING (shard) WHERE NOT is_ended AND owner = '" + node;
  const Result<std::string> first = postgres.ask("SELECT min(gid)" + where + "'");
  if (!first) return -1;
  one = first->substr(0, first->find('\n'));
  return number_of(postgres.ask("SELECT count(*)" + where + "'"));
}

/// Waits for the end of all payments and holds each against what it was to come to.
Result<void> await_ends(const BankCast& cast, settle::Client& client, Books& books) {
  int committed = 0;
  for (int number = 0; number < kBeforeTheKill + kAfterTheKill; ++number) {
    const Result<Transaction> told = client.wait(gid_of(cast, number), Wait::for_end(kScenePatience));
    if (is_refused(number)) {
      SETTLE_EXAMPLE_TRY(expect_aborted(told));
      continue;
    }
    SETTLE_EXAMPLE_TRY(expect_committed(told));
    ++committed;
  }
  books.bob -= committed * kCoins;
  books.smith += committed * kCoins;
  cast.narrator.step("all " + std::to_string(kBeforeTheKill + kAfterTheKill) + " payments have ended: " +
                     std::to_string(committed) + " confirmed, the others cancelled because nobody knows smyth");
  return {};
}

/// The daemons go before their store does.
class Daemons {
 public:
  explicit Daemons(Town& town) : town_(town) {}
  ~Daemons() {
    for (const char* name : {"settled-a", "settled-b"}) town_.remove(name);
  }
  Daemons(const Daemons&) = delete;
  Daemons& operator=(const Daemons&) = delete;

 private:
  Town& town_;
};

}  // namespace

Result<Books> the_other_takes_over(BankCast& cast, const Books& before) {
  Town& town = cast.town;
  const Result<std::uint16_t> port = town.fresh_port();
  if (!port) return port.error();
  PrivatePostgres postgres;
  SETTLE_EXAMPLE_TRY(postgres.start(*port, town.log_of("postgres")));
  cast.narrator.step("PostgreSQL (pid " + std::to_string(postgres.pid()) + ") at " + postgres.url());
  const Daemons daemons(town);
  SETTLE_EXAMPLE_TRY(start_daemons(cast, postgres));
  ClientOptions options;
  options.addresses = {town.address("settled-a"), town.address("settled-b")};
  options.patience = kScenePatience;
  settle::Client client(options);

  // Nothing can be decided while the south bank is closed: so the kill meets payments half-way, not by luck.
  const Trouble closed(town, "south", BankFault::kClosed);
  SETTLE_EXAMPLE_TRY(closed.begin());
  SETTLE_EXAMPLE_TRY(begin(cast, client, 0, kBeforeTheKill));
  Books books = before;
  books.bob -= kBeforeTheKill * kCoins;
  books.frozen += kBeforeTheKill * kCoins;
  if (!eventually([&] {
        const Result<Books> now = town.books();
        return now && *now == books;
      })) {
    return otherwise("Bob's coins were not frozen for all payments");
  }
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "20 payments tried at north, the south bank is closed"));

  std::string one;
  std::int64_t open = 0;
  if (!eventually([&] { return (open = open_of(postgres, "a", one)) > 0; })) {
    return otherwise("settled-a has no share of the payments");
  }
  cast.narrator.fault("kill -9 settled-a (pid " + std::to_string(town.pid("settled-a")) + ") with " +
                      std::to_string(open) + " payments unfinished");
  town.kill("settled-a");
  SETTLE_EXAMPLE_TRY(begin(cast, client, kBeforeTheKill, kAfterTheKill));
  cast.narrator.step("Bob pays ten times more, by the same client: it goes to the daemon that is there");
  SETTLE_EXAMPLE_TRY(closed.end());
  if (!eventually([&] { return shards_of(postgres, "b") == 12; })) return otherwise("settled-b did not take over");
  cast.narrator.settle(
      "settled-b owns all 12 shards once the leases of 2 s are over, and goes on where the record says");
  books = before;
  SETTLE_EXAMPLE_TRY(await_ends(cast, client, books));
  SETTLE_EXAMPLE_TRY(expect_books(cast, books, "all ended"));
  cast.narrator.step("one that settled-a had begun to drive, as settled-b tells it:");
  SETTLE_EXAMPLE_TRY(show(cast, one, "settled-b"));
  return books;
}

}  // namespace settle::example
