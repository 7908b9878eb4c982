// with-postgres COMMAND...: runs COMMAND beside a fresh private PostgreSQL. "{postgres}" in its words becomes the URL.
// The exit code is the command's.

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "live/process.h"
#include "servers/postgres.h"

namespace {

std::string with_url(std::string word, const std::string& url) {
  constexpr std::string_view kPlace = "{postgres}";
  for (std::size_t at = word.find(kPlace); at != std::string::npos; at = word.find(kPlace, at + url.size())) {
    word.replace(at, kPlace.size(), url);
  }
  return word;
}

int run(const std::vector<std::string>& words) {
  const settle::servers::Postgres server;
  const std::string url = "postgres://postgres@127.0.0.1:" + std::to_string(server.port()) + "/postgres";
  std::vector<std::string> command;
  for (const std::string& word : words) command.push_back(with_url(word, url));
  settle::live::Process process(command, "/dev/stdout");
  for (;;) {
    const auto exit = process.wait(std::chrono::hours{1});
    if (exit) return exit->signal == 0 ? exit->code : 128 + exit->signal;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("with-postgres COMMAND...   \"{postgres}\" in it becomes the URL of a fresh server\n", stderr);
    return 2;
  }
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "with-postgres: %s\n", problem.what());
    return 1;
  }
}
