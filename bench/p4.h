#pragma once

#include "options.h"

namespace settle::bench {

int p4(const Options& options);

}  // namespace settle::bench
