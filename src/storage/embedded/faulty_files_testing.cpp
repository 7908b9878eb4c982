#include "storage/embedded/faulty_files_testing.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace settle {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(FaultyFiles& files, std::string path, std::unique_ptr<rocksdb::FSWritableFile>&& file)
      : FSWritableFileOwnerWrapper(std::move(file)), files_(files), path_(std::move(path)) {}

  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* context) override {
    std::size_t allowed = data.size();
    const IOStatus verdict = files_.before_write(data.size(), allowed);
    IOStatus done;
    if (allowed > 0) done = FSWritableFileOwnerWrapper::Append(Slice(data.data(), allowed), options, context);
    if (done.ok()) files_.wrote(path_, allowed);
    return verdict.ok() ? done : verdict;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& /*info*/,
                  IODebugContext* context) override {
    return Append(data, options, context);
  }

  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    bool does_work = true;
    const IOStatus verdict = files_.before_sync(does_work);
    IOStatus done;
    if (does_work) done = FSWritableFileOwnerWrapper::Sync(options, context);
    if (does_work && done.ok()) files_.synced(path_);
    return verdict.ok() ? done : verdict;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override { return Sync(options, context); }

  /// No room is reserved ahead: on a memory file system that costs more than all the rest of a test.
  void PrepareWrite(std::size_t /*offset*/, std::size_t /*bytes*/, const IOOptions& /*options*/,
                    IODebugContext* /*context*/) override {}

 private:
  FaultyFiles& files_;
  std::string path_;
};

class FaultyDirectory final : public rocksdb::FSDirectory {
 public:
  FaultyDirectory(FaultyFiles& files, std::string path, std::unique_ptr<rocksdb::FSDirectory>&& directory)
      : files_(files), path_(std::move(path)), directory_(std::move(directory)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    return FsyncWithDirOptions(options, context, rocksdb::DirFsyncOptions());
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* context,
                               const rocksdb::DirFsyncOptions& details) override {
    bool does_work = true;
    const IOStatus verdict = files_.before_sync(does_work);
    IOStatus done;
    if (does_work) done = directory_->FsyncWithDirOptions(options, context, details);
    if (does_work && done.ok()) files_.synced_directory(path_);
    return verdict.ok() ? done : verdict;
  }
  IOStatus Close(const IOOptions& options, IODebugContext* context) override {
    return directory_->Close(options, context);
  }

 private:
  FaultyFiles& files_;
  std::string path_;
  std::unique_ptr<rocksdb::FSDirectory> directory_;
};

namespace {

IOStatus no_power() { return IOStatus::IOError("no power"); }

std::string normal(const std::string& path) { return std::filesystem::path(path).lexically_normal().string(); }

}  // namespace

FaultyFiles::FaultyFiles() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

void FaultyFiles::set_plan(const Plan& plan) {
  const std::lock_guard lock(mutex_);
  plan_ = plan;
}

bool FaultyFiles::has_failed() const {
  const std::lock_guard lock(mutex_);
  return has_failed_;
}

std::uint64_t FaultyFiles::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

std::uint64_t FaultyFiles::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

void FaultyFiles::lose_power() {
  const std::lock_guard lock(mutex_);
  has_power_ = false;
}

void FaultyFiles::power_cut(Random& random) {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, known] : files_) {
    std::error_code error;
    if (!known.is_name_synced && random.chance_permille(500)) {
      std::filesystem::remove(path, error);
      continue;
    }
    if (!std::filesystem::exists(path, error)) continue;
    std::filesystem::resize_file(path, known.synced + random.below(known.size - known.synced + 1), error);
  }
}

IOStatus FaultyFiles::before_write(std::size_t bytes, std::size_t& allowed) {
  const std::lock_guard lock(mutex_);
  ++writes_;
  allowed = bytes;
  if (!has_power_) {
    allowed = 0;
    return no_power();
  }
  const bool is_late = plan_.is_disk_full && has_failed_;
  if (writes_ != plan_.failing_write && !is_late) return IOStatus::OK();
  allowed = plan_.is_torn && !is_late ? bytes / 2 : 0;
  has_failed_ = true;
  return plan_.is_disk_full ? IOStatus::NoSpace("disk full") : IOStatus::IOError("write failed");
}

IOStatus FaultyFiles::before_sync(bool& does_work) {
  const std::lock_guard lock(mutex_);
  ++syncs_;
  if (!has_power_) {
    does_work = false;
    return no_power();
  }
  if (syncs_ != plan_.failing_sync) return IOStatus::OK();
  has_failed_ = true;
  does_work = plan_.is_data_on_disk;
  return IOStatus::IOError("sync failed");
}

void FaultyFiles::wrote(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (has_power_) files_[path].size += bytes;
}

void FaultyFiles::synced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Known& known = files_[path];
  known.synced = known.size;
}

void FaultyFiles::synced_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, known] : files_) {
    if (std::filesystem::path(name).parent_path() == path) known.is_name_synced = true;
  }
}

IOStatus FaultyFiles::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* out, IODebugContext* context) {
  {
    const std::lock_guard lock(mutex_);
    if (!has_power_) return no_power();
  }
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const IOStatus made = FileSystemWrapper::NewWritableFile(path, options, &file, context);
  if (!made.ok()) return made;
  {
    const std::lock_guard lock(mutex_);
    files_[normal(path)] = Known{};
  }
  *out = std::make_unique<FaultyFile>(*this, normal(path), std::move(file));
  return made;
}

IOStatus FaultyFiles::NewDirectory(const std::string& path, const IOOptions& options,
                                   std::unique_ptr<rocksdb::FSDirectory>* out, IODebugContext* context) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  const IOStatus made = FileSystemWrapper::NewDirectory(path, options, &directory, context);
  if (made.ok()) *out = std::make_unique<FaultyDirectory>(*this, normal(path), std::move(directory));
  return made;
}

IOStatus FaultyFiles::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                 IODebugContext* context) {
  const std::lock_guard lock(mutex_);
  if (!has_power_) return no_power();
  const IOStatus done = FileSystemWrapper::RenameFile(from, to, options, context);
  const auto known = files_.find(normal(from));
  if (done.ok() && known != files_.end()) {
    // A rename is taken for atomic and durable: the library syncs the directory after the only one that matters.
    files_[normal(to)] = known->second;
    files_[normal(to)].is_name_synced = true;
    files_.erase(known);
  }
  return done;
}

IOStatus FaultyFiles::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* context) {
  const std::lock_guard lock(mutex_);
  if (!has_power_) return no_power();
  files_.erase(normal(path));
  return FileSystemWrapper::DeleteFile(path, options, context);
}

}  // namespace settle
