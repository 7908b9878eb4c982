#include <atomic>
#include <iostream>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "barrier/effect_testing.h"

// Many branches with effects outside, each driven by a careless coordinator: every op is asked for by several workers
// at once, handlers lose answers before and after the deed, refuse, find out or cannot, and the clock runs ahead of
// them. Whatever happens: a deed is never done twice, what is answered done was done, and what is cancelled is undone.

namespace settle::barrier::testing {
namespace {

constexpr int kWorkers = 6;

/// One handler's luck.
struct Luck {
  std::uint64_t draw;
  [[nodiscard]] bool lost_before() const { return draw % 100 < 8; }
  [[nodiscard]] bool lost_after() const { return draw % 100 >= 8 && draw % 100 < 20; }
  [[nodiscard]] bool stays_here() const { return draw % 100 >= 20 && draw % 100 < 24; }
  [[nodiscard]] bool cannot_tell() const { return draw / 100 % 4 == 0; }
};

/// One caller of one op. Knows which attempt is its own, so that it can end that one's time limit.
template <typename Database>
struct Caller {
  const Connection<typename Database::Handle>& link;
  Call call;
  Elsewhere& world;
  bool is_keyed;
  std::int64_t number = 0;

  [[nodiscard]] std::string row() const { return " settle_barrier WHERE gid = '" + call.gid + "'"; }

  Reply ask(Luck luck) {
    Effect effect;
    effect.is_keyed = is_keyed;
    effect.act = [this, luck](const Attempt& attempt) {
      number = link.number("SELECT effects FROM" + row());
      if (luck.stays_here()) return Made::again("no line");
      if (luck.lost_before()) return Made::failed("lost on the way there");
      const std::string body = world.act(attempt.key, "deed " + std::to_string(luck.draw), is_keyed);
      return luck.lost_after() ? Made::failed("lost on the way back") : Made::done(body);
    };
    if (!is_keyed) {
      effect.find = [this, luck](const Attempt& attempt) {
        return luck.cannot_tell() ? Found::unknown("no line") : world.find(attempt.key);
      };
    }
    const Reply reply = run_effect(link.get(), call, effect);
    // What was lost is not on its way any more, so the next one need not wait for its time limit.
    const std::int64_t mine = std::exchange(number, 0);
    if (mine != 0 && reply.answer == Answer::kUnknown) {
      EXPECT_TRUE(live::eventually(live::kPatience, [&] {
        return link.try_to("UPDATE settle_barrier SET begun_until = 1 WHERE gid = '" + call.gid +
                           "' AND begun_until > 0 AND effects = " + std::to_string(mine))
                   .how() == Made::How::kDone;
      }));
    }
    return reply;
  }
};

template <typename Database>
class BarrierEffectLoad : public BarrierOutside<Database> {};
TYPED_TEST_SUITE(BarrierEffectLoad, Databases, DatabaseNames);

TYPED_TEST(BarrierEffectLoad, FAIL_C5_EveryDeedOnceAndEveryAnswerTrue) {
  constexpr int kBranches = 40;
  Elsewhere world;
  std::mutex lock;
  std::map<std::string, std::set<std::string>> bodies;
  std::vector<std::string> gids;
  for (int i = 0; i < kBranches; ++i) gids.push_back(this->new_gid());
  std::atomic<int> calls{0};
  const auto drive = [&](int worker) {
    const auto link = this->connect();
    std::mt19937_64 dice(static_cast<std::uint64_t>(worker) + 1);
    for (int i = 0; i < kBranches; ++i) {
      const std::string& gid = gids[static_cast<std::size_t>(i)];
      const bool confirms = i % 3 != 0;
      const auto ask = [&](const char* op) {
        ++calls;
        const Reply reply = Caller<TypeParam>{link, this->call_with(gid, op, op), world, i % 2 == 0}.ask({dice()});
        if (reply.answer == Answer::kDone) {
          const std::lock_guard guard(lock);
          bodies[gid + "/b1/" + op].insert(reply.body);
        }
        return reply.answer;
      };
      const auto until = [&](const char* op, Answer other) {
        EXPECT_TRUE(live::eventually(live::kPatience,
                                     [&] {
                                       const Answer said = ask(op);
                                       EXPECT_NE(said, Answer::kConflict) << gid << " " << op;
                                       return said == Answer::kDone || said == other;
                                     }))
            << gid << " " << op;
      };
      if (confirms) {
        until("try", Answer::kDone);
        until("confirm", Answer::kDone);
      } else {
        (void)ask("try");
        until("cancel", Answer::kDone);
        until("try", Answer::kRefused);
      }
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < kWorkers; ++i) workers.emplace_back(drive, i);
  }
  EXPECT_TRUE(world.repeated().empty()) << *world.repeated().begin();
  for (const auto& [op, answers] : bodies) EXPECT_EQ(answers.size(), 1U) << op;
  for (int i = 0; i < kBranches; ++i) {
    const std::string name = gids[static_cast<std::size_t>(i)] + "/b1/";
    if (i % 3 != 0) {
      EXPECT_EQ(world.times(name + "try"), 1) << name;
      EXPECT_EQ(world.times(name + "confirm"), 1) << name;
    } else {
      EXPECT_GE(world.times(name + "cancel"), world.times(name + "try")) << name;
    }
  }
  EXPECT_GT(calls, kBranches * kWorkers);
  std::cout << DatabaseNames::GetName<TypeParam>(0) << ": " << calls << " calls\n";
}

}  // namespace
}  // namespace settle::barrier::testing
