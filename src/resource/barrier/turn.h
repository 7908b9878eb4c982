#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "resource/barrier/session.h"

namespace settle::barrier {

/// One transaction, and whether another one may be worth it.
struct Turn {
  Went went = Went::kWell;  // kLocked, kAgain: nothing has happened, and `reply` is what to say when patience ends
  Reply reply;
};

Reply unknown(ErrorCode code, const std::string& reason);
/// `sent` did not go well, so nothing is kept; rolls back.
Turn lost(Session& session, Sent sent);
/// After a commit. kUnknownOutcome if it was not answered.
Turn end(Session& session, Sent sent, Reply reply);
/// Why the handle cannot be used; it must (not) be in a transaction.
std::optional<Error> unusable(Session& session, bool in_transaction);
/// The error of a request that was no commit.
Error error_of(const Sent& sent);
/// Begins, writes the call's row, and says what is to be done. Whatever ends here is in `turn`, and the transaction
/// over; otherwise it is open, with the row as the business finds it.
struct Entered {
  std::optional<Turn> turn;
  int found = 0;
  int state = 0;
  std::int64_t effects = 0;
  protocol::BarrierWork work = protocol::BarrierWork::kNothing;
  std::string reason{};  ///< of kFind
};
Entered enter_turn(Session& session, const Checked& call);

/// What `what` makes, or what `otherwise` makes of the reason if it throws. Nothing of the caller's passes through us.
template <typename What, typename Otherwise>
auto caught(What what, Otherwise otherwise) -> decltype(what()) {
  try {
    return what();
  } catch (const std::exception& thrown) {
    return otherwise(std::string("the handler threw: ") + thrown.what());
  } catch (...) {
    return otherwise(std::string("the handler threw"));
  }
}

/// Takes turns, Turn(), until one ends well or for good. Those that others stop: for as long as `patience`; those that
/// are lost to others: `attempts` times.
template <typename TakeTurn>
Reply persist(std::chrono::nanoseconds patience, int attempts, TakeTurn take_turn) {
  constexpr std::chrono::milliseconds kPauseMin{1};
  constexpr std::chrono::milliseconds kPauseMax{20};
  const std::chrono::steady_clock::time_point patience_ends = std::chrono::steady_clock::now() + patience;
  std::chrono::milliseconds pause = kPauseMin;
  for (int lost_turns = 0;;) {
    Turn turn = take_turn();
    if (turn.went == Went::kLocked) {
      if (std::chrono::steady_clock::now() >= patience_ends) return std::move(turn.reply);
    } else if (turn.went == Went::kAgain) {
      if (++lost_turns >= attempts) return std::move(turn.reply);
    } else {
      return std::move(turn.reply);
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kPauseMax);
  }
}

}  // namespace settle::barrier
