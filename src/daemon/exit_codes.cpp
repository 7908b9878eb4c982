#include "daemon/exit_codes.h"

#include <unistd.h>

#include "base/log.h"

namespace settle::daemon {

void die(int code, std::string_view what, std::string_view why) {
  log(LogLevel::kError, what, {{"why", why}});
  ::_exit(code);
}

}  // namespace settle::daemon
