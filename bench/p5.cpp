// How many messages a second are submitted and delivered, when 64 clients wait for the delivery of theirs? And with
// --tcc: how many TCCs of two branches, driven by settled?
//
// p5: one request submits the message; it is delivered to its targets (one, or --targets) and the answer comes when all
// have it. Counted like p1: exactly one effect per message and target, at the participant.
//
// Expected: one HTTP exchange less than a saga of two branches, so more than p1, as long as the outcome that the
// waiting client is told costs the same second forced record.
//
// --tcc: five HTTP exchanges and three forced records (plan, decision, outcome), so about half of p1. Exactly one try
// and one confirm per branch.
#include "p5.h"

#include <cstdio>

#include "measure.h"
#include "settled.h"

namespace settle::bench {
namespace {

Job message_job(const std::string& run, std::uint16_t participant_port, std::uint32_t targets) {
  std::string list;
  for (std::uint32_t i = 0; i < targets; ++i) {
    const std::string id(1, static_cast<char>('a' + i));
    list += (i == 0 ? "" : ",") + std::string(R"({"id":")") + id + R"(","url":"http://127.0.0.1:)" +
            std::to_string(participant_port) + "/" + id + "\"}";
  }
  return make_job("/v1/transactions",
                  R"({"gid":"GID","pattern":"message","targets":[)" + list + R"(],"wait_ms":20000})", run,
                  R"("outcome":"committed")");
}

Job tcc_job(const std::string& run, std::uint16_t participant_port) {
  std::string list;
  for (const std::string id : {"a", "b"}) {
    const std::string target = "http://127.0.0.1:" + std::to_string(participant_port) + "/" + id;
    list += (list.empty() ? "" : ",") + std::string(R"({"id":")") + id + R"(","try":")" + target +
            R"(/try","confirm":")" + target + R"(/confirm","cancel":")" + target + R"(/cancel"})";
  }
  return make_job("/v1/transactions", R"({"gid":"GID","pattern":"tcc","branches":[)" + list + R"(],"wait_ms":20000})",
                  run, R"("outcome":"committed")");
}

Result<Figures> run(const Options& options) {
  auto settled = Settled::start(options);
  if (!settled) return settled.error();
  const std::string prefix = fresh_run();
  const std::uint32_t branches = options.tcc ? 2 : options.targets;
  Participant participant(options.tcc ? Expected{prefix, branches, {"try", "confirm"}}
                                      : Expected{prefix, branches, {"deliver"}});
  const Job job =
      options.tcc ? tcc_job(prefix, participant.port()) : message_job(prefix, participant.port(), options.targets);
  auto measured = measure(options.tcc ? "p5 tcc" : "p5", options, (*settled)->coordinated(), {job}, options.clients);
  if (!measured) return measured.error();
  if (auto stopped = (*settled)->stop(); !stopped) return stopped.error();
  settle_effects(*measured, participant, options.tcc ? 2 * branches : branches);
  return measured->figures;
}

}  // namespace

int p5(const Options& options) {
  auto figures = run(options);
  if (!figures) return fail(figures.error());
  if (options.json) {
    print_json(*figures, {{"targets", static_cast<double>(options.targets)}});
  } else {
    print_text(*figures);
  }
  return figures->errors == 0 ? 0 : 1;
}

}  // namespace settle::bench
