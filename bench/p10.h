#pragma once

#include "options.h"

namespace settle::bench {

int p10(const Options& options);

}  // namespace settle::bench
