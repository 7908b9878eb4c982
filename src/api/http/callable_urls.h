#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace settle::api {

/// Tells whether a URL may be called, and remembers those it has found fine: programs name the same few URLs again and
/// again, and parsing four of them costs half as much as reading the whole body. Bounded: a slot holds one URL.
class CallableUrls {
 public:
  /// What is wrong with the URL; empty: nothing.
  std::string check(std::string_view url);

 private:
  std::vector<std::string> known_;
};

}  // namespace settle::api
