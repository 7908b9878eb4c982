#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "barrier/world_testing.h"

namespace settle::barrier::testing {
namespace {

// Bob pays Smith, many Bobs and many Smiths, in both directions. Each transfer is a TCC of two branches with frozen
// amounts. The network repeats 30 % of the calls, at the same time as well; loses answers; lets cancels overtake their
// tries. What is left at the end must be what the confirmed transfers say, to the unit.

constexpr int kPairs = 16;
constexpr int kWorkers = 8;
constexpr std::int64_t kStart = 200;  // little enough that some transfers are refused

std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoll(text);
}

struct Transfer {
  std::string gid;
  std::string from;
  std::string to;
  int amount = 0;
  bool cancels_early = false;  ///< decided before the tries are answered
  bool refused = false;
  bool decided = false;
  bool confirms = false;
  int open_calls = 0;
};

/// One call on its way to a participant.
struct Delivery {
  Transfer* transfer = nullptr;
  bool to_payer = false;
  std::string op;
};

/// The coordinator and its network. Safe from any thread.
class Traffic {
 public:
  Traffic(std::int64_t calls, std::uint64_t seed) : calls_left_(calls), dice_(seed) {
    const std::lock_guard guard(lock_);
    for (int i = 0; i < 2 * kWorkers; ++i) begin_transfer();
  }

  /// The next call; nothing: all transfers have ended.
  std::optional<Delivery> next() {
    std::unique_lock guard(lock_);
    wake_.wait(guard, [this] { return !way_.empty() || open_transfers_ == 0; });
    if (way_.empty()) return std::nullopt;
    // The oldest two change places now and then.
    if (way_.size() > 1 && chance(30)) std::swap(way_[0], way_[1]);
    Delivery delivery = way_.front();
    way_.pop_front();
    ++calls_made_;
    return delivery;
  }

  /// Whether the participant's change should fail at its end this time.
  bool breaks() {
    const std::lock_guard guard(lock_);
    return chance(5);
  }

  void answered(const Delivery& delivery, const Reply& reply) {
    const std::lock_guard guard(lock_);
    Transfer& transfer = *delivery.transfer;
    compare_with_the_first(delivery, reply);
    const bool lost = chance(15);
    if (lost) ++answers_lost_;
    const bool settled = reply.answer == Answer::kDone || (reply.answer == Answer::kRefused && delivery.op == "try");
    if (reply.answer == Answer::kConflict) faults_.push_back(delivery.op + " of " + transfer.gid + ": " + reply.reason);
    if (lost || !settled) {
      way_.push_back(delivery);
      wake_.notify_one();
      return;
    }
    if (delivery.op == "try" && reply.answer == Answer::kRefused) transfer.refused = true;
    if (--transfer.open_calls == 0) go_on(transfer);
    wake_.notify_all();
  }

  [[nodiscard]] const std::deque<Transfer>& transfers() const { return transfers_; }
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
  [[nodiscard]] std::string summary() const {
    return std::to_string(calls_made_) + " calls, " + std::to_string(repeats_) + " sent twice, " +
           std::to_string(answers_lost_) + " answers lost, " + std::to_string(transfers_.size()) + " transfers";
  }

 private:
  bool chance(unsigned percent) { return dice_() % 100 < percent; }

  void send(Transfer& transfer, bool to_payer, const std::string& op) {
    const int copies = chance(30) ? 2 : 1;
    repeats_ += copies - 1;
    for (int i = 0; i < copies; ++i) {
      ++transfer.open_calls;
      way_.push_back({&transfer, to_payer, op});
      --calls_left_;
    }
  }

  void begin_transfer() {
    Transfer& transfer = transfers_.emplace_back();
    ++open_transfers_;
    transfer.gid = "pay-" + std::to_string(transfers_.size());
    const std::string pair = std::to_string(dice_() % kPairs);
    const bool bob_pays = chance(50);
    transfer.from = (bob_pays ? "bob" : "smith") + pair;
    transfer.to = (bob_pays ? "smith" : "bob") + pair;
    transfer.amount = static_cast<int>(1 + dice_() % 60);
    transfer.cancels_early = chance(20);
    // A cancel that was decided early may come before, between or after the tries.
    const bool overtakes = transfer.cancels_early && chance(50);
    if (overtakes) decide(transfer, false);
    for (const bool to_payer : {true, false}) send(transfer, to_payer, "try");
    if (transfer.cancels_early && !overtakes) decide(transfer, false);
  }

  void decide(Transfer& transfer, bool confirms) {
    transfer.decided = true;
    transfer.confirms = confirms;
    for (const bool to_payer : {true, false}) send(transfer, to_payer, confirms ? "confirm" : "cancel");
    // A try that was still on its way.
    if (chance(20)) send(transfer, chance(50), "try");
  }

  /// All calls of the transfer are answered.
  void go_on(Transfer& transfer) {
    if (!transfer.decided) return decide(transfer, !transfer.refused);
    --open_transfers_;
    if (calls_left_ > 0) begin_transfer();
  }

  void compare_with_the_first(const Delivery& delivery, const Reply& reply) {
    if (reply.answer != Answer::kDone || reply.body.empty()) return;
    const std::string call = delivery.transfer->gid + (delivery.to_payer ? " payer " : " payee ") + delivery.op;
    const auto [first, is_new] = bodies_.emplace(call, reply.body);
    if (!is_new && first->second != reply.body) faults_.push_back(call + " was answered differently");
  }

  std::mutex lock_;  // guards everything below
  std::condition_variable wake_;
  std::int64_t calls_left_;
  std::mt19937_64 dice_;
  std::deque<Transfer> transfers_;  // addresses stay
  std::deque<Delivery> way_;
  std::map<std::string, std::string> bodies_;
  std::vector<std::string> faults_;
  std::int64_t calls_made_ = 0;
  std::int64_t repeats_ = 0;
  std::int64_t answers_lost_ = 0;
  int open_transfers_ = 0;
};

template <typename Database>
class BarrierLoad : public Barrier<Database> {
 protected:
  using typename Barrier<Database>::Link;

  void serve(Traffic& traffic, int worker) {
    const Link link = this->connect();
    int calls = 0;
    while (const std::optional<Delivery> delivery = traffic.next()) {
      const Transfer& transfer = *delivery->transfer;
      Call call = this->call(transfer.gid, delivery->op, delivery->to_payer ? "payer" : "payee");
      call.digest = digest_of(transfer.from + " pays " + transfer.to + " " + std::to_string(transfer.amount));
      // Every execution would answer something else; so a repeat shows whether it was one.
      const std::string body = std::to_string(worker) + ":" + std::to_string(++calls);
      const bool breaks = traffic.breaks();
      traffic.answered(*delivery, barrier::run(link.get(), call, [&](Work work) {
        Made made = move_money(link, *delivery, work);
        if (made.how() != Made::How::kDone) return made;
        return breaks ? Made::failed("pulled the plug") : Made::done(body);
      }));
    }
  }

  Made move_money(const Link& link, const Delivery& delivery, Work work) {
    const Transfer& transfer = *delivery.transfer;
    const std::string amount = std::to_string(transfer.amount);
    const std::string& name = delivery.to_payer ? transfer.from : transfer.to;
    if (work == Work::kApply && delivery.to_payer) {
      Made locked = link.try_to("UPDATE account SET available = available WHERE name = '" + name + "'");
      if (locked.how() != Made::How::kDone) return locked;
      if (link.number("SELECT available FROM account WHERE name = '" + name + "'") < transfer.amount) {
        return Made::refused("not enough");
      }
    }
    Made moved =
        link.try_to("UPDATE account SET " + change(delivery.to_payer, work, amount) + " WHERE name = '" + name + "'");
    if (moved.how() != Made::How::kDone) return moved;
    return this->effect(link, this->call(transfer.gid, delivery.op, delivery.to_payer ? "payer" : "payee"))(work);
  }

  /// The payer's money leaves `available` when it is frozen; the payee's arrives there when it is no longer.
  static std::string change(bool payer, Work work, const std::string& amount) {
    switch (work) {
      case Work::kApply:
        return payer ? "available = available - " + amount + ", frozen = frozen + " + amount
                     : "frozen = frozen + " + amount;
      case Work::kFulfil:
        return payer ? "frozen = frozen - " + amount
                     : "available = available + " + amount + ", frozen = frozen - " + amount;
      case Work::kUndo:
        return payer ? "available = available + " + amount + ", frozen = frozen - " + amount
                     : "frozen = frozen - " + amount;
      case Work::kNothing:
        break;
    }
    return "nothing = is to be done";
  }

  std::int64_t count(const std::string& query) {
    return this->link_.number("SELECT COUNT(*) FROM (" + query + ") AS q");
  }
};
TYPED_TEST_SUITE(BarrierLoad, Databases, DatabaseNames);

TYPED_TEST(BarrierLoad, FAIL_C1_FAIL_C2_FAIL_C3_BobPaysSmithAndEveryUnitIsAccountedFor) {
  const std::int64_t calls = from_environment("SETTLE_BARRIER_OPERATIONS", 5'000);
  const auto seed = static_cast<std::uint64_t>(from_environment("SETTLE_BARRIER_SEED", 1));
  for (int i = 0; i < kPairs; ++i) {
    for (const char* const name : {"bob", "smith"}) {
      this->link_.run("INSERT INTO account VALUES ('" + std::string(name) + std::to_string(i) + "', " +
                      std::to_string(kStart) + ", 0)");
    }
  }
  Traffic traffic(calls, seed);
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < kWorkers; ++i) workers.emplace_back([this, &traffic, i] { this->serve(traffic, i); });
  }

  EXPECT_TRUE(traffic.faults().empty()) << traffic.faults().size() << ", the first: " << traffic.faults().front();
  EXPECT_EQ(this->link_.number("SELECT SUM(available) FROM account"), 2 * kPairs * kStart);
  EXPECT_EQ(this->link_.number("SELECT COUNT(*) FROM account WHERE frozen <> 0 OR available < 0"), 0);
  std::map<std::string, std::int64_t> balance;
  std::int64_t confirmed = 0;
  for (const Transfer& transfer : traffic.transfers()) {
    if (!transfer.confirms) continue;
    ++confirmed;
    balance[transfer.from] -= transfer.amount;
    balance[transfer.to] += transfer.amount;
  }
  for (const auto& [name, change] : balance) {
    EXPECT_EQ(this->link_.number("SELECT available FROM account WHERE name = '" + name + "'"), kStart + change) << name;
  }
  // Each effect once; what was applied was either fulfilled or undone.
  EXPECT_EQ(this->count("SELECT gid FROM effect GROUP BY gid, branch, work HAVING COUNT(*) > 1"), 0);
  EXPECT_EQ(this->count("SELECT gid FROM effect WHERE work = 'fulfil'"), 2 * confirmed);
  EXPECT_EQ(this->count("SELECT gid FROM effect WHERE work = 'apply'"),
            2 * confirmed + this->count("SELECT gid FROM effect WHERE work = 'undo'"));
  EXPECT_EQ(this->count("SELECT gid FROM settle_barrier WHERE state = 4"), 0);
  EXPECT_GT(confirmed, 0);
  EXPECT_LT(confirmed, static_cast<std::int64_t>(traffic.transfers().size()));
  std::cout << DatabaseNames::GetName<TypeParam>(0) << ": " << traffic.summary() << ", " << confirmed << " confirmed\n";
}

}  // namespace
}  // namespace settle::barrier::testing
