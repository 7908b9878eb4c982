#include "wire/dtm_words.h"

namespace settle::wire {

std::string_view dtm_word(Pattern pattern) {
  switch (pattern) {
    case Pattern::kSaga:
      return "saga";
    case Pattern::kMessage:
      return "msg";
    case Pattern::kTcc:
      return "tcc";
    case Pattern::kTwoPhase:
      return "xa";
  }
  return "?";
}

std::optional<Pattern> pattern_of_dtm(std::string_view word) {
  for (const Pattern pattern : {Pattern::kSaga, Pattern::kMessage, Pattern::kTcc, Pattern::kTwoPhase}) {
    if (dtm_word(pattern) == word) return pattern;
  }
  return std::nullopt;
}

std::string_view dtm_word(Op op) {
  if (op == Op::kDeliver) return "action";
  return op == Op::kCheck ? "msg" : name_of(op);
}

}  // namespace settle::wire
