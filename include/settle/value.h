#pragma once

#include <settle/result.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace settle {

/// Thrown by value(), and by nothing else of settle.
class BadResult : public std::runtime_error {
 public:
  explicit BadResult(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] ErrorCode code() const { return error_.code; }

 private:
  Error error_;
};

/// For those who like exceptions: the value, or BadResult. `settle::value(client.begin(saga)).gid`
template <typename T>
T value(Result<T>&& result) {
  if (!result) throw BadResult(result.error());
  return std::move(*result);
}
template <typename T>
const T& value(const Result<T>& result) {
  if (!result) throw BadResult(result.error());
  return *result;
}
inline void value(const Result<void>& result) {
  if (!result) throw BadResult(result.error());
}

}  // namespace settle
