#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_table.h"
#include "engine/entry.h"

namespace settle::engine {

/// Every open transaction of a worker, found by gid or by tid. Owns them.
///
/// A begin and an end come with every transaction, so nothing is allocated for them when things run evenly: entries
/// that have ended are kept, a few of them, and lend their containers to those that begin.
///
/// When many are open at a time, those at rest are folded until something is done about them again.
class OpenTransactions {
 public:
  /// `entries_max`: with so many unfolded ones, those that come to rest are folded.
  explicit OpenTransactions(std::size_t entries_max);
  ~OpenTransactions();
  OpenTransactions(const OpenTransactions&) = delete;
  OpenTransactions& operator=(const OpenTransactions&) = delete;

  [[nodiscard]] std::size_t size() const { return by_tid_.size(); }
  [[nodiscard]] std::size_t entries() const { return entries_; }  ///< those that are not folded

  /// Unfolded, if need be; valid until it is removed or comes to rest. Null: not open here.
  [[nodiscard]] Entry* find(std::string_view gid);
  [[nodiscard]] Entry* find(const Tid& tid);
  [[nodiscard]] Entry& entry_of(Anchor& anchor);

  /// `tid` is not open yet. Of two with one gid the later is found by its tid alone.
  Entry& add(const Tid& tid, std::string gid, OwnedPlan&& plan);

  /// Nothing more is done about it for now: it may be folded, and `entry` be gone.
  void rest(Entry& entry);

  /// The entry is in no list and has no timer. It may be used again at once.
  void remove(Entry& entry);

 private:
  struct ByGid {
    static std::string_view key(const Anchor* anchor) { return anchor->gid; }
    static std::size_t hash(std::string_view gid) { return std::hash<std::string_view>()(gid); }
  };
  struct ByTid {
    static const Tid& key(const Anchor* anchor) { return anchor->tid; }
    static std::size_t hash(const Tid& tid) { return mix_bits(tid.sequence + tid.shard); }
  };
  Entry& give_entry(Anchor& anchor, OwnedPlan&& plan);
  void take_entry(Anchor& anchor);

  std::size_t entries_max_;
  std::size_t entries_ = 0;
  FlatTable<Anchor*, ByGid> by_gid_;
  FlatTable<Anchor*, ByTid> by_tid_;
  std::vector<std::unique_ptr<Entry>> spare_;
  std::vector<std::unique_ptr<Anchor>> spare_anchors_;
  std::string scratch_;  // reused
};

}  // namespace settle::engine
