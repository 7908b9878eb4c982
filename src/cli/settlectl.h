#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace settle::cli {

/// What `settlectl` takes from around it.
struct Surroundings {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::optional<std::string> (*environment)(const char* name);
  std::int64_t (*now_us)();
};

/// `args` is the command line without the program's name. Returns the exit code (see Exit).
int settlectl(const Surroundings& around, const std::vector<std::string>& args);

}  // namespace settle::cli
