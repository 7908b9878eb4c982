#include "kill/options.h"

#include <array>
#include <charconv>
#include <iostream>

namespace settle::kill {
namespace {

constexpr std::string_view kHelp =
    "kill-harness: kills the daemon and its participants under load, and judges what is left.\n"
    "  --failpoints            first, each failpoint of the daemon once\n"
    "  --kills=N               kills of the daemon at random instants (15)\n"
    "  --participant-kills=N   kills of participants at random instants (5)\n"
    "  --seconds=N             serve at least so long\n"
    "  --seed=N                of the load and of the instants (1)\n"
    "  --participants=N --clients=N --per-second=N   the load (3, 24, 300)\n"
    "  --daemons=N             several daemons over one PostgreSQL; then also:\n"
    "  --pauses=N              SIGSTOP of daemons beyond the lease, then SIGCONT (0)\n"
    "  --store-kills=N         kills of PostgreSQL (0)\n"
    "  --lease-ms=N            (1000)\n"
    "  --restart-open=N        instead: N open transactions, kill, and the time until the daemon serves again\n"
    "  --sabotage=NAME         break a promise, which must be noticed: no-barrier, no-undo, careless-check,\n"
    "                          forget-payload (participants), forged-ack, flipped-word (journal), lost-store "
    "(daemon)\n";

struct Breach {
  std::string_view name;
  Sabotage sabotage;
  Trick trick;
};
constexpr std::array kBreaches{
    Breach{"no-barrier", Sabotage::kNoBarrier, Trick::kNone},
    Breach{"no-undo", Sabotage::kNoUndo, Trick::kNone},
    Breach{"careless-check", Sabotage::kCarelessCheck, Trick::kNone},
    Breach{"forget-payload", Sabotage::kForgetPayload, Trick::kNone},
    Breach{"forged-ack", Sabotage::kNone, Trick::kForgedAck},
    Breach{"flipped-word", Sabotage::kNone, Trick::kFlippedWord},
    Breach{"lost-store", Sabotage::kNone, Trick::kLostStore},
};

template <typename Number>
bool take(std::string_view word, std::string_view name, Number& into) {
  if (!word.starts_with(name)) return false;
  word.remove_prefix(name.size());
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), into);
  return problem == std::errc{} && end == word.data() + word.size();
}

bool take_sabotage(std::string_view word, Options& options) {
  constexpr std::string_view kFlag = "--sabotage=";
  if (!word.starts_with(kFlag)) return false;
  for (const Breach& breach : kBreaches) {
    if (word.substr(kFlag.size()) != breach.name) continue;
    options.sabotage = breach.sabotage;
    options.trick = breach.trick;
    return true;
  }
  return false;
}

bool take_one(std::string_view word, Options& options) {
  if (word == "--failpoints") {
    options.failpoints = true;
    return true;
  }
  return take(word, "--kills=", options.kills) || take(word, "--participant-kills=", options.participant_kills) ||
         take(word, "--seconds=", options.seconds) || take(word, "--seed=", options.seed) ||
         take(word, "--participants=", options.participants) || take(word, "--clients=", options.clients) ||
         take(word, "--per-second=", options.per_second) || take(word, "--restart-open=", options.restart_open) ||
         take(word, "--daemons=", options.daemons) || take(word, "--pauses=", options.pauses) ||
         take(word, "--store-kills=", options.store_kills) || take(word, "--lease-ms=", options.lease_ms) ||
         take_sabotage(word, options);
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    if (!take_one(argv[i], options)) {
      std::cerr << "kill-harness: cannot read " << argv[i] << "\n" << kHelp;
      return std::nullopt;
    }
  }
  if (options.participants == 0 || options.clients == 0 || options.per_second == 0) {
    std::cerr << "kill-harness: without participants, clients or rate there is nothing to kill\n";
    return std::nullopt;
  }
  if (options.daemons == 0 || (options.daemons == 1 && options.pauses + options.store_kills > 0)) {
    std::cerr << "kill-harness: pauses and kills of the store need --daemons=2 or more\n";
    return std::nullopt;
  }
  return options;
}

}  // namespace settle::kill
