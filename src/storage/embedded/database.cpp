#include "storage/embedded/database.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/log.h"
#include "settle/ids.h"

#if defined(__SANITIZE_THREAD__)
#define SETTLE_UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SETTLE_UNDER_TSAN
#endif
#endif

#ifdef SETTLE_UNDER_TSAN
/// The packaged library is not instrumented, so the sanitizer sees its memory but not its atomics: whatever one of its
/// threads hands to another looks like a race. Only reports with a frame of the library in them are left out. (The
/// symbol's name is the sanitizer's.)
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __tsan_default_suppressions() { return "race:librocksdb.so\ncalled_from_lib:librocksdb.so\n"; }
#endif

namespace settle {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;

constexpr std::array<std::string_view, kFamilies> kFamilyNames{"default", "open", "progress", "history", "gid"};

/// Warnings and errors of the library, as warnings in our own log: what is an error is said by who meets it. The
/// library's own log file is not used: its writer aborts the process when the disk is full.
class LibraryLog final : public rocksdb::Logger {
 public:
  LibraryLog() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using Logger::Logv;
  __attribute__((format(printf, 2, 0))) void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::WARN_LEVEL, format, arguments);
  }

  __attribute__((format(printf, 3, 0))) void Logv(const rocksdb::InfoLogLevel level, const char* format,
                                                  va_list arguments) override {
    if (level < rocksdb::WARN_LEVEL || level > rocksdb::FATAL_LEVEL) return;
    std::array<char, 1024> text{};
    const int length = std::vsnprintf(text.data(), text.size(), format, arguments);
    if (length < 0) return;
    std::string_view line(text.data(), std::min(static_cast<std::size_t>(length), text.size() - 1));
    while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
    log(LogLevel::kWarn, "embedded store", {{"library", line}});
  }
};

class AlarmListener final : public rocksdb::EventListener {
 public:
  explicit AlarmListener(Database::Alarm alarm) : alarm_(std::move(alarm)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status* error) override {
    alarm_(error->ToString());
  }

 private:
  Database::Alarm alarm_;
};

rocksdb::DBOptions database_options(Database::Alarm alarm) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.info_log = std::make_shared<LibraryLog>();
  options.listeners.push_back(std::make_shared<AlarmListener>(std::move(alarm)));
  options.max_background_jobs = 2;
  options.max_total_wal_size = 128 * kMiB;  // what a start has to read again: 1 s and less
  options.db_write_buffer_size = 192 * kMiB;
  options.bytes_per_sync = kMiB;  // a table file is written in small pieces, so that log syncs do not wait behind it
  options.max_bgerror_resume_count = 0;  // an error is final: the process exits and the next one reads what is there
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;  // log_tail.h has looked before
  options.track_and_verify_wals_in_manifest = true;                            // a log that is missing is noticed
  options.avoid_flush_during_recovery = false;  // the recovered tail is in synced files before anybody is answered
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  options.enable_write_thread_adaptive_yield = false;  // there is one writer: spinning for others is wasted
  return options;
}

rocksdb::ColumnFamilyOptions family_options(Family family, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  table.block_size = std::size_t{16} * 1024;
  // Filters and indexes of a long history would else grow in memory without bound.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;

  rocksdb::ColumnFamilyOptions options;
  options.compression = rocksdb::kNoCompression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = family == Family::kMeta ? 4 * kMiB : 64 * kMiB;
  // Almost every look-up is for a gid that is not there; the filter answers for the part in memory, too.
  if (family == Family::kGid) {
    options.memtable_prefix_bloom_size_ratio = 0.05;
    options.memtable_whole_key_filtering = true;
  } else {
    // Tids of one time stand close together: each insert starts its search where the last one ended.
    options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  }
  return options;
}

Result<void> refuse_unknown_families(const rocksdb::DBOptions& options, const std::string& directory) {
  std::vector<std::string> names;
  const rocksdb::Status status = rocksdb::DB::ListColumnFamilies(options, directory, &names);
  if (status.IsPathNotFound() || status.IsNotFound()) return {};
  if (!status.ok()) return error_of(status, "cannot read the store in " + directory);
  for (const std::string& name : names) {
    if (std::find(kFamilyNames.begin(), kFamilyNames.end(), name) == kFamilyNames.end()) {
      return Error{ErrorCode::kInvalid, "the store in " + directory + " has a family '" + name +
                                            "' that this program does not know: use a newer one"};
    }
  }
  return {};
}

}  // namespace

std::string gid_key(std::string_view gid) {
  std::string out(1, Tid::parse(gid) ? kTidLikeGid : kOtherGid);
  return out.append(gid);
}

Error error_of(const rocksdb::Status& status, const std::string& what) {
  return Error{status.IsCorruption() ? ErrorCode::kCorrupt : ErrorCode::kUnavailable, what + ": " + status.ToString()};
}

Result<std::unique_ptr<Database>> Database::open(const std::string& directory,
                                                 const std::shared_ptr<rocksdb::FileSystem>& files, Alarm alarm) {
  std::unique_ptr<Database> out(new Database);
  rocksdb::DBOptions options = database_options(std::move(alarm));
  if (files) {
    out->env_ = rocksdb::NewCompositeEnv(files);
    options.env = out->env_.get();
  }
  const bool is_new = options.env->FileExists(directory + "/CURRENT").IsNotFound();
  if (!is_new) {
    if (const auto fine = refuse_unknown_families(options, directory); !fine) return fine.error();
  }

  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(64 * kMiB);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (std::size_t i = 0; i < kFamilies; ++i) {
    descriptors.emplace_back(std::string(kFamilyNames[i]), family_options(static_cast<Family>(i), cache));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, directory, descriptors, &handles, &db);
  if (!status.ok()) return error_of(status, "cannot open the store in " + directory);
  out->db_.reset(db);
  std::copy(handles.begin(), handles.end(), out->families_.begin());
  return out;
}

Database::~Database() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* const handle : families_) (void)db_->DestroyColumnFamilyHandle(handle);
  (void)db_->Close();
}

Result<void> Database::flush() {
  const rocksdb::Status status = db_->Flush(
      rocksdb::FlushOptions(), std::vector<rocksdb::ColumnFamilyHandle*>(families_.begin(), families_.end()));
  if (!status.ok()) return error_of(status, "cannot flush the store");
  return {};
}

}  // namespace settle
