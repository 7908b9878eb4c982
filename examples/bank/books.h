#pragma once

#include <cstdint>
#include <string>

#include "settle/result.h"

namespace settle::example {

/// Bob's and Smith's coins as the databases of their banks say; nothing that settle says goes in here.
struct Books {
  std::int64_t bob = 0;     ///< free
  std::int64_t frozen = 0;  ///< of Bob's, held for payments that are not decided
  std::int64_t smith = 0;

  bool operator==(const Books&) const = default;

  [[nodiscard]] std::int64_t coins() const { return bob + frozen + smith; }
};

/// `folder` holds north.db and south.db. Errors: kCorrupt.
Result<Books> read_books(const std::string& folder);

/// "bob 970, frozen 30, smith 500"
std::string to_text(const Books& books);

/// One number that a bank's database knows. Errors: kCorrupt.
Result<std::int64_t> ask_bank(const std::string& folder, const std::string& bank, const std::string& question);

}  // namespace settle::example
