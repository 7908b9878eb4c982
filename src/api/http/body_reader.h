#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/http/problem.h"
#include "base/time.h"
#include "wire/json_reader.h"

namespace settle::api {

/// Takes a JSON body apart by the names and types that a route expects. The first thing that is wrong is kept with its
/// place; after it every function returns false and nothing more is read.
///
/// A body that is no JSON is reported as that, also if a field before the broken place was wrong too: whoever sent it
/// has the other problem first.
class BodyReader {
 public:
  /// `body` must outlive what is read.
  void open(std::string_view body);

  bool enter_object();
  /// The index in `names` of the next member; -1: the object is over, or refused. `holder` names the object in words
  /// ("a step"), for the error about an unknown field.
  int next_field(std::span<const std::string_view> names, std::string_view holder);
  bool next_member(std::string_view& key) { return ok() && json_.next_member(key); }
  bool enter_array();
  bool next_element() { return ok() && json_.next_element(); }

  bool string(std::string_view& out);
  bool boolean(bool& out);
  bool whole(std::int64_t least, std::int64_t most, std::int64_t& out);
  bool duration_ms(std::int64_t least, std::int64_t most, Duration& out);
  /// A number with a fraction, in thousandths.
  bool permille(double least, double most, std::uint32_t& out);
  bool instant(Instant& out);
  /// Any value, as its bytes stand in the body.
  bool raw(std::size_t bytes_max, std::string_view& out);
  /// Type of the value that comes next.
  wire::JsonType peek() { return json_.peek(); }

  /// Refuses at the value or key that was taken last.
  bool refuse(std::string text, ErrorName name = ErrorName::kInvalid);
  bool refuse_at(std::string pointer, std::string text, ErrorName name = ErrorName::kInvalid);
  [[nodiscard]] bool ok() const { return !refused_ && json_.ok(); }

  /// True: the body is whole and nothing was refused. False: see refusal().
  bool finish();
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  bool expect(wire::JsonType type);

  std::string_view body_;
  wire::JsonReader json_;
  bool refused_ = false;
  Refusal refusal_;
};

/// "12 ms", "400 days", … for limits in errors.
std::string duration_words(std::int64_t ms);

}  // namespace settle::api
