#include <charconv>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "bank.h"

// settle-demo-bank --db=FILE --port=PORT --settle=HOST:PORT [--settle=HOST:PORT] --account=NAME --coins=N
//
// One bank, until SIGTERM.

namespace {

using namespace settle;
using namespace settle::example;

template <typename Number>
bool take_number(std::string_view text, Number& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(std::string_view argument, BankOptions& options) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = argument.substr(0, equals);
  const std::string_view value = argument.substr(equals + 1);
  if (name == "--db") return options.database_path = value, true;
  if (name == "--port") return take_number(value, options.port);
  if (name == "--settle") return options.coordinators.emplace_back(value), true;
  if (name == "--account") return options.account = value, true;
  if (name == "--coins") return take_number(value, options.coins);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  BankOptions options;
  for (int i = 1; i < argc; ++i) {
    if (!parse(argv[i], options)) {
      (void)std::fprintf(stderr, "settle-demo-bank: cannot read %s\n", argv[i]);
      return 2;
    }
  }
  if (options.database_path.empty() || options.port == 0 || options.coordinators.empty() || options.account.empty()) {
    (void)std::fprintf(stderr, "settle-demo-bank: --db, --port, --settle and --account are needed\n");
    return 2;
  }
  // Blocked before there are threads, so that only sigwait gets them.
  sigset_t ends;
  (void)::sigemptyset(&ends);
  (void)::sigaddset(&ends, SIGTERM);
  (void)::sigaddset(&ends, SIGINT);
  (void)::pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  Bank bank(options);
  if (const Result<void> started = bank.start(); !started) {
    (void)std::fprintf(stderr, "settle-demo-bank: %s\n", started.error().message.c_str());
    return 1;
  }
  int signal = 0;
  (void)::sigwait(&ends, &signal);
  return 0;
}
