#include "wire/dtm_words.h"

#include <gtest/gtest.h>

#include <utility>

namespace settle::wire {
namespace {

TEST(DtmWords, EveryOpHasItsWord) {
  for (const auto& [op, word] :
       {std::pair{Op::kAction, "action"}, std::pair{Op::kCompensate, "compensate"}, std::pair{Op::kDeliver, "action"},
        std::pair{Op::kCheck, "msg"}, std::pair{Op::kConfirm, "confirm"}, std::pair{Op::kCancel, "cancel"},
        std::pair{Op::kCommit, "commit"}, std::pair{Op::kRollback, "rollback"}}) {
    EXPECT_EQ(dtm_word(op), word);
  }
}

TEST(DtmWords, EveryPatternHasItsWordAndBack) {
  EXPECT_EQ(dtm_word(Pattern::kMessage), "msg");
  EXPECT_EQ(dtm_word(Pattern::kTwoPhase), "xa");
  for (const Pattern pattern : {Pattern::kSaga, Pattern::kMessage, Pattern::kTcc, Pattern::kTwoPhase}) {
    EXPECT_EQ(pattern_of_dtm(dtm_word(pattern)), pattern);
  }
  EXPECT_FALSE(pattern_of_dtm("workflow"));
  EXPECT_FALSE(pattern_of_dtm("?"));
}

}  // namespace
}  // namespace settle::wire
