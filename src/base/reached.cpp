#include "base/reached.h"

#include <algorithm>
#include <mutex>

namespace settle {
namespace {

std::mutex& lock() {
  static std::mutex instance;
  return instance;
}
std::vector<std::string>& names() {
  static std::vector<std::string> instance;
  return instance;
}

}  // namespace

ReachedMark::ReachedMark(const char* label) {
  const std::lock_guard hold(lock());
  names().emplace_back(label);
}

std::vector<std::string> reached_marks() {
  const std::lock_guard hold(lock());
  std::vector<std::string> out = names();
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace settle
