#include "storage/embedded/embedded_store.h"

#include <rocksdb/iterator.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/transaction_log.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/crc32c.h"
#include "base/log.h"
#include "storage/embedded/database.h"
#include "storage/embedded/floor.h"
#include "storage/embedded/log_tail.h"
#include "storage/embedded/open_scan.h"
#include "storage/embedded/record.h"
#include "storage/embedded/seam.h"
#include "storage/embedded/write_state.h"

namespace settle {
namespace {

// meta      :=  name -> sealed (record.cpp)
// "format"  ->  major: u8  minor: u8
// "cluster" ->  cluster: u16 be
// "probe"   ->  "1"
// "epoch/" shard: u16 be                          ->  epoch: u32 be
// "value/" space_bytes: u32 be  space  key        ->  value
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kClusterKey = "cluster";
constexpr std::string_view kProbeKey = "probe";
constexpr std::string_view kEpochPrefix = "epoch/";
constexpr std::string_view kValuePrefix = "value/";

constexpr std::size_t kShardsMax = std::size_t{1} << 16U;

void append_big_endian(std::string& to, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i > 0; --i) to.push_back(static_cast<char>((value >> (8U * (i - 1))) & 0xffU));
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char c : bytes) out = (out << 8U) | static_cast<unsigned char>(c);
  return out;
}

std::string epoch_key(ShardNo shard) {
  std::string out(kEpochPrefix);
  append_big_endian(out, shard, 2);
  return out;
}

std::string value_key(std::string_view space, std::string_view key) {
  std::string out(kValuePrefix);
  append_big_endian(out, space.size(), 4);
  return out.append(space).append(key);
}

/// A value of the meta family; nothing if it is not there.
Result<std::optional<std::string>> get_meta(Database& db, std::string_view key) {
  rocksdb::PinnableSlice found;
  const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), db.family(Family::kMeta), slice_of(key), &found);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return error_of(status, "cannot read a value");
  const Result<std::string_view> value = unseal(key, view_of(found));
  if (!value) return value.error();
  return std::optional(std::string(*value));
}

Result<bool> is_empty(Database& db, Family family) {
  const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(rocksdb::ReadOptions(), db.family(family)));
  at->SeekToFirst();
  if (!at->status().ok()) return error_of(at->status(), "cannot read the store");
  return !at->Valid();
}

/// Numbers and paths of the logs, in order.
Result<std::vector<std::pair<std::uint64_t, std::string>>> logs_in(const std::string& directory) {
  std::vector<std::pair<std::uint64_t, std::string>> numbered;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    const std::size_t digits = name.find_first_not_of("0123456789");
    if (digits == 0 || digits > 18 || name.substr(std::min(digits, name.size())) != ".log") continue;
    numbered.emplace_back(std::stoull(name), at->path().string());
  }
  if (error) return Error{ErrorCode::kUnavailable, "cannot list " + directory + ": " + error.message()};
  std::sort(numbered.begin(), numbered.end());
  return numbered;
}

/// What the marks in the log bear: derived from the name that the library gives to each new store.
std::uint32_t stamp_of(const std::string& directory) {
  std::ifstream file(directory + "/IDENTITY", std::ios::binary);
  const std::string identity((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return crc32c(identity);
}

/// Cuts off what was being written when the last process ended. Answers the number up to which saves were promised.
Result<std::uint64_t> repair_log_tail(const std::string& directory, const Floor& floor) {
  const auto logs = logs_in(directory);
  if (!logs) return logs.error();
  if (floor.log > (logs->empty() ? 0 : logs->back().first)) {
    return Error{ErrorCode::kCorrupt, "log " + std::to_string(floor.log) + " of the store in " + directory +
                                          " is missing, and none came after it: restore it from a backup"};
  }
  std::vector<std::string> paths;
  for (const auto& [number, path] : *logs) paths.push_back(path);
  const Result<LogVerdict> verdict = examine_logs(paths, stamp_of(directory));
  if (!verdict) return verdict.error();
  for (const LogCut& cut : verdict->cuts) {
    log(LogLevel::kWarn, "the log ends in a torn write that nobody was told of; cut off",
        {{"file", cut.path}, {"kept_bytes", std::to_string(cut.keep_bytes)}});
  }
  if (const auto cut = cut_logs(verdict->cuts); !cut) return cut.error();
  return verdict->promised;
}

}  // namespace

EmbeddedStore::EmbeddedStore(EmbeddedOptions options)
    : options_(std::move(options)), state_(std::make_unique<WriteState>()) {}

EmbeddedStore::~EmbeddedStore() {
  if (is_open_ && !has_failed_.load()) {
    const std::lock_guard lock(write_mutex_);
    auto closed = db_->flush();
    if (closed) closed = write_floor(options_.directory, {(*db_)->GetLatestSequenceNumber(), 0});
    if (!closed) log(LogLevel::kWarn, "the store was not closed in good order", {{"error", closed.error().message}});
  }
  db_.reset();  // its threads call fail()
}

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(const EmbeddedOptions& options) {
  std::unique_ptr<EmbeddedStore> store(new EmbeddedStore(options));
  if (const auto started = store->start(); !started) return started.error();
  store->is_open_ = true;
  return store;
}

Result<void> EmbeddedStore::start() {
  const std::string& directory = options_.directory;
  if (directory.empty()) return Error{ErrorCode::kInvalid, "the embedded store needs a directory"};
  if (const auto made = create_directory_synced(directory); !made) return made;
  Result<long> type = file_system_type(directory);
  if (!type) return type.error();
  const std::optional<long> pretended = options_.seam ? options_.seam->file_system_type : std::nullopt;
  if (pretended) *type = *pretended;
  if (is_network_file_system(*type) && !options_.allow_network_file_system) {
    return Error{ErrorCode::kInvalid,
                 directory + " is on a network file system, where locks and syncs may not hold; use a local disk"};
  }
  Result<DirectoryLock> lock = DirectoryLock::take(directory);
  if (!lock) return lock.error();
  lock_ = std::make_unique<DirectoryLock>(std::move(*lock));
  if (const auto synced = sync_directory(directory); !synced) return synced;
  const Floor floor = read_floor(directory);
  const Result<std::uint64_t> promised = repair_log_tail(directory, floor);
  if (!promised) return promised.error();

  auto db = Database::open(directory, options_.seam ? options_.seam->files : nullptr,
                           [this](const std::string& what) { fail(what); });
  if (!db) return db.error();
  db_ = std::move(*db);
  state_->synced = (*db_)->GetLatestSequenceNumber();  // what was recovered is in table files
  state_->stamp = stamp_of(directory);
  if (const std::uint64_t least = std::max(*promised, floor.sequence); state_->synced < least) {
    return Error{ErrorCode::kCorrupt, "the store in " + directory + " ends at write " + std::to_string(state_->synced) +
                                          ", but " + std::to_string(least) +
                                          " writes were on the disk once: restore it from a backup"};
  }
  if (const auto fine = check_identity(); !fine) return fine;
  if (const auto loaded = load_epochs(); !loaded) return loaded;
  if (const auto found = find_newest(); !found) return found;
  std::unique_ptr<rocksdb::LogFile> log;
  const rocksdb::Status status = (*db_)->GetCurrentWalFile(&log);
  if (!status.ok()) return error_of(status, "cannot name the log");
  return write_floor(directory, {state_->synced, log->LogNumber()});
}

Result<void> EmbeddedStore::check_identity() {
  const Result<std::optional<std::string>> format = get_meta(*db_, kFormatKey);
  if (!format) return format.error();
  std::string cluster;
  append_big_endian(cluster, options_.cluster, 2);
  const std::string current{static_cast<char>(kFormatMajor), static_cast<char>(kFormatMinor)};
  const std::optional<std::string>& found = *format;
  if (!found) {
    for (const Family family : {Family::kOpen, Family::kProgress, Family::kHistory, Family::kGid}) {
      const Result<bool> empty = is_empty(*db_, family);
      if (!empty) return empty.error();
      if (!*empty) return Error{ErrorCode::kCorrupt, "the store in " + options_.directory + " has lost its format"};
    }
    const std::lock_guard lock(write_mutex_);
    state_->start_batch();
    (void)put_meta(kFormatKey, current);
    (void)put_meta(kClusterKey, cluster);
    return write(true);
  }
  const std::string& stored = *found;
  if (stored.size() != 2) return Error{ErrorCode::kCorrupt, "the format of the store is not one"};
  const auto major = static_cast<unsigned char>(stored[0]);
  if (major > kFormatMajor) {
    return Error{ErrorCode::kInvalid, "the store in " + options_.directory + " has format " + std::to_string(major) +
                                          "." + std::to_string(static_cast<unsigned char>(stored[1])) +
                                          "; this program reads up to " + std::to_string(kFormatMajor) +
                                          ".x: use a newer one"};
  }
  const Result<std::optional<std::string>> owner = get_meta(*db_, kClusterKey);
  if (!owner) return owner.error();
  if (*owner != cluster) {
    return Error{ErrorCode::kInvalid, "the store in " + options_.directory + " belongs to cluster " +
                                          std::to_string(big_endian(owner->value_or(""))) + ", not to " +
                                          std::to_string(options_.cluster)};
  }
  return {};
}

Result<void> EmbeddedStore::load_epochs() {
  state_->epochs.assign(kShardsMax, 0);
  const std::unique_ptr<rocksdb::Iterator> at((*db_)->NewIterator(rocksdb::ReadOptions(), db_->family(Family::kMeta)));
  for (at->Seek(slice_of(kEpochPrefix)); at->Valid() && at->key().starts_with(slice_of(kEpochPrefix)); at->Next()) {
    const Result<std::string_view> epoch = unseal(view_of(at->key()), view_of(at->value()));
    // A guessed epoch would let a stale owner write.
    if (!epoch) return epoch.error();
    state_->epochs[big_endian(view_of(at->key()).substr(kEpochPrefix.size())) % kShardsMax] =
        static_cast<Epoch>(big_endian(*epoch));
  }
  if (!at->status().ok()) return error_of(at->status(), "cannot read the epochs");
  return {};
}

/// Reads over the open transactions, unless the load has done so already: then there is nothing left to read.
Result<void> EmbeddedStore::fill_index() {
  if (state_->is_index_filled) return {};
  OpenIndex index;
  index.reserve(estimate_open(*db_));
  auto scanned = scan_open(
      *db_, [&](const Tid& tid, const OpenRecord& record) { index.put(tid, index_entry_of(record)); },
      [&](const Tid& tid, const Error& error) {
        (void)count_damage(error);
        index.put(tid, {.is_damaged = true});
      });
  if (!scanned) return scanned;
  state_->open = std::move(index);
  state_->is_index_filled = true;
  return {};
}

Result<void> EmbeddedStore::find_newest() {
  for (const Family family : {Family::kOpen, Family::kProgress, Family::kHistory}) {
    const std::unique_ptr<rocksdb::Iterator> last((*db_)->NewIterator(rocksdb::ReadOptions(), db_->family(family)));
    last->SeekToLast();
    if (last->Valid() && last->key().size() == Tid::kBytes) {
      state_->newest = std::max(state_->newest, Tid::from_bytes(view_of(last->key())));
    }
    if (!last->status().ok()) return error_of(last->status(), "cannot read the newest transactions");
  }
  const std::unique_ptr<rocksdb::Iterator> gids((*db_)->NewIterator(rocksdb::ReadOptions(), db_->family(Family::kGid)));
  gids->Seek(rocksdb::Slice(&kTidLikeGid, 1));
  state_->has_tid_like_gids = gids->Valid() && gids->key().starts_with(rocksdb::Slice(&kTidLikeGid, 1));
  if (!gids->status().ok()) return error_of(gids->status(), "cannot read the gids");
  return {};
}

// ---- writing ----

Result<void> EmbeddedStore::write(bool is_synced) {
  rocksdb::WriteOptions options;
  options.sync = is_synced;
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);  // of this thread; nobody reads the library's own counters
  if (is_synced) syncs_.fetch_add(1, std::memory_order_relaxed);
  const rocksdb::Status status = (*db_)->Write(options, &state_->batch);
  if (!status.ok()) {
    fail(status.ToString());
    return Error{ErrorCode::kUnknownOutcome,
                 "a write to the store failed, and whether it reached the disk is unknown: " + status.ToString()};
  }
  if (is_synced) state_->synced = (*db_)->GetLatestSequenceNumber();
  return {};
}

void EmbeddedStore::fail(const std::string& what) {
  {
    const std::lock_guard lock(failure_mutex_);
    if (failure_.empty()) failure_ = what;
  }
  if (!has_failed_.exchange(true)) {
    log(LogLevel::kError, "the store has failed and accepts nothing more", {{"error", what}});
  }
}

Result<void> EmbeddedStore::still_good() const {
  if (!has_failed_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(failure_mutex_);
  return Error{ErrorCode::kUnavailable, "the store has stopped for ever after: " + failure_};
}

// ---- ownership ----

Result<std::vector<Lease>> EmbeddedStore::acquire(std::span<const ShardNo> shards, std::string_view /*owner*/,
                                                  Duration /*lasting*/) {
  const std::lock_guard lock(write_mutex_);
  if (const auto good = still_good(); !good) return good.error();
  std::vector<Lease> out;
  state_->start_batch();
  for (const ShardNo shard : shards) {
    const Epoch epoch = state_->epochs[shard] + 1;
    std::string value;
    append_big_endian(value, epoch, 4);
    (void)put_meta(epoch_key(shard), value);
    out.push_back({shard, epoch});
  }
  if (const auto written = write(true); !written) return written.error();
  for (const Lease& lease : out) state_->epochs[lease.shard] = lease.epoch;
  return out;
}

Result<std::vector<Lease>> EmbeddedStore::renew(std::span<const Lease> leases, std::string_view /*owner*/,
                                                Duration /*lasting*/) {
  const std::lock_guard lock(write_mutex_);
  if (const auto good = still_good(); !good) return good.error();
  std::vector<Lease> out;
  for (const Lease& lease : leases) {
    if (lease.epoch != 0 && state_->epochs[lease.shard] == lease.epoch) out.push_back(lease);
  }
  return out;
}

Result<void> EmbeddedStore::release(std::span<const Lease> /*leases*/, std::string_view /*owner*/) {
  return still_good();  // nobody else waits for it
}

// ---- small values ----

Result<void> EmbeddedStore::put_meta(std::string_view key, std::string_view value) {
  const rocksdb::Status status = state_->batch.Put(db_->family(Family::kMeta), slice_of(key), seal(key, value));
  if (!status.ok()) return error_of(status, "cannot store a value");
  return {};
}

Result<void> EmbeddedStore::put_value(std::string_view space, std::string_view key, std::string_view value) {
  const std::lock_guard lock(write_mutex_);
  if (const auto good = still_good(); !good) return good;
  const std::string name = value_key(space, key);
  state_->start_batch();
  if (value.empty()) {
    (void)state_->batch.Delete(db_->family(Family::kMeta), name);
  } else if (const auto put = put_meta(name, value); !put) {
    return put;
  }
  return write(true);
}

Result<std::optional<std::string>> EmbeddedStore::get_value(std::string_view space, std::string_view key) {
  if (const auto good = still_good(); !good) return good.error();
  return get_meta(*db_, value_key(space, key));
}

Result<void> EmbeddedStore::probe() {
  const std::lock_guard lock(write_mutex_);
  if (const auto good = still_good(); !good) return good;
  state_->start_batch();
  (void)put_meta(kProbeKey, "1");
  return write(true);
}

Result<std::optional<Room>> EmbeddedStore::room() {
  struct statvfs disk{};
  if (::statvfs(options_.directory.c_str(), &disk) != 0) {
    return Error{ErrorCode::kUnavailable, options_.directory + ": " + std::strerror(errno)};
  }
  const std::uint64_t unit = disk.f_frsize;
  return std::optional<Room>({disk.f_bavail * unit, disk.f_blocks * unit});
}

std::string EmbeddedStore::description() const {
  return "embedded in " + options_.directory + " (survives process and host, synced with fdatasync)";
}

}  // namespace settle
