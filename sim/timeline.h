#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "base/time.h"

namespace settle::sim {

enum class EventKind : std::uint8_t {
  // clients and producers
  kArrival,          ///< the next transaction begins
  kClientActs,       ///< a: transaction, b: line of its script
  kRequestLeaves,    ///< a: talk
  kRequestArrives,   ///< a: talk
  kReplyArrives,     ///< a: talk
  kClientImpatient,  ///< a: talk
  kClientTries,      ///< a: transaction, b: branch
  kLocalBegins,      ///< a: transaction
  kLocalEnds,        ///< a: transaction, b: life of the service
  // daemons
  kNodeTick,        ///< b: life
  kGroupWritten,    ///< a: group
  kGroupDone,       ///< a: group
  kKeeperActs,      ///< a: turn, b: life
  kLeaseArrives,    ///< a: lease talk
  kLeaseAnswered,   ///< a: lease talk
  kLoadReads,       ///< a: lease talk
  kLoadHands,       ///< a: lease talk
  kLookupReads,     ///< a: lookup
  kLookupAnswered,  ///< a: lookup
  kNodeBoots,       ///< b: life
  kNodeResumes,     ///< b: life
  // calls
  kCallArrives,    ///< a: flight
  kCopyArrives,    ///< a: flight
  kJobEnds,        ///< a: job
  kAnswerArrives,  ///< a: flight
  kCallTimesOut,   ///< a: flight
  // world
  kServiceHeals,    ///< b: life
  kFault,           ///< a: class of fault
  kPartitionHeals,  ///< a: link
  kHeal,
  kOperatorRound,
  kGroupCopied,         ///< a: group
  kLeaseCopied,         ///< a: lease talk
  kDestinationResumes,  ///< who: service
  kStoreHasRoom,        ///< b: life
};

struct Event {
  Instant at{};
  std::uint32_t tie = 0;
  std::uint32_t serial = 0;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  EventKind kind = EventKind::kArrival;
  std::uint8_t who = 0;  ///< node or service
};

/// Everything that is going to happen, by virtual time; what falls on the same instant comes in random order.
class Timeline {
 public:
  explicit Timeline(Random ties) : ties_(ties) {}

  void push(Instant at, EventKind kind, std::uint8_t who = 0, std::uint32_t a = 0, std::uint32_t b = 0) {
    heap_.push_back(Event{at, static_cast<std::uint32_t>(ties_.next() >> 32U), serial_++, a, b, kind, who});
    std::push_heap(heap_.begin(), heap_.end(), is_later);
  }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] Instant next_at() const { return heap_.empty() ? kNever : heap_.front().at; }
  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), is_later);
    const Event event = heap_.back();
    heap_.pop_back();
    return event;
  }

 private:
  static bool is_later(const Event& x, const Event& y) {
    if (x.at != y.at) return x.at > y.at;
    if (x.tie != y.tie) return x.tie > y.tie;
    return x.serial > y.serial;
  }
  Random ties_;
  std::uint32_t serial_ = 0;
  std::vector<Event> heap_;
};

}  // namespace settle::sim
