#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kill/deal.h"

namespace settle::kill {

/// What one client or producer knows about a gid, from the journals.
struct Heard {
  std::size_t sends = 0;
  std::size_t not_stored = 0;  ///< sends of which the client knows that nothing came of them
  bool acknowledged = false;
  bool abort_asked = false;
  std::set<std::string> verdicts;  ///< "commit", "abort"
  bool missing = false;            ///< a question was answered with "no such transaction"
  bool open = false;               ///< still running when all had come to rest
  bool incident = false;
};

/// What a share looks like in its participant's books.
struct Found {
  std::vector<std::int64_t> amounts;  ///< every business row
  std::int64_t acted_at = 0;          ///< 0: never
  std::int64_t undone_at = 0;
};

/// Everything about one gid.
struct Case {
  Deal deal;
  Heard heard;
  std::vector<Found> found;  ///< by share
  std::size_t orders = 0;    ///< rows of the producer's local transaction
};

/// What the oracle asks about every case. `text` says what is wrong when the answer is no.
enum class Check : std::uint8_t {
  kOnce,         ///< a share's effect happened at most once, was undone at most once, with the planned amounts
  kOneOutcome,   ///< all shares are effective, or none
  kToldTruth,    ///< what a client was told is what happened
  kToldOnce,     ///< no client was told two verdicts
  kRemembered,   ///< what was acknowledged is known later
  kCarriedOut,   ///< acknowledged, nobody refused or aborted: it happened
  kTurnedBack,   ///< somebody refused: it did not happen
  kOrder,        ///< successors act after and are undone before
  kNotInvented,  ///< what never reached the daemon had no effect
  kDelivered,    ///< message delivered if and only if the local transaction is committed
  kAtRest,       ///< nothing is open, no incident
  kNoComplaint,  ///< no participant saw what it must never see
  kBooksAddUp,   ///< a participant's balance is the sum of its rows: its own local transactions were whole
  kRepresented,  ///< the run had cases of every kind; a net without fish proves nothing
};
inline constexpr std::size_t kChecks = 14;
std::string_view name_of(Check check);

struct Violation {
  Check check = Check::kOnce;
  std::string gid;
  std::string text;
};

/// What the oracle has looked at, and what it found.
struct Verdict {
  std::array<std::uint64_t, kChecks> checks{};
  std::vector<Violation> violations;
  std::size_t transactions = 0;
  std::size_t acknowledged = 0;
  std::size_t committed = 0;  ///< with effects
  std::size_t aborted = 0;    ///< without

  [[nodiscard]] std::uint64_t checks_in_all() const;
  [[nodiscard]] bool has(Check check) const;
  void expect(bool holds, Check check, const std::string& gid, const std::string& text);
};

/// Judges one case.
void judge(const Case& one, Verdict& verdict);

/// Reads the journals and the participants' books below `folder`, and nothing else: not the daemon's store, not its
/// answers of now. Everybody who writes there must have ended.
std::vector<Case> collect(const std::string& folder, std::size_t participants, Verdict& verdict);

/// collect, judge each, and the checks over the whole.
Verdict judge_all(const std::string& folder, std::size_t participants);

}  // namespace settle::kill
