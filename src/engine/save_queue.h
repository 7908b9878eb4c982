#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "base/time.h"
#include "storage/store.h"

namespace settle::engine {

/// What waits for the next group of the writer. Pure; the thread around it belongs to the daemon, the simulator has its
/// own.
///
/// Saves of one transaction that wait together are merged: the older one's `expected`, the newer one's everything else,
/// forced if one of them is. Lazy saves wait up to `lazy_wait`, because most of them are overtaken by a forced one: a
/// saga that ends within that time costs two records instead of four.
class SaveQueue {
 public:
  explicit SaveQueue(Duration lazy_wait = milliseconds{5}) : lazy_wait_(lazy_wait) {}

  void push(Save&& save, Instant now);

  /// True if a group should be committed now: something forced waits, or a lazy save has waited long enough.
  [[nodiscard]] bool is_due(Instant now) const;
  /// When the oldest lazy save wants out; kNever if the queue is empty.
  [[nodiscard]] Instant next_due() const;

  /// Takes what belongs into the next group: every forced save, and every lazy one that is old enough; all of them if
  /// `everything`. In order of arrival of each transaction's first save, at most `most`.
  std::vector<Save> take(Instant now, bool everything = false, std::size_t most = 4096);

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    Save save;
    Instant since;
  };
  Duration lazy_wait_;
  std::uint64_t arrivals_ = 0;
  std::size_t forced_ = 0;
  std::map<std::uint64_t, Waiting> waiting_;  // by arrival
  std::map<Tid, std::uint64_t> arrival_of_;
};

}  // namespace settle::engine
