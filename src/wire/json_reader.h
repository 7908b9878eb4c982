#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace settle::wire {

/// Objects and arrays inside each other, the outermost included.
inline constexpr unsigned kJsonDepthMax = 32;

enum class JsonType : std::uint8_t { kNone, kObject, kArray, kString, kNumber, kBool, kNull };

/// "an object", "a string", … ; kNone: "nothing".
std::string_view with_article(JsonType type);

struct JsonError {
  std::size_t offset = 0;  ///< byte at which reading stopped
  std::string_view text;   ///< what is wrong there; static
  std::string key;         ///< the key that stands twice, decoded; otherwise empty
};

/// Reads one JSON text from front to back (RFC 8259) and refuses what two readers could understand differently: text
/// that is not UTF-8, lone surrogates, a key twice in one object (also inside what is skipped), nesting deeper than 32,
/// a byte order mark, anything behind the value.
///
/// The caller pulls: it looks at `peek()` and takes the value by the function of its type. Whatever was taken has been
/// validated, but only `finish()` says that the whole text is fine. After the first error every function returns
/// nothing. Numbers are checked for form, not for range.
///
/// Not thread-safe. Views are valid as long as the text and until the next `open`. An instance keeps its memory: reuse
/// it.
class JsonReader {
 public:
  explicit JsonReader(unsigned depth_max = kJsonDepthMax) : depth_max_(depth_max) {}

  /// `text` is shorter than 4 GiB and must outlive the reading.
  void open(std::string_view text);

  /// Type of the value that comes next.
  JsonType peek();

  bool enter_object();
  /// True: `key` is decoded and its value comes next, which must be taken. False: the object is over, or an error.
  bool next_member(std::string_view& key);
  bool enter_array();
  /// True: an element comes next, which must be taken.
  bool next_element();

  /// Decoded: a view into the text, or into this reader if there were escapes.
  std::string_view string();
  /// As written.
  std::string_view number();
  bool boolean();
  /// Any value, validated down to its leaves: its bytes as they stand in the text.
  std::string_view raw();

  /// Nothing but white space follows, and there was no error.
  bool finish();

  [[nodiscard]] bool ok() const { return !failed_; }
  [[nodiscard]] const JsonError& error() const { return error_; }
  /// Where the value or key that was taken or peeked last begins.
  [[nodiscard]] std::size_t offset() const { return static_cast<std::size_t>(token_ - begin_); }

 private:
  struct Key {
    const char* text;
    std::uint32_t size;
    std::uint32_t offset;
  };

  bool fail(const char* where, std::string_view what);
  bool fail_twice(std::string_view key, std::size_t offset);
  bool unexpected(std::string_view wanted);
  bool push(bool object);
  bool pop_object();
  void pop();
  bool close_container();
  bool take_key(std::string_view& key);
  bool note_key(std::string_view key, std::size_t offset);
  bool compare_key(std::string_view key, std::size_t offset);
  bool has_duplicates();
  bool take_string(std::string_view& out);
  bool take_odd_string(std::string_view& out);
  bool scan_escape();
  bool scan_number();
  bool scan_literal();
  std::string_view unescaped(std::string_view written);

  unsigned depth_max_;
  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  const char* token_ = nullptr;
  bool failed_ = false;
  bool first_ = false;  // directly behind an opening bracket
  unsigned depth_ = 0;
  std::uint64_t objects_ = 0;                  // bit d: the container at depth d is an object
  std::array<std::uint32_t, 64> first_key_{};  // at depth d: its first key in keys_
  std::array<std::uint64_t, 64> seen_{};       // at depth d: bits of the keys' hashes
  std::vector<Key> keys_;                      // of all open objects; what lies behind key_count_ is spare
  std::size_t key_count_ = 0;
  std::vector<Key> sorted_;
  std::string scratch_;  // decoded strings; never grows while a text is read
  JsonError error_;
};

/// The first error of `text` as one JSON value; nothing: it is fine.
std::optional<JsonError> check_json(std::string_view text, unsigned depth_max = kJsonDepthMax);

/// The JSON pointer (RFC 6901) of the value or key that begins at `offset` or holds it. `text` must be well-formed up
/// to there. For error messages: it walks the text from the front.
std::string json_pointer_at(std::string_view text, std::size_t offset);

/// `token` with `~` and `/` escaped, as a part of a JSON pointer.
void append_pointer_token(std::string& out, std::string_view token);

/// The value of a number token that is written as a whole number (no fraction, no exponent, no "-0") and fits.
std::optional<std::int64_t> whole_number(std::string_view token);

/// The value of any number token; nothing if it does not fit a double.
std::optional<double> decimal_number(std::string_view token);

}  // namespace settle::wire
