#include "live/place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <thread>

namespace settle::live {

Place::Place(std::string_view name) {
  path_ = (std::filesystem::temp_directory_path() / ("settle-" + std::string(name) + "-XXXXXX")).string();
  if (::mkdtemp(path_.data()) == nullptr) {
    std::cerr << "cannot make the folder " << path_ << "\n";
    std::abort();
  }
}

Place::~Place() {
  if (kept_) {
    std::cerr << "kept: " << path_ << "\n";
    return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

namespace {

bool can_be_bound(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

}  // namespace

std::uint16_t free_port() {
  // Tests run side by side, so everybody starts somewhere else, and nobody gets a port of their own twice.
  static std::mt19937 dice{std::random_device{}()};
  static std::uint16_t next = static_cast<std::uint16_t>(12'000 + dice() % 18'000);
  for (int tries = 0; tries < 20'000; ++tries) {
    next = next >= 31'999 ? std::uint16_t{12'000} : static_cast<std::uint16_t>(next + 1);
    if (can_be_bound(next)) return next;
  }
  std::cerr << "no port is free\n";
  std::abort();
}

std::string binary(std::string_view name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}

bool eventually(milliseconds bound, const std::function<bool()>& holds) {
  const Clock::time_point end = Clock::now() + bound;
  while (!holds()) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(milliseconds{2});
  }
  return true;
}

std::string read_file(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace settle::live
