#include "options.h"

#include <charconv>
#include <functional>
#include <map>
#include <type_traits>

namespace settle::bench {
namespace {

using Set = std::function<bool(std::string_view)>;

template <typename Number>
Set number(Number& into) {
  return [&into](std::string_view text) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (problem != std::errc{} || end != text.data() + text.size()) return false;
    if constexpr (std::is_floating_point_v<Number>) return into >= 0 && into < 1e9;
    return true;
  };
}

Set text(std::string& into) {
  return [&into](std::string_view value) {
    into = value;
    return !value.empty();
  };
}

Error bad(std::string what) { return Error{ErrorCode::kInvalid, std::move(what)}; }

}  // namespace

Result<Options> parse_options(std::span<const std::string_view> arguments) {
  if (arguments.empty()) return bad("which question?");
  Options options;
  options.question = arguments.front();
  const std::map<std::string_view, bool*> switches{
      {"--json", &options.json}, {"--vs-floor", &options.vs_floor}, {"--tcc", &options.tcc}};
  const std::map<std::string_view, Set> values{
      {"--clients", number(options.clients)},
      {"--seconds", number(options.seconds)},
      {"--warmup", number(options.warmup)},
      {"--rate", number(options.rate)},
      {"--workers", number(options.workers)},
      {"--syncs", number(options.syncs)},
      {"--pairs", number(options.pairs)},
      {"--targets", number(options.targets)},
      {"--count", number(options.count)},
      {"--data", text(options.data)},
      {"--settled", text(options.settled)},
      {"--settled-flags", text(options.settled_flags)},
      {"--participant", number(options.participant)},
      {"--answer-bytes", number(options.answer_bytes)},
      {"--call-bytes", number(options.call_bytes)},
  };
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (const auto found = switches.find(argument); found != switches.end()) {
      *found->second = true;
      continue;
    }
    const std::size_t equals = argument.find('=');
    const auto found = values.find(argument.substr(0, equals));
    if (found == values.end()) return bad("there is no option " + std::string(argument));
    const bool inside = equals != std::string_view::npos;
    if (!inside && ++i == arguments.size()) return bad(std::string(argument) + " needs a value");
    const std::string_view value = inside ? argument.substr(equals + 1) : arguments[i];
    if (!found->second(value)) return bad(std::string(found->first) + " cannot be '" + std::string(value) + "'");
  }
  if (options.clients == 0 || options.clients > 10'000) return bad("--clients is 1 to 10000");
  if (options.seconds <= 0) return bad("--seconds is more than 0");
  if (options.count == 0) return bad("--count is more than 0");
  if (options.targets == 0 || options.targets > 26) return bad("--targets is 1 to 26");
  return options;
}

std::string_view usage() {
  return R"(settle-bench QUESTION [options]: how many durable transactions, and what does each cost?

  floor   the same HTTP exchanges and group syncs without an engine: what the machine gives at this moment
  p1      saga of two branches, the client waits for the end
  p4      one client: latency against 2 syncs and 3 HTTP exchanges
  p5      message: submit and deliver; or tcc: two tries, two confirms
  p9      many open transactions: memory, time to be ready after kill -9, time to bring all of them to their end
  p10     one of 100 destinations hangs: p99 of the others, with and without, in turns
  p11     what grows with branches, with finished transactions in the store, and with clients

  --clients N        connections of the client (64; p4: always 1)
  --seconds S        measured time (5), after --warmup S (1)
  --rate R           open loop: R begins per second, latency from the moment each was due (p10: 2000)
  --workers N        of settled (its own default)
  --vs-floor         p1: --pairs N (5) short runs of floor and p1 in turns, and their median ratio
  --pairs N          p4: rounds (5); p10: pairs (7); p11: pairs (5)
  --count N          p9: open transactions; p11: finished ones in the store (1000000)
  --syncs 1|2        floor: group syncs per saga (both, one after the other)
  --targets N        p5: targets of a message (1)
  --tcc              p5: TCC of two branches instead
  --json             one line, for history
  --data DIR         where the fresh data directory is made (/var/tmp); no memory file system
  --settled PATH     the daemon (beside this program); --settled-flags 'FLAGS' for it
)";
}

}  // namespace settle::bench
