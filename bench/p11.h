#pragma once

#include "options.h"

namespace settle::bench {

int p11(const Options& options);

}  // namespace settle::bench
