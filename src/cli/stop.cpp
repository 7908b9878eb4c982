#include "cli/order.h"

namespace settle::cli {
namespace {

int run(Shell& shell, const Arguments& arguments) {
  return give_order(shell, arguments, "stop", "nothing is called any more; `settlectl retry` lets it go on");
}

}  // namespace

const Command kStop{
    "stop",
    "GID",
    1,
    "call nobody any more for this transaction (operators; admin listener)",
    "Changes no outcome: it stays open, with an incident, until somebody resolves its branches or lets it\n"
    "go on with `settlectl retry`. A call that is under way ends by itself.\n",
    kOrderOptions,
    run};

}  // namespace settle::cli
