#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "service.h"

// settle-demo-service --role=order|stock|points --db=FILE --port=PORT
//                     [--settle=URL --stock=URL --points=URL --check-after-ms=MS]

namespace {

using namespace settle;
using namespace settle::example;

[[noreturn]] void die() {
  (void)::kill(::getpid(), SIGKILL);
  std::abort();  // not reached
}

bool take(std::string_view argument, std::string_view name, std::string& into) {
  if (!argument.starts_with(name)) return false;
  into = argument.substr(name.size());
  return true;
}

template <typename Number>
bool take_number(std::string_view argument, std::string_view name, Number& into) {
  std::string text;
  if (!take(argument, name, text)) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(std::string_view argument, ServiceOptions& options) {
  std::string role;
  if (take(argument, "--role=", role)) {
    options.role = find_role(role);
    return options.role != nullptr;
  }
  return take(argument, "--db=", options.database_path) || take_number(argument, "--port=", options.port) ||
         take(argument, "--settle=", options.producer.settle_url) ||
         take(argument, "--stock=", options.producer.stock_url) ||
         take(argument, "--points=", options.producer.points_url) ||
         take_number(argument, "--check-after-ms=", options.producer.check_after_ms);
}

}  // namespace

int main(int argc, char** argv) {
  ServiceOptions options;
  options.die = die;
  for (int i = 1; i < argc; ++i) {
    if (!parse(argv[i], options)) {
      (void)std::fprintf(stderr, "settle-demo-service: cannot read %s\n", argv[i]);
      return 2;
    }
  }
  if (options.role == nullptr || options.database_path.empty()) {
    (void)std::fprintf(stderr, "settle-demo-service: --role and --db are needed\n");
    return 2;
  }
  net::Loop loop;
  Service service(loop, options);
  const Result<std::uint16_t> port = service.start();
  if (!port) {
    log(LogLevel::kError, "cannot start", {{"why", port.error().message}});
    return 1;
  }
  log(LogLevel::kInfo, "listening", {{"role", options.role->name}, {"port", std::to_string(*port)}});
  loop.run();
  return 0;
}
