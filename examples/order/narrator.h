#pragma once

#include <string>
#include <string_view>

#include "audit.h"

namespace settle::example {

/// Prints the show, line by line as it happens.
class Narrator {
 public:
  /// Bold headings if standard output is a terminal and NO_COLOR is not set.
  Narrator();

  void title(std::string_view text) const;
  /// Heading of a scene with a line or more about what is going to happen.
  void scene(int number, int count, std::string_view title, std::string_view story) const;
  void fault(std::string_view text) const;   ///< what is broken on purpose
  void settle(std::string_view text) const;  ///< what settle does about it
  void step(std::string_view text) const;    ///< anything else that happens
  void plain(std::string_view text) const;
  /// A command as if typed, and what it printed.
  void command(std::string_view line, std::string_view output) const;
  void balances(const Balances& before, const Balances& after) const;

 private:
  void line(std::string_view mark, std::string_view text) const;
  bool is_bold_ = false;
};

}  // namespace settle::example
