#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace settle {

/// A directory of its own for one test, on the disk of the build (a memory file system would prove nothing about
/// syncs); removed with everything in it at the end.
class TestDirectory {
 public:
  TestDirectory() {
    std::string name = (std::filesystem::current_path() / "store-test-XXXXXX").string();
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

 private:
  std::string path_;
};

}  // namespace settle
