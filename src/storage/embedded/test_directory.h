#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace settle {

/// A directory of its own for one test, removed with everything in it at the end.
class TestDirectory {
 public:
  enum class Kind {
    kDisk,    ///< where the test runs: syncs reach a disk
    kMemory,  ///< quick, where the system offers it: for damage that syncs have no part in
  };

  explicit TestDirectory(Kind kind = Kind::kDisk) {
    std::filesystem::path parent = std::filesystem::current_path();
    if (kind == Kind::kMemory && std::filesystem::is_directory("/dev/shm")) parent = "/dev/shm";
    std::string name = (parent / "settle-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
    path_ = name;
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string sub(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace settle
