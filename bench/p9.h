#pragma once

#include "options.h"

namespace settle::bench {

int p9(const Options& options);

}  // namespace settle::bench
