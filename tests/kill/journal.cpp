#include "kill/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

namespace settle::kill {

Journal::Journal(const std::string& path) : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (fd_ < 0) {
    std::cerr << "cannot write " << path << "\n";
    std::abort();
  }
}

Journal::~Journal() { ::close(fd_); }

void Journal::write(const Json& line) {
  const std::string text = line.dump() + "\n";
  const std::lock_guard guard(lock_);
  if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    std::cerr << "a journal cannot be written\n";
    std::abort();
  }
}

void Journal::note(std::string_view gid, const Json& document) {
  if (!document.is_object()) return;
  const std::string outcome = document.value("outcome", "");
  const std::string decision = document.value("decision", "");
  if (outcome == "committed" || decision == "commit") told(gid, "commit");
  if (outcome == "aborted" || decision == "abort") told(gid, "abort");
}

std::vector<Json> read_journal(const std::string& path) {
  std::vector<Json> lines;
  std::istringstream text(live::read_file(path));
  for (std::string line; std::getline(text, line);) {
    Json parsed = Json::parse(line, nullptr, false);
    if (!parsed.is_discarded()) lines.push_back(std::move(parsed));
  }
  return lines;
}

}  // namespace settle::kill
