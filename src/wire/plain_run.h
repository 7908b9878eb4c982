#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace settle::wire {

/// True for what stands in a JSON string as itself and is one byte: printable ASCII but for quote and backslash.
constexpr bool is_plain(char c) { return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\'; }

/// The first byte in [at, end) that is not plain, or `end`. Most bytes of a body are passed here, so 16 at a time.
inline const char* skip_plain(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i blank = _mm_set1_epi8(0x20);
  while (end - at >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // Signed: bytes from 0x80 on count as below the blank too.
    const __m128i odd = _mm_or_si128(_mm_cmplt_epi8(bytes, blank),
                                     _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(odd));
    if (mask != 0) return at + __builtin_ctz(mask);
    at += 16;
  }
#endif
  while (at != end && is_plain(*at)) ++at;
  return at;
}

/// The quote that ends a string whose first byte is at `at`, if everything before it is plain and it is close by;
/// null: look closer. The way from one string to the next is what a reader waits for, so it is kept short: the byte
/// that was found is not loaded again.
inline const char* near_quote(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i blank = _mm_set1_epi8(0x20);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto quotes = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote)));
    const auto odd = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_cmplt_epi8(bytes, blank), _mm_cmpeq_epi8(bytes, backslash))));
    const unsigned before_quote = (quotes - 1) & ~quotes;  // all bits if there is no quote
    if ((odd & before_quote) != 0) return nullptr;
    if (quotes != 0) return at + __builtin_ctz(quotes);
  }
#endif
  at = skip_plain(at, end);
  return at != end && *at == '"' ? at : nullptr;
}

}  // namespace settle::wire
