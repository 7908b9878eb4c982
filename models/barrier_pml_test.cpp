// The models' participants follow the very table that the real ones follow: barrier.pml is printed from kBarrier.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "protocol/barrier.h"

namespace settle::protocol {
namespace {

constexpr const char* kRows[kBarrierRows] = {"ABSENT", "DONE",  "TOMBSTONE",  "LOCKED",
                                             "HELD",   "BEGUN", "FULFILLING", "UNDOING"};
constexpr const char* kOps[kBarrierOps] = {"action",  "compensate", "deliver", "local",  "check",   "try",
                                           "confirm", "cancel",     "prepare", "commit", "rollback"};
constexpr const char* kWorks[] = {"NOTHING", "APPLY", "UNDO", "MARK", "FULFIL", "FIND"};
constexpr const char* kAnswers[] = {"SAY_DONE",      "SAY_REFUSED", "SAY_RUNNING",
                                    "SAY_COMMITTED", "SAY_ABORTED", "SAY_CONFLICT"};

std::string numbered(std::span<const char* const> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text.append("#define ").append(names[i]).append(" ").append(std::to_string(i)).append("\n");
  }
  return text + "\n";
}

std::string line_of(const BarrierStep& step) {
  const auto name = [](std::span<const char* const> names, auto value) {
    return names[static_cast<std::size_t>(value)];
  };
  std::string text = "  :: row == ";
  text.append(name(kRows, step.row)).append(" -> work = ").append(name(kWorks, step.work));
  text.append("; answer = ").append(name(kAnswers, step.answer));
  // Last, because the parameter `row` is the guard's variable too.
  return text.append("; row = ").append(name(kRows, step.next)).append("\n");
}

std::string promela() {
  std::string text =
      "/* Printed from src/protocol/barrier.h: SETTLE_REWRITE=1 models_barrier_test rewrites it.\n"
      "   barrier_OP(row, work, answer): what OP does where it meets `row`; changes all three. */\n\n";
  text += numbered(kRows) + numbered(kWorks) + numbered(kAnswers);
  for (std::size_t op = 0; op < kBarrierOps; ++op) {
    text.append("inline barrier_").append(kOps[op]).append("(row, work, answer) {\n  if\n");
    for (std::size_t row = 0; row < kBarrierRows; ++row) {
      text += line_of(barrier_step(static_cast<BarrierOp>(op), static_cast<BarrierRow>(row)));
    }
    text += "  fi\n}\n\n";
  }
  text.pop_back();
  return text;
}

TEST(BarrierOfTheModels, IsTheTableOfTheCode) {
  const std::string path = SETTLE_MODELS "/barrier.pml";
  if (std::getenv("SETTLE_REWRITE") != nullptr) std::ofstream(path, std::ios::binary) << promela();
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path;
  const std::string shown(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(shown, promela()) << "stale: run models_barrier_test with SETTLE_REWRITE=1";
}

}  // namespace
}  // namespace settle::protocol
