#pragma once

#include <cstddef>

#include "base/flat_table.h"
#include "engine/save_batch.h"

namespace settle::engine {

/// What waits for the next group of the writer. Pure; the thread around it belongs to the daemon, the simulator has its
/// own.
///
/// A group has one save of a transaction at most. Saves of one transaction that wait together are merged: the older
/// one's `expected` and place, the newer one's everything else, forced if one of them is.
class SaveQueue {
 public:
  /// Takes `save`, as SaveBatch::add does.
  void push(Save& save);

  /// Moves what the next group is made of to `group`, which is empty: in order of arrival of each transaction's first
  /// save, at most `most`.
  void take(SaveBatch& group, std::size_t most = 4096);

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }

 private:
  struct Place {
    Tid tid;
    std::size_t at = 0;  ///< in waiting_
  };
  struct ByTid {
    static const Tid& key(const Place& place) { return place.tid; }
    static std::size_t hash(const Tid& tid) { return mix_bits(tid.sequence + tid.shard); }
  };
  void index_all();

  SaveBatch waiting_;
  FlatTable<Place, ByTid> places_;
};

}  // namespace settle::engine
