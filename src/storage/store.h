#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/kinds.h"
#include "settle/ids.h"
#include "settle/result.h"

namespace settle {

using ShardNo = std::uint16_t;
using Epoch = std::uint32_t;    ///< fencing number of one ownership of one shard; 0: never owned
using Version = std::uint32_t;  ///< of one transaction's record; the first save makes 1

/// What a list is filtered by, kept beside the opaque bytes.
struct Summary {
  Pattern pattern = Pattern::kSaga;
  Phase phase = Phase::kNew;
  Decision decision = Decision::kNone;
  GlobalOutcome outcome = GlobalOutcome::kRunning;
  bool has_incident = false;
  Instant created_at = kNoInstant;
  Instant updated_at = kNoInstant;

  bool operator==(const Summary&) const = default;
};

/// One change of one transaction's record, conditional on (epoch, version).
struct Save {
  ShardNo shard = 0;
  Epoch epoch = 0;
  Tid tid;
  std::string gid;
  Version expected = 0;  ///< version in the store; 0: neither this tid nor this gid may be known
  Version version = 0;   ///< version after the save; may jump, because saves of one transaction are merged
  bool forced = false;   ///< somebody waits for it; nothing to the store
  Summary summary;       ///< phase kEnded: the record leaves the open ones
  std::shared_ptr<const std::string> plan;  ///< replaces that of earlier saves: it grows with every enlisted branch
  std::string state;
};

enum class SaveStatus : std::uint8_t {
  kSaved,     ///< durable as `Store::promise()` says
  kGidTaken,  ///< expected 0, and the gid or tid is known already, open or ended; nothing was written
  kConflict,  ///< the stored version is another; nothing was written
  kFenced,    ///< the epoch is over; nothing was written
};

struct Receipt {
  ShardNo shard = 0;
  Epoch epoch = 0;
  Tid tid;
  Version version = 0;
  SaveStatus status = SaveStatus::kSaved;
};

/// One transaction as the store holds it.
struct StoredRecord {
  Tid tid;
  std::string gid;
  ShardNo shard = 0;
  Version version = 0;
  Summary summary;
  std::string plan;
  std::string state;
};

struct ListFilter {
  std::optional<Pattern> pattern;
  std::optional<Phase> phase;
  std::optional<GlobalOutcome> outcome;
  std::optional<bool> has_incident;
  Instant since = kNoInstant;  ///< created at or after
  Instant until = kNever;      ///< created before
  std::size_t limit = 100;
  std::optional<Tid> before;  ///< cursor: only transactions older than this one
};

/// What an acknowledged save survives.
enum class StorePromise : std::uint8_t {
  kNothing,        ///< lives in memory
  kProcessKill,    ///< end of the process, not of the host
  kHostLoss,       ///< also power loss (synced)
  kMayLoseSuffix,  ///< a fail-over may lose the newest saves
};

struct Lease {
  ShardNo shard = 0;
  Epoch epoch = 0;
};

/// A daemon that shares a store with others, as they know it.
struct Node {
  std::string name;             ///< the `owner` of its shards
  std::string address;          ///< where its clients, and the other daemons, reach it
  std::vector<ShardNo> shards;  ///< ascending; only those whose lease has not ended

  bool operator==(const Node&) const = default;
};

/// Space on the disk that a store writes to.
struct Room {
  std::uint64_t free_bytes = 0;  ///< that this process may use
  std::uint64_t size_bytes = 0;
};

/// Durable home of transactions.
///
/// Every member blocks and none may be called from an engine thread. `commit` is called by one writer thread;
/// everything else is safe from any thread at any time, also during a commit.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  /// Applies a group in order, each save on its own condition, all of them in one write that is synced, also if every
  /// save of it is lazy: a receipt always means durable. At most one save per transaction and group. Receipts come in
  /// the order of the group.
  ///
  /// An Error (kUnknownOutcome, kUnavailable) says nothing about what was kept: answer nobody, exit, read again.
  virtual Result<std::vector<Receipt>> commit(std::span<const Save> group) = 0;

  /// Every open transaction of the given shards, each once, in any order. Can be repeated from the start.
  /// A damaged record does not stop the scan: `damaged` hears of it and the rest goes on.
  virtual Result<void> load_open(std::span<const ShardNo> shards, const std::function<void(StoredRecord&&)>& visit,
                                 const std::function<void(const Tid&, const Error&)>& damaged) = 0;

  /// Open or ended. kNotFound: this store has never had it, or has pruned it. Reads what is committed, not what is
  /// queued.
  virtual Result<StoredRecord> get(std::string_view gid) = 0;
  virtual Result<StoredRecord> get(const Tid& tid) = 0;

  /// Newest first. `StoredRecord::plan` may be left empty.
  virtual Result<std::vector<StoredRecord>> list(const ListFilter& filter) = 0;

  /// Takes the shards for `owner` if they are free, expired, or its own; each success raises the shard's epoch durably.
  /// A shard that another owner holds is missing from the answer. `lasting` is judged by the store's own clock.
  virtual Result<std::vector<Lease>> acquire(std::span<const ShardNo> shards, std::string_view owner,
                                             Duration lasting) = 0;

  /// Prolongs what `owner` still holds under that epoch; a lost lease is missing from the answer.
  virtual Result<std::vector<Lease>> renew(std::span<const Lease> leases, std::string_view owner, Duration lasting) = 0;
  virtual Result<void> release(std::span<const Lease> leases, std::string_view owner) = 0;

  /// Tells the others that daemon `name` is there and stays for `lasting` without being told again; zero: it leaves
  /// now. Answers who is there, by name, the caller included. A store with one owner answers nobody.
  virtual Result<std::vector<Node>> attend(std::string_view name, std::string_view address, Duration lasting) {
    (void)name, (void)address, (void)lasting;
    return std::vector<Node>();
  }

  /// Small named values (topics, audit, incidents): last writer wins, durable when it returns. Empty value: removed.
  virtual Result<void> put_value(std::string_view space, std::string_view key, std::string_view value) = 0;
  virtual Result<std::optional<std::string>> get_value(std::string_view space, std::string_view key) = 0;

  /// Forgets ended transactions whose last change is older than `before`. Never an open one (failures.md, H13).
  /// Returns how many.
  virtual Result<std::uint64_t> prune(Instant before) = 0;

  /// Proves that a write reaches the disk right now (readiness probe).
  virtual Result<void> probe() = 0;

  /// Nothing: the store's disk is not ours to watch.
  virtual Result<std::optional<Room>> room() { return std::optional<Room>(); }

  [[nodiscard]] virtual StorePromise promise() const = 0;
  [[nodiscard]] virtual std::string description() const = 0;

  /// Syncs so far, counted where they are issued.
  [[nodiscard]] virtual std::uint64_t syncs() const = 0;
};

}  // namespace settle
