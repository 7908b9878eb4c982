#include "mutants.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/planted.h"
#include "base/random.h"
#include "protocol/step.h"

namespace settle::sim {
namespace {

constexpr std::array kPatternsAll{Pattern::kSaga, Pattern::kMessage, Pattern::kTcc, Pattern::kTwoPhase};

struct Thought {
  Bug bug;
  std::string_view name;
  std::string_view what;
};
constexpr auto kThoughtOut = std::to_array<Thought>({
#define SETTLE_BUG(name, label, text) Thought{Bug::name, label, text},
#include "base/planted.def"
#undef SETTLE_BUG
});

/// A row of a table, named so that the name survives changes of other rows.
std::string name_of_edge(std::string_view how, Pattern pattern, const protocol::Edge& edge) {
  std::string name(how);
  name.append("-").append(name_of(pattern)).append("-").append(name_of(edge.from));
  name.append("-").append(protocol::name_of(pattern, edge.on));
  name.append(protocol::name_of(edge.guard));
  std::replace(name.begin(), name.end(), ' ', '-');
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

struct LeftOut {
  std::string_view name;
  std::string_view reason;
};
constexpr std::string_view kRecoversToNothing =
    "the row does nothing, changes no phase and saves nothing, no derived event comes of a recovery in this phase, and "
    "the worker arms the first tick of a loaded record whether a row applied or not; it stands in the table because "
    "every phase must name what a recovery means";
/// Rows whose loss nobody can see, with the proof. At most a tenth of the mutants.
constexpr auto kLeftOut = std::to_array<LeftOut>({
    {"drop-message-prepared-recover", kRecoversToNothing},
    {"drop-tcc-confirming-recover", kRecoversToNothing},
    {"drop-two-phase-committing-recover", kRecoversToNothing},
    {"drop-saga-following-recover", kRecoversToNothing},
    {"drop-message-following-recover", kRecoversToNothing},
    {"drop-tcc-following-recover", kRecoversToNothing},
    {"drop-two-phase-following-recover", kRecoversToNothing},
});

bool is_left_out(std::string_view name) {
  return std::any_of(kLeftOut.begin(), kLeftOut.end(), [&](const LeftOut& one) { return one.name == name; });
}

/// Calls `visit(name, what, plant)` for every mechanical mutant.
template <typename Visit>
void each_mechanical(const Visit& visit) {
  for (const Pattern pattern : kPatternsAll) {
    const auto edges = protocol::edges(pattern);
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const int index = static_cast<int>(i);
      const std::string row = protocol::text_of(pattern, edges[i]);
      visit(name_of_edge("drop", pattern, edges[i]), "the row is missing: " + row,
            [=] { protocol::drop_edge(pattern, index); });
      if (edges[i].durability == protocol::Durability::kLazy) continue;
      visit(name_of_edge("lazy", pattern, edges[i]), "the row is lazy: " + row,
            [=] { protocol::make_lazy(pattern, index); });
    }
  }
}

}  // namespace

std::vector<Mutant> mutants() {
  std::vector<Mutant> out;
  for (const Thought& one : kThoughtOut) out.push_back({std::string(one.name), std::string(one.what)});
  each_mechanical([&](const std::string& name, const std::string& what, const auto&) {
    if (!is_left_out(name)) out.push_back({name, what});
  });
  return out;
}

std::vector<Mutant> mutants_left_out() {
  std::vector<Mutant> out;
  for (const LeftOut& one : kLeftOut) out.push_back({std::string(one.name), std::string(one.reason)});
  return out;
}

bool plant_mutant(std::string_view name) {
  for (const Thought& one : kThoughtOut) {
    if (one.name != name) continue;
    plant(one.bug);
    return true;
  }
  bool found = false;
  each_mechanical([&](const std::string& known, const std::string&, const auto& put_in) {
    if (known != name) return;
    put_in();
    found = true;
  });
  return found;
}

void unplant_mutants() {
  plant(Bug::kNone);
  for (const Pattern pattern : kPatternsAll) {
    protocol::drop_edge(pattern, -1);
    protocol::make_lazy(pattern, -1);
  }
}

std::vector<Mutant> choose_mutants(std::size_t count, std::string_view key) {
  std::vector<Mutant> all = mutants();
  Random dice = Random::stream(0, key);
  for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[dice.below(i)]);
  if (all.size() > count) all.resize(count);
  return all;
}

}  // namespace settle::sim
