#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_table.h"
#include "engine/entry.h"

namespace settle::engine {

/// Every open transaction of a worker, found by gid or by tid. Owns the entries.
///
/// A begin and an end come with every transaction, so nothing is allocated for them when things run evenly: entries
/// that have ended are kept, a few of them, and lend their containers to those that begin.
class OpenTransactions {
 public:
  OpenTransactions();
  ~OpenTransactions();
  OpenTransactions(const OpenTransactions&) = delete;
  OpenTransactions& operator=(const OpenTransactions&) = delete;

  [[nodiscard]] std::size_t size() const { return by_tid_.size(); }
  [[nodiscard]] Entry* find(std::string_view gid) const;  ///< null: not open here
  [[nodiscard]] Entry* find(const Tid& tid) const;

  /// `tid` is not open yet. Of two with one gid the later is found by its tid alone.
  Entry& add(const Tid& tid, std::string gid, OwnedPlan&& plan);

  /// The entry is in no list and has no timer. It may be used again at once.
  void remove(Entry& entry);

 private:
  struct ByGid {
    static std::string_view key(const Entry* entry) { return entry->gid; }
    static std::size_t hash(std::string_view gid) { return std::hash<std::string_view>()(gid); }
  };
  struct ByTid {
    static const Tid& key(const Entry* entry) { return entry->tid; }
    static std::size_t hash(const Tid& tid) { return mix_bits(tid.sequence + tid.shard); }
  };
  FlatTable<Entry*, ByGid> by_gid_;
  FlatTable<Entry*, ByTid> by_tid_;
  std::vector<std::unique_ptr<Entry>> spare_;
};

}  // namespace settle::engine
