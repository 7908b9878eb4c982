#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace settle::net {

/// Bounds on one message. The head's bytes are start line, header lines and the empty line.
struct HttpLimits {
  std::uint32_t head_bytes = 16 * 1024;  ///< at most 65535; also bounds trailers and chunk extensions
  std::uint32_t headers = 64;            ///< at most kHttpHeadersMax
  std::uint32_t target_bytes = 2048;
  std::uint32_t body_bytes = 1024 * 1024;  ///< decoded
};

inline constexpr std::uint32_t kHttpHeadersMax = 64;

struct HttpHeader {
  std::string_view name;  ///< lower-case
  std::string_view value;
};

/// Reads HTTP/1.1 messages without I/O (RFC 9112), one at a time.
///
/// The caller owns the bytes. It calls advance() with everything it has since the beginning of the message, again and
/// again with more behind it, until the answer is not kNeedMore; the bytes may move between calls. Then consumed()
/// bytes belong to the message, what follows is the next one, and reset() makes the parser ready for that. The parser
/// writes into the bytes: header names become lower-case and chunked bodies are joined. All views point into the bytes
/// of the last call.
///
/// Strict on purpose: a proxy in front may read an ambiguous message differently (failures.md M8), so bare LF, both
/// lengths, repeated lengths, chunked in HTTP/1.0, folded lines, blanks before the colon, unknown transfer codings,
/// control bytes, an absent or repeated Host and an empty line before the request are refused. The result does not
/// depend on how the input is cut into pieces.
class HttpParser {
 public:
  enum class Kind : std::uint8_t { kRequest, kResponse };
  enum class Progress : std::uint8_t {
    kNeedMore,
    kDone,
    kFailed,  ///< see error_status(); nothing more can be read from this connection
  };

  HttpParser(Kind kind, const HttpLimits& limits);

  void reset();
  /// The next response answers a HEAD request: it has no body, whatever its head says. Forgotten by reset().
  void expect_no_body() { no_body_ = true; }

  Progress advance(char* data, std::size_t size);
  /// The peer has closed: ends a response without a length, anything else stays incomplete (kNeedMore).
  Progress finish();

  /// After kDone: length of the message in the caller's bytes.
  [[nodiscard]] std::size_t consumed() const { return at_; }
  /// After kNeedMore: only this many bytes from the beginning must be kept (joining chunks makes room).
  [[nodiscard]] std::size_t kept() const { return kept_; }

  [[nodiscard]] bool head_done() const { return head_done_; }
  [[nodiscard]] std::string_view method() const { return {data_ + method_.begin, method_.size}; }
  [[nodiscard]] std::string_view target() const { return {data_ + target_.begin, target_.size}; }
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] int minor_version() const { return minor_version_; }
  [[nodiscard]] std::string_view body() const { return {data_ + body_begin_, body_end_ - body_begin_}; }

  [[nodiscard]] std::size_t header_count() const { return header_count_; }
  [[nodiscard]] HttpHeader header_at(std::size_t index) const;
  /// The first header of that (lower-case) name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;

  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }
  /// Announced length of the body, 0 if chunked or open-ended.
  [[nodiscard]] std::uint32_t content_length() const { return content_length_; }

  /// After kFailed: what a server answers (400, 413, 414, 417, 431, 501, 505) and why.
  [[nodiscard]] int error_status() const { return error_status_; }
  [[nodiscard]] std::string_view error_text() const { return error_text_; }

 private:
  enum class Stage : std::uint8_t {
    kStartLine,
    kHeaders,
    kFixedBody,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kUntilClose,
    kDone,
    kFailed,
  };
  struct Slice {
    std::uint16_t begin = 0;
    std::uint16_t size = 0;
  };
  struct Field {
    Slice name;
    Slice value;
  };
  struct Refusal {
    int status;
    std::string_view text;
  };

  // Steps: true if there is more to do with the bytes at hand.
  bool start_line(std::size_t size);
  bool header_line(std::size_t size);
  bool fixed_body(std::size_t size);
  bool chunk_size(std::size_t size);
  bool chunk_data(std::size_t size);
  bool chunk_end(std::size_t size);
  bool trailer_line(std::size_t size);
  bool until_close(std::size_t size);

  std::optional<Slice> next_line(std::size_t size, std::size_t end_max, const Refusal& too_long);
  bool request_line(Slice line);
  bool status_line(Slice line);
  bool version(std::string_view text);
  bool field_line(std::size_t begin, std::size_t size, Field& field);
  bool known_header(const Field& field);
  bool content_length_header(std::string_view value);
  bool transfer_encoding_header(std::string_view value);
  bool host_header(std::string_view value);
  void connection_header(std::string_view value);
  bool end_of_head();
  void join_chunks(std::size_t size);
  bool fail(int status, std::string_view text);
  [[nodiscard]] std::string_view view(Slice slice) const { return {data_ + slice.begin, slice.size}; }

  Kind kind_;
  HttpLimits limits_;
  char* data_ = nullptr;

  Stage stage_ = Stage::kStartLine;
  bool head_done_ = false;
  bool no_body_ = false;
  bool has_length_ = false;
  bool chunked_ = false;
  bool has_host_ = false;
  bool says_close_ = false;
  bool says_keep_alive_ = false;
  bool expects_continue_ = false;
  bool open_ended_ = false;
  std::uint8_t minor_version_ = 1;
  std::uint16_t status_ = 0;
  std::uint16_t error_status_ = 0;
  std::uint32_t header_count_ = 0;
  std::uint32_t content_length_ = 0;
  std::uint32_t chunk_left_ = 0;
  std::uint32_t extension_bytes_ = 0;
  std::uint32_t trailer_bytes_ = 0;
  std::uint32_t trailer_count_ = 0;
  Slice method_;
  Slice target_;
  std::size_t at_ = 0;       // next byte to interpret
  std::size_t scanned_ = 0;  // no line end in [at_, scanned_)
  std::size_t kept_ = 0;
  std::size_t body_begin_ = 0;
  std::size_t body_end_ = 0;
  std::string_view error_text_;
  std::array<Field, kHttpHeadersMax> fields_;
};

}  // namespace settle::net
