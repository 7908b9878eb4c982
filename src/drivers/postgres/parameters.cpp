#include "drivers/postgres/parameters.h"

#include <utility>

#include "base/assert.h"

namespace settle::postgres {
namespace {

constexpr std::size_t kElementBytesMax = 1U << 30U;  // the server takes no larger message

void append_big_endian(std::string& to, std::uint64_t value, std::size_t bytes) {
  char out[8];
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>((value >> (8U * (bytes - 1 - i))) & 0xffU);
  to.append(out, bytes);
}

std::size_t width_of(Type type) {
  switch (type) {
    case Type::kBool:
      return 1;
    case Type::kInt2:
      return 2;
    case Type::kInt4:
      return 4;
    case Type::kInt8:
      return 8;
    case Type::kBytes:
    case Type::kText:
      return 0;
  }
  return 0;
}

std::uint32_t array_of(Type type) {
  switch (type) {
    case Type::kBool:
      return 1000;
    case Type::kBytes:
      return 1001;
    case Type::kInt2:
      return 1005;
    case Type::kInt4:
      return 1007;
    case Type::kText:
      return 1009;
    case Type::kInt8:
      return 1016;
  }
  return 0;
}

}  // namespace

void Array::add(std::int64_t number) {
  const std::size_t width = width_of(element_);
  SETTLE_ASSERT(width > 0);
  append_big_endian(body_, width, 4);
  append_big_endian(body_, static_cast<std::uint64_t>(number), width);
  ++count_;
}

void Array::add(std::string_view bytes) {
  SETTLE_ASSERT(width_of(element_) == 0 && bytes.size() < kElementBytesMax);
  append_big_endian(body_, bytes.size(), 4);
  body_.append(bytes);
  ++count_;
}

std::string Array::take() {
  std::string out;
  out.reserve(20 + body_.size());
  append_big_endian(out, count_ == 0 ? 0 : 1, 4);
  append_big_endian(out, 0, 4);
  append_big_endian(out, static_cast<std::uint32_t>(element_), 4);
  if (count_ > 0) {
    append_big_endian(out, count_, 4);
    append_big_endian(out, 1, 4);
    out += body_;
  }
  body_.clear();
  return out;
}

Parameters& Parameters::add(Type type, std::int64_t number) {
  const std::size_t width = width_of(type);
  SETTLE_ASSERT(width > 0);
  Value value{static_cast<std::uint32_t>(type), {}};
  append_big_endian(value.bytes, static_cast<std::uint64_t>(number), width);
  values_.push_back(std::move(value));
  return *this;
}

Parameters& Parameters::text(std::string_view value) {
  values_.push_back({static_cast<std::uint32_t>(Type::kText), std::string(value)});
  return *this;
}

Parameters& Parameters::bytes(std::string_view value) {
  values_.push_back({static_cast<std::uint32_t>(Type::kBytes), std::string(value)});
  return *this;
}

Parameters& Parameters::array(Array&& value) {
  values_.push_back({array_of(value.element()), value.take()});
  return *this;
}

}  // namespace settle::postgres
