#pragma once

#include "options.h"

namespace settle::bench {

int p5(const Options& options);

}  // namespace settle::bench
