#pragma once

#include <settle/effect.h>

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "barrier/world_testing.h"

namespace settle::barrier::testing {

/// Somebody else's service: outside of every database, remembers what was done under which key. Any thread.
class Elsewhere {
 public:
  /// Counts; a repeat of a key is answered like the first if `is_keyed`, and done again if not.
  std::string act(const std::string& key, const std::string& body, bool is_keyed) {
    const std::lock_guard guard(lock_);
    Deed& deed = deeds_[key];
    if (deed.times > 0 && is_keyed) return deed.body;
    ++deed.times;
    return deed.body = body;
  }
  [[nodiscard]] int times(const std::string& key) const {
    const std::lock_guard guard(lock_);
    const auto deed = deeds_.find(key);
    return deed == deeds_.end() ? 0 : deed->second.times;
  }
  [[nodiscard]] Found find(const std::string& key) const {
    const std::lock_guard guard(lock_);
    const auto deed = deeds_.find(key);
    return deed == deeds_.end() ? Found::never() : Found::done(deed->second.body);
  }
  /// Keys whose deed was done more than once.
  [[nodiscard]] std::set<std::string> repeated() const {
    const std::lock_guard guard(lock_);
    std::set<std::string> keys;
    for (const auto& [key, deed] : deeds_) {
      if (deed.times > 1) keys.insert(key);
    }
    return keys;
  }

 private:
  struct Deed {
    int times = 0;
    std::string body;
  };
  mutable std::mutex lock_;
  std::map<std::string, Deed> deeds_;
};

template <typename Database>
class BarrierOutside : public Barrier<Database> {
 protected:
  using Act = std::function<Made(const Attempt&)>;
  using Find = std::function<Found(const Attempt&)>;

  /// Does what `act` says and counts it.
  Reply outside(const std::string& gid, const std::string& op, Act act, Find find = {}, bool is_keyed = false) {
    Effect effect;
    effect.act = [this, act](const Attempt& attempt) {
      ++acts_;
      last_ = attempt;
      return act(attempt);
    };
    if (find) {
      effect.find = [this, find](const Attempt& attempt) {
        ++finds_;
        last_ = attempt;
        return find(attempt);
      };
    }
    effect.is_keyed = is_keyed;
    return run_effect(this->link_.get(), this->call(gid, op), effect);
  }

  static Made well(const Attempt& /*attempt*/) { return Made::done("well"); }
  static Made lost(const Attempt& /*attempt*/) { return Made::failed("the answer was lost"); }

  /// The time limit of whatever is under way is over.
  void time_passes(const std::string& gid) {
    this->link_.run("UPDATE settle_barrier SET begun_until = 1 WHERE gid = '" + gid + "' AND begun_until > 0");
  }

  /// An attempt whose end nobody has seen, and nothing of it on its way any more.
  void lose(const std::string& gid, const std::string& op) {
    const Reply reply = outside(gid, op, lost);
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kUnknownOutcome);
    time_passes(gid);
    acts_ = 0;
  }

  bool stands(const std::string& gid, protocol::BarrierRow row) { return this->state(gid) == stored(row); }

  int acts_ = 0;
  int finds_ = 0;
  Attempt last_;
};

}  // namespace settle::barrier::testing
