#include "protocol/tables.h"

#include <atomic>

#include "base/assert.h"
#include "protocol/guard.h"
#include "protocol/message.h"
#include "protocol/saga.h"
#include "protocol/tcc.h"
#include "protocol/two_phase.h"

namespace settle::protocol {
namespace {

constexpr std::size_t kEdgesMax = 96;
static_assert(saga::kEdges.size() <= kEdgesMax && message::kEdges.size() <= kEdgesMax &&
              tcc::kEdges.size() <= kEdgesMax && two_phase::kEdges.size() <= kEdgesMax);

/// First row for a phase and an event; rows of one pair stand together, told apart by their guards.
using Lookup = std::array<std::array<std::int16_t, kEvents>, kPhases>;

constexpr Lookup make_lookup(std::span<const Edge> rows) {
  Lookup lookup{};
  for (auto& line : lookup) line.fill(-1);
  for (std::size_t i = rows.size(); i-- > 0;) {
    lookup[static_cast<std::size_t>(rows[i].from)][static_cast<std::size_t>(rows[i].on)] = static_cast<std::int16_t>(i);
  }
  return lookup;
}

struct Table {
  std::span<const Edge> rows;
  const Lookup* lookup;
  std::array<std::atomic<bool>, kEdgesMax> taken{};
  int dropped = -1;
  int lazy = -1;
};

constexpr Lookup kSagaLookup = make_lookup(saga::kEdges);
constexpr Lookup kMessageLookup = make_lookup(message::kEdges);
constexpr Lookup kTccLookup = make_lookup(tcc::kEdges);
constexpr Lookup kTwoPhaseLookup = make_lookup(two_phase::kEdges);

Table g_saga{.rows = saga::kEdges, .lookup = &kSagaLookup};
Table g_message{.rows = message::kEdges, .lookup = &kMessageLookup};
Table g_tcc{.rows = tcc::kEdges, .lookup = &kTccLookup};
Table g_two_phase{.rows = two_phase::kEdges, .lookup = &kTwoPhaseLookup};

Table& table_of(Pattern pattern) {
  switch (pattern) {
    case Pattern::kSaga:
      return g_saga;
    case Pattern::kMessage:
      return g_message;
    case Pattern::kTcc:
      return g_tcc;
    case Pattern::kTwoPhase:
      return g_two_phase;
  }
  SETTLE_ASSERT(false);
}

}  // namespace

std::span<const Edge> edges(Pattern pattern) { return table_of(pattern).rows; }

int find_edge(const Plan& plan, const State& state, const Occurrence& what) {
  Table& table = table_of(plan.pattern);
  const int first = (*table.lookup)[static_cast<std::size_t>(state.phase)][static_cast<std::size_t>(what.on)];
  if (first < 0) return -1;
  for (auto i = static_cast<std::size_t>(first); i < table.rows.size(); ++i) {
    const Edge& edge = table.rows[i];
    if (edge.from != state.phase || edge.on != what.on) break;
    if (static_cast<int>(i) == table.dropped || !admits(edge, plan, state, what)) continue;
    if (!table.taken[i].load(std::memory_order_relaxed)) table.taken[i].store(true, std::memory_order_relaxed);
    return static_cast<int>(i);
  }
  return -1;
}

Durability durability_of(Pattern pattern, int index) {
  const Table& table = table_of(pattern);
  return index == table.lazy ? Durability::kLazy : table.rows[static_cast<std::size_t>(index)].durability;
}

void drop_edge(Pattern pattern, int index) { table_of(pattern).dropped = index; }
void make_lazy(Pattern pattern, int index) { table_of(pattern).lazy = index; }

std::vector<std::string> edges_not_taken(Pattern pattern) {
  const Table& table = table_of(pattern);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    if (!table.taken[i].load(std::memory_order_relaxed)) out.push_back(text_of(pattern, table.rows[i]));
  }
  return out;
}

}  // namespace settle::protocol
