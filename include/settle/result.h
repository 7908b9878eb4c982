#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace settle {

/// Why an operation did not give a value. A code exists only where a caller can act on it; the rest is message.
enum class ErrorCode : std::uint8_t {
  kInvalid,         ///< the caller's input is wrong; repeating it will not help
  kNotFound,        ///< not known here
  kConflict,        ///< somebody else was first; load again and decide again
  kFenced,          ///< the caller's epoch is over; it must stop acting
  kUnavailable,     ///< not reached; nothing has happened, ask again
  kUnknownOutcome,  ///< may or may not have happened; look before deciding
  kCorrupt,         ///< stored bytes contradict their checksum or grammar
  kTooLarge,        ///< over a stated limit
};

struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;  ///< what, where, and what instead; for people
};

/// A value or an Error; C++20 has no std::expected. Nothing is thrown: callers look before they take.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: conversion is the point
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  [[nodiscard]] bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() { return *std::get_if<0>(&held_); }
  const T& operator*() const { return *std::get_if<0>(&held_); }
  T* operator->() { return std::get_if<0>(&held_); }
  const T* operator->() const { return std::get_if<0>(&held_); }

  [[nodiscard]] const Error& error() const { return *std::get_if<1>(&held_); }

 private:
  std::variant<T, Error> held_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT

  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace settle
