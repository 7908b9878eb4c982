#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace settle::cli {

/// Rows of text in aligned columns. Columns that are empty in every row are left out, heading included.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}

  /// Fewer cells than headings: the rest is empty. Cells are made printable.
  void row(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  void print(std::ostream& out, std::size_t indent) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace settle::cli
