// The body of a message, and the stages that lead through it.
//
// chunked := (size-hex [";" extension] CRLF  bytes CRLF)*  "0" [";" extension] CRLF  fields
//
// Chunks are joined where they lie: body [body_begin_, body_end_), then framing already read (a gap), then bytes not
// looked at yet from at_ on. The gap is closed before more input is asked for, so that framing never adds up in memory.

#include <algorithm>
#include <cstring>

#include "net/chars.h"
#include "net/http_parser.h"

namespace settle::net {
namespace {

constexpr std::size_t kChunkLineMax = 512;
constexpr std::size_t kChunkDigitsMax = 8;

int hex_value(char c) {
  if (has(kDigit, c)) return c - '0';
  const char folded = lower(c);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

}  // namespace

HttpParser::Progress HttpParser::advance(char* data, std::size_t size) {
  data_ = data;
  kept_ = size;
  bool more = true;
  while (more) {
    switch (stage_) {
      case Stage::kStartLine:
        more = start_line(size);
        break;
      case Stage::kHeaders:
        more = header_line(size);
        break;
      case Stage::kFixedBody:
        more = fixed_body(size);
        break;
      case Stage::kChunkSize:
        more = chunk_size(size);
        break;
      case Stage::kChunkData:
        more = chunk_data(size);
        break;
      case Stage::kChunkEnd:
        more = chunk_end(size);
        break;
      case Stage::kTrailers:
        more = trailer_line(size);
        break;
      case Stage::kUntilClose:
        more = until_close(size);
        break;
      case Stage::kDone:
      case Stage::kFailed:
        more = false;
        break;
    }
  }
  if (stage_ == Stage::kDone) return Progress::kDone;
  if (stage_ == Stage::kFailed) return Progress::kFailed;
  if (chunked_ && head_done_) join_chunks(size);
  return Progress::kNeedMore;
}

HttpParser::Progress HttpParser::finish() {
  if (stage_ == Stage::kUntilClose) stage_ = Stage::kDone;
  if (stage_ == Stage::kDone) return Progress::kDone;
  return stage_ == Stage::kFailed ? Progress::kFailed : Progress::kNeedMore;
}

bool HttpParser::fixed_body(std::size_t size) {
  if (size - body_begin_ < content_length_) return false;
  at_ = body_end_ = body_begin_ + content_length_;
  stage_ = Stage::kDone;
  return false;
}

bool HttpParser::until_close(std::size_t size) {
  if (size - body_begin_ > limits_.body_bytes) return fail(413, "the body is too large");
  at_ = body_end_ = size;
  return false;
}

bool HttpParser::chunk_size(std::size_t size) {
  const std::size_t begin = at_;
  const std::optional<Slice> line = next_line(size, at_ + kChunkLineMax, {400, "a chunk line is too long"});
  if (!line) return false;
  const std::string_view text(data_ + begin, line->size);
  std::size_t digits = 0;
  std::uint64_t length = 0;
  while (digits < text.size() && digits <= kChunkDigitsMax && hex_value(text[digits]) >= 0) {
    length = length * 16 + static_cast<std::uint64_t>(hex_value(text[digits++]));
  }
  if (digits == 0 || digits > kChunkDigitsMax) return fail(400, "a chunk size is not a number of at most 8 hex digits");
  const std::string_view extension = text.substr(digits);
  if (!extension.empty() && (extension[0] != ';' || !is_field_value(extension)))
    return fail(400, "a chunk size is followed by rubbish");
  extension_bytes_ += static_cast<std::uint32_t>(extension.size());
  if (extension_bytes_ > limits_.head_bytes) return fail(400, "too many chunk extensions");
  if (length > limits_.body_bytes - (body_end_ - body_begin_)) return fail(413, "the body is too large");
  chunk_left_ = static_cast<std::uint32_t>(length);
  stage_ = length == 0 ? Stage::kTrailers : Stage::kChunkData;
  return true;
}

bool HttpParser::chunk_data(std::size_t size) {
  const std::size_t here = std::min<std::size_t>(chunk_left_, size - at_);
  if (here != 0) std::memmove(data_ + body_end_, data_ + at_, here);
  body_end_ += here;
  at_ += here;
  scanned_ = at_;
  chunk_left_ -= static_cast<std::uint32_t>(here);
  if (chunk_left_ > 0) return false;
  stage_ = Stage::kChunkEnd;
  return true;
}

bool HttpParser::chunk_end(std::size_t size) {
  if (at_ < size && data_[at_] != '\r') return fail(400, "a chunk is longer than its size");
  if (size - at_ < 2) return false;
  if (data_[at_ + 1] != '\n') return fail(400, "a chunk is longer than its size");
  at_ += 2;
  scanned_ = at_;
  stage_ = Stage::kChunkSize;
  return true;
}

// Trailers are checked like headers and then forgotten: nothing here needs them, and merging them is how smuggling
// begins.
bool HttpParser::trailer_line(std::size_t size) {
  const std::size_t begin = at_;
  const std::size_t room = limits_.head_bytes - trailer_bytes_;
  const std::optional<Slice> line = next_line(size, at_ + room, {431, "the trailers are too large"});
  if (!line) return false;
  trailer_bytes_ += static_cast<std::uint32_t>(at_ - begin);
  if (line->size == 0) {
    stage_ = Stage::kDone;
    return false;
  }
  if (++trailer_count_ > limits_.headers) return fail(431, "too many trailers");
  Field unused;
  return field_line(begin, line->size, unused);
}

void HttpParser::join_chunks(std::size_t size) {
  const std::size_t gap = at_ - body_end_;
  if (gap == 0) return;
  std::memmove(data_ + body_end_, data_ + at_, size - at_);
  at_ -= gap;
  scanned_ -= gap;
  kept_ = size - gap;
}

}  // namespace settle::net
