#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/breaker.h"
#include "engine/destination.h"
#include "protocol/step.h"
#include "settle/ids.h"

namespace settle::engine {

/// A call that waits for a slot of its destination.
struct QueuedCall {
  std::uint64_t id = 0;
  Tid tid;
  protocol::OpRef ref;
};

/// Bounds the calls that one destination has at a time, so that a slow one holds no slot of the others (failures.md,
/// L5), and holds back those to a destination that is paused or does not serve. Ids name their destination, so that the
/// end of a call finds its slot without a table. Pure.
class DestinationGate {
 public:
  explicit DestinationGate(std::size_t calls_max, BreakerLimits breaker = {}, std::uint64_t seed = 1)
      : calls_max_(calls_max), breaker_(breaker), random_(Random::stream(seed, "breaker")) {}

  /// A fresh id for a call to `url`. `admitted`: it has a slot and leaves now; otherwise `queue` it.
  struct Entry {
    std::uint64_t id = 0;
    bool admitted = false;
  };
  Entry enter(std::string_view url, Instant now);

  /// Work that finishes (compensations, deliveries, checks) goes before work that begins (failures.md, L2).
  void queue(const QueuedCall& call, bool finishing);

  /// Takes a queued call back. False: it has left already.
  bool cancel(std::uint64_t id);

  /// The call is over; `next` tells who may leave in its place.
  Breaker::Change leave(std::uint64_t id, AnswerCode answer, Instant now);

  /// Whoever waited longest for the destination of call `id`, if it may leave now. Ask again until nobody may.
  std::optional<QueuedCall> next(std::uint64_t id, Instant now);

  /// A call that `next` let out did not leave after all.
  void forgo(std::uint64_t id);

  /// A destination whose calls may be waiting for nothing but time, in the form of an id for `next`.
  std::optional<std::uint64_t> pop_due(Instant now);
  [[nodiscard]] Instant next_due() const { return due_.empty() ? kNever : due_.begin()->first; }

  /// By an operator. Let go on, it is tried at once. Nothing: nobody waits there; otherwise an id for `next`.
  std::optional<std::uint64_t> set_paused(std::string_view name, bool paused);

  [[nodiscard]] std::size_t destinations() const { return by_name_.size(); }
  [[nodiscard]] std::vector<DestinationFigures> figures() const;
  [[nodiscard]] DestinationFigures figures_of(std::uint64_t id) const;
  [[nodiscard]] GateTotals totals() const;

 private:
  struct Destination {
    std::string name;
    std::size_t running = 0;
    bool paused = false;
    Breaker breaker;
    Instant armed = kNever;  ///< its place in due_; kNever: none
    std::uint64_t calls = 0, failures = 0, opened = 0;
    AnswerCode last_error = kNoAnswer;
    Instant last_error_at = kNoInstant;
    std::deque<QueuedCall> finishing;
    std::deque<QueuedCall> beginning;
    [[nodiscard]] bool has_waiting() const { return !finishing.empty() || !beginning.empty(); }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::uint32_t find_or_add(std::string_view name, Instant now);
  void drop_idle(Instant now);
  void arm(std::uint64_t id);
  void let_out(Destination& to, std::uint64_t id);
  [[nodiscard]] bool may_leave(const Destination& to, Instant now) const;
  static DestinationFigures figures_of(const Destination& to);
  Destination& destination(std::uint64_t id) { return destinations_[id >> kCounterBits]; }

  static constexpr unsigned kCounterBits = 44;
  static constexpr std::size_t kDestinationsKept = 10'000;

  std::size_t calls_max_;
  BreakerLimits breaker_;
  Random random_;
  std::uint64_t counter_ = 0;
  std::deque<Destination> destinations_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> by_name_;
  std::set<std::pair<Instant, std::uint32_t>> due_;  ///< destinations whose probe waits for its time
};

}  // namespace settle::engine
