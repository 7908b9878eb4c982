#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/embedded/log_tail.h"
#include "storage/embedded/open_index.h"

namespace settle {

/// What the one write in progress works with, kept between writes so that buffers are reused, and what conditions are
/// judged by. It runs ahead of the disk only inside a write; a write that fails is the last, so nothing is ever undone.
struct WriteState {
  rocksdb::WriteBatch batch;

  OpenIndex open;                  ///< every open transaction, once it is filled
  bool is_index_filled = false;    ///< by the load of all that is open, or by the first write if that comes sooner
  std::vector<Epoch> epochs;       ///< by shard; 0: never owned
  Tid newest;                      ///< no tid above it has ever been stored here
  bool has_tid_like_gids = false;  ///< somebody has named a transaction like a tid that is not its own
  std::uint64_t synced = 0;        ///< the library's sequence number up to which the log is on the disk

  std::uint32_t stamp = 0;  ///< of this store's marks in the log

  std::vector<std::pair<std::size_t, std::string_view>> begun;  ///< hash and gid of the begins of this group

  bool is_pruning = false;           ///< a prune looks at a snapshot: keep a list of who enters the history
  std::vector<Tid> ended_meanwhile;  ///< since that snapshot

  void start_batch() {
    batch.Clear();
    batch.PutLogData(log_mark(synced, stamp));
  }
};

}  // namespace settle
