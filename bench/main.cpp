// settle-bench: one question per file; see usage() in options.cpp.
#include <cstdio>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator.h"
#include "floor.h"
#include "options.h"
#include "p1.h"
#include "p10.h"
#include "p11.h"
#include "p4.h"
#include "p5.h"
#include "p9.h"

namespace {

struct Question {
  std::string_view name;
  int (*ask)(const settle::bench::Options&);
};

constexpr Question kQuestions[] = {
    {"floor", settle::bench::floor}, {"p1", settle::bench::p1},
    {"p4", settle::bench::p4},       {"p5", settle::bench::p5},
    {"p9", settle::bench::p9},       {"p10", settle::bench::p10},
    {"p11", settle::bench::p11},     {"floor-coordinator", settle::bench::run_floor_coordinator},
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const std::string usage(settle::bench::usage());
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h")) {
    std::fputs(usage.c_str(), stdout);
    return 0;
  }
  const auto options = settle::bench::parse_options(arguments);
  if (!options) {
    std::fprintf(stderr, "settle-bench: %s\n\n%s", options.error().message.c_str(), usage.c_str());
    return 2;
  }
  for (const Question& question : kQuestions) {
    if (question.name == options->question) return question.ask(*options);
  }
  std::fprintf(stderr, "settle-bench: there is no question '%s'\n\n%s", options->question.c_str(), usage.c_str());
  return 2;
}
