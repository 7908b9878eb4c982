#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace settle {

/// Appends the primitives of the record grammars. varint: LEB128, 7 bits a byte, at most 10 bytes.
///
/// It writes into room that it has made beforehand, so `out` is longer than what was written until `finish`.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out), used_(out.size()) {}
  ~ByteWriter() { finish(); }
  ByteWriter(const ByteWriter&) = delete;
  ByteWriter& operator=(const ByteWriter&) = delete;

  /// From here on `out` is what was written; writing may go on.
  void finish() { out_.resize(used_); }
  [[nodiscard]] std::size_t size() const { return used_; }
  /// Makes room for `bytes` more at once.
  void expect(std::size_t bytes) {
    if (out_.size() - used_ < bytes) out_.resize(used_ + bytes);
  }

  void u8(std::uint8_t value) {
    *room(1) = static_cast<char>(value);
    ++used_;
  }
  void u32(std::uint32_t value) {
    char* const at = room(4);
    for (unsigned i = 0; i < 4; ++i) at[i] = static_cast<char>((value >> (8U * i)) & 0xffU);
    used_ += 4;
  }
  void varint(std::uint64_t value) {
    char* const begin = room(kVarintBytesMax);
    char* at = begin;
    while (value >= 0x80U) {
      *at++ = static_cast<char>(static_cast<std::uint8_t>(value | 0x80U));
      value >>= 7U;
    }
    *at++ = static_cast<char>(value);
    used_ += static_cast<std::size_t>(at - begin);
  }
  /// Zigzag, so that small negative numbers stay short.
  void signed_varint(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    varint(value.size());
    raw(value);
  }
  void raw(std::string_view value) {
    if (value.empty()) return;
    std::memcpy(room(value.size()), value.data(), value.size());
    used_ += value.size();
  }

 private:
  static constexpr std::size_t kVarintBytesMax = 10;

  char* room(std::size_t bytes) {
    if (out_.size() - used_ < bytes) out_.resize(std::max(2 * out_.size(), used_ + bytes + 64));
    return out_.data() + used_;
  }

  std::string& out_;
  std::size_t used_;
};

/// Reads what ByteWriter wrote. After the first bad read everything reads as zero and `ok()` is false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return in_.empty(); }
  [[nodiscard]] std::size_t left() const { return in_.size(); }

  std::uint8_t u8() {
    if (in_.empty()) return fail();
    const auto value = static_cast<std::uint8_t>(in_.front());
    in_.remove_prefix(1);
    return value;
  }
  std::uint32_t u32() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 32; shift += 8) value |= std::uint32_t{u8()} << shift;
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      if (shift == 63 && byte > 1) return fail();
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    return fail();
  }
  std::int64_t signed_varint() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
  }
  /// A value that must not exceed `most`; otherwise the read fails.
  template <typename T>
  T bounded(std::uint64_t most) {
    const std::uint64_t value = varint();
    if (value > most) return static_cast<T>(fail());
    return static_cast<T>(value);
  }
  std::string_view text() {
    const std::uint64_t size = varint();
    return raw(size);
  }
  std::string_view raw(std::uint64_t size) {
    if (size > in_.size()) {
      fail();
      return {};
    }
    const std::string_view value = in_.substr(0, static_cast<std::size_t>(size));
    in_.remove_prefix(static_cast<std::size_t>(size));
    return value;
  }

 private:
  std::uint8_t fail() {
    ok_ = false;
    in_ = {};
    return 0;
  }
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace settle
