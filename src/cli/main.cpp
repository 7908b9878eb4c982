#include <chrono>
#include <cstdlib>
#include <iostream>

#include "cli/settlectl.h"

namespace {

std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

std::int64_t now_us() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

}  // namespace

int main(int argc, char** argv) {
  const settle::cli::Surroundings around{std::cin, std::cout, std::cerr, environment, now_us};
  return settle::cli::settlectl(around, std::vector<std::string>(argv + 1, argv + argc));
}
