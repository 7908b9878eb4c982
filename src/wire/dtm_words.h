#pragma once

#include <optional>
#include <string_view>

#include "model/kinds.h"

namespace settle::wire {

/// DTM's word for a pattern, "saga", "msg", "tcc" or "xa", and back; nothing: no pattern of ours has that word.
std::string_view dtm_word(Pattern pattern);
std::optional<Pattern> pattern_of_dtm(std::string_view word);

/// DTM's word for an op: a delivery is an action, a check-back "msg"; the others are called alike.
std::string_view dtm_word(Op op);

}  // namespace settle::wire
