#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/step.h"
#include "settle/ids.h"

namespace settle::engine {

/// A call that waits for a slot of its destination.
struct QueuedCall {
  std::uint64_t id = 0;
  Tid tid;
  protocol::OpRef ref;
};

/// Scheme, host and port of a URL: "http://host:port".
std::string_view destination_of(std::string_view url);

/// Bounds the calls that one destination has at a time, so that a slow one holds no slot of the others (failures.md,
/// L5). Ids name their destination, so that the end of a call finds its slot without a table. Pure.
class DestinationGate {
 public:
  explicit DestinationGate(std::size_t calls_max) : calls_max_(calls_max) {}

  /// A fresh id for a call to `url`. `admitted`: it has a slot and leaves now; otherwise `queue` it.
  struct Entry {
    std::uint64_t id = 0;
    bool admitted = false;
  };
  Entry enter(std::string_view url);

  /// Work that finishes (compensations, deliveries, checks) goes before work that begins (failures.md, L2).
  void queue(const QueuedCall& call, bool finishing);

  /// Takes a queued call back. False: it has left already.
  bool cancel(std::uint64_t id);

  /// The call is over. Whoever waited longest gets its slot and leaves now.
  std::optional<QueuedCall> leave(std::uint64_t id);

  /// A call that got a slot from `leave` did not leave after all: the next one may.
  std::optional<QueuedCall> pass_on(std::uint64_t id) { return leave(id); }

  [[nodiscard]] std::size_t destinations() const { return by_name_.size(); }

 private:
  struct Destination {
    std::string name;
    std::size_t running = 0;
    std::deque<QueuedCall> finishing;
    std::deque<QueuedCall> beginning;
    [[nodiscard]] bool is_idle() const { return running == 0 && finishing.empty() && beginning.empty(); }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::uint32_t find_or_add(std::string_view name);
  void drop_idle();
  Destination& destination(std::uint64_t id) { return destinations_[id >> kCounterBits]; }

  static constexpr unsigned kCounterBits = 44;
  static constexpr std::size_t kDestinationsKept = 10'000;

  std::size_t calls_max_;
  std::uint64_t counter_ = 0;
  std::deque<Destination> destinations_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> by_name_;
};

}  // namespace settle::engine
