#include "folder.h"

#include <sys/random.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace settle::example {

Folder::Folder(const std::string& wanted) : is_fresh_(wanted.empty()) {
  std::error_code error;
  if (!is_fresh_) {
    std::filesystem::create_directories(wanted, error);
    path_ = std::filesystem::absolute(wanted, error).string();
    return;
  }
  std::string name = (std::filesystem::temp_directory_path(error) / "settle-demo-XXXXXX").string();
  if (::mkdtemp(name.data()) != nullptr) path_ = name;
}

Folder::~Folder() {
  std::error_code error;
  if (is_fresh_ && !is_kept_ && !path_.empty()) std::filesystem::remove_all(path_, error);
}

std::string own_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string fresh_prefix() {
  std::uint32_t draw = 0;
  (void)!::getrandom(&draw, sizeof draw, 0);
  char text[16];
  (void)std::snprintf(text, sizeof text, "demo-%06x-", draw & 0xffffffU);
  return text;
}

}  // namespace settle::example
