#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace settle {

void assertion_failed(const char* what, const char* file, int line) {
  (void)std::fprintf(stderr, "settle: assertion failed: %s (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace settle
