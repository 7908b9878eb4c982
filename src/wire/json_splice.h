#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace settle::wire {

/// RFC 6901: empty, or tokens that begin with '/', in UTF-8, with ~ only as ~0 and ~1.
bool is_json_pointer(std::string_view text);

/// The value that `pointer` names in the JSON text, as its bytes stand there. Nothing: the text is no JSON, or it has
/// no such part.
std::optional<std::string_view> json_part(std::string_view text, std::string_view pointer);

/// Puts `value`, one JSON value, at the place that `pointer` names in the JSON text: it replaces what stands there, or
/// becomes a new member or a new last element (index = size, or "-"). Objects that are missing on the way are made. No
/// other byte of the text changes, and nothing is printed anew. An empty text counts as {}.
///
/// False: the text or the value is no JSON, the way leads through something that is neither object nor array, an array
/// has no such index, or the text would have more than `bytes_max` bytes. Then `text` is as it was.
bool splice_json(std::string& text, std::string_view pointer, std::string_view value, std::size_t bytes_max);

}  // namespace settle::wire
