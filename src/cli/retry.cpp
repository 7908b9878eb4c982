#include "cli/order.h"

namespace settle::cli {
namespace {

int run(Shell& shell, const Arguments& arguments) {
  return give_order(shell, arguments, "retry", "what it waits for is due now");
}

}  // namespace

const Command kRetry{"retry",
                     "GID",
                     1,
                     "make everything that the transaction waits for due now (operators; admin listener)",
                     "Changes no outcome: it only shortens pauses, and wakes a target that rests after a refusal.\n",
                     kOrderOptions,
                     run};

}  // namespace settle::cli
