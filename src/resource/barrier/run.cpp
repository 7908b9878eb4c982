#include <algorithm>
#include <exception>
#include <thread>

#include "resource/barrier/session.h"

namespace settle::barrier {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPauseMin{1};
constexpr milliseconds kPauseMax{20};

Reply unknown(ErrorCode code, std::string reason) { return Reply{Answer::kUnknown, {}, reason, Error{code, reason}}; }

Reply reply_of(Verdict verdict) {
  return Reply{verdict.answer, std::move(verdict.body), std::move(verdict.reason), std::nullopt};
}

/// One transaction, and whether another one may be worth it.
struct Turn {
  Went went = Went::kWell;  // kLocked, kAgain: nothing has happened, and `reply` is what to say when patience ends
  Reply reply;
};

/// `sent` did not go well, so nothing is kept.
Turn lost(Session& session, Sent sent) {
  session.roll_back();
  if (sent.went == Went::kLocked || sent.went == Went::kAgain) {
    return {sent.went, Reply{Answer::kRunning, {}, std::move(sent.reason), std::nullopt}};
  }
  return {Went::kFailed, unknown(ErrorCode::kUnavailable, std::move(sent.reason))};
}

Made call_business(const Business& business, Work work) {
  try {
    return business(work);
  } catch (const std::exception& thrown) {
    return Made::failed(std::string("the handler threw: ") + thrown.what());
  } catch (...) {
    return Made::failed("the handler threw");
  }
}

Turn end(Session& session, Sent sent, Reply reply) {
  if (sent.well()) return {Went::kWell, std::move(reply)};
  if (sent.went != Went::kUnknown) return lost(session, std::move(sent));
  session.roll_back();
  return {Went::kUnknown, unknown(ErrorCode::kUnknownOutcome, "the commit was not answered: " + sent.reason)};
}

/// The business did its work; what it says is kept with it.
Turn keep(Session& session, const Checked& call, int state, std::string body) {
  if (!session.in_transaction()) {
    return {Went::kUnknown, unknown(ErrorCode::kUnknownOutcome, "the handler's transaction ended before its time")};
  }
  if (body.size() > kAnswerBytesMax) {
    session.roll_back();
    return {Went::kFailed, unknown(ErrorCode::kTooLarge, "the answer has more than 65,536 bytes")};
  }
  if (!body.empty()) {
    Sent sent = session.keep_answer(call, body);
    if (!sent.well()) return lost(session, std::move(sent));
  }
  Sent sent = session.commit_work(call, state);
  return end(session, std::move(sent), Reply{Answer::kDone, std::move(body), {}, std::nullopt});
}

Turn do_business(Session& session, const Checked& call, int state, Work work, const Business& business) {
  const Made made = call_business(business, work);
  switch (made.how()) {
    case Made::How::kDone:
      return keep(session, call, state, made.text());
    case Made::How::kRefused:
      session.roll_back();
      if (work == Work::kApply) return {Went::kWell, Reply{Answer::kRefused, {}, made.text(), std::nullopt}};
      // The decision is made: who cannot follow it is asked again, and people look in the end.
      return {Went::kFailed, unknown(ErrorCode::kInvalid, "a decided op cannot be refused: " + made.text())};
    case Made::How::kAgain:
      return lost(session, {Went::kAgain, made.text()});
    case Made::How::kFailed:
      break;
  }
  return lost(session, {session.lost_to_others() ? Went::kAgain : Went::kFailed, made.text()});
}

Turn take_turn(Session& session, const Checked& call, const Business& business) {
  Sent sent = session.begin();
  if (!sent.well()) return lost(session, std::move(sent));
  Met met;
  sent = session.meet(call, met);
  if (!sent.well()) return lost(session, std::move(sent));
  const int state = met.state;
  Result<Judged> judged = judge(call, std::move(met));
  if (!judged) {
    session.roll_back();
    return {Went::kFailed, unknown(judged.error().code, judged.error().message)};
  }
  if (judged->verdict.work != Work::kNothing) return do_business(session, call, state, judged->verdict.work, business);
  if (judged->changed) return end(session, session.commit(), reply_of(std::move(judged->verdict)));
  session.roll_back();  // a repeat, or a conflict: nothing is worth a sync
  return {Went::kWell, reply_of(std::move(judged->verdict))};
}

std::optional<Error> unusable(Session& session, bool in_transaction) {
  const Sent ready = session.ready();
  if (!ready.well()) return Error{ErrorCode::kInvalid, ready.reason};
  if (session.in_transaction() == in_transaction) return std::nullopt;
  return Error{ErrorCode::kInvalid, in_transaction ? "no transaction is open on this connection: begin one first"
                                                   : "a transaction is open on this connection: end it first"};
}

}  // namespace

Reply run(Session& session, const Call& call, const Business& business, const Options& options) {
  const Result<Checked> checked = check(call);
  if (!checked) return unknown(checked.error().code, checked.error().message);
  if (auto error = unusable(session, false)) return unknown(error->code, error->message);

  const steady_clock::time_point patience_ends = steady_clock::now() + options.lock_wait;
  milliseconds pause = kPauseMin;
  for (int lost_turns = 0;;) {
    Turn turn = take_turn(session, *checked, business);
    if (turn.went == Went::kLocked) {
      if (steady_clock::now() >= patience_ends) return std::move(turn.reply);
    } else if (turn.went == Went::kAgain) {
      if (++lost_turns >= options.attempts) return std::move(turn.reply);
    } else {
      return std::move(turn.reply);
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kPauseMax);
  }
}

Result<Verdict> enter(Session& session, const Call& call) {
  const Result<Checked> checked = check(call);
  if (!checked) return checked.error();
  if (auto error = unusable(session, true)) return *error;
  Met met;
  const Sent sent = session.meet(*checked, met);
  if (sent.went == Went::kLocked) return verdict_when_locked();
  if (!sent.well()) return Error{ErrorCode::kUnavailable, sent.reason};
  Result<Judged> judged = judge(*checked, std::move(met));
  if (!judged) return judged.error();
  return std::move(judged->verdict);
}

Result<void> store_answer(Session& session, const Call& call, std::string_view body) {
  const Result<Checked> checked = check(call);
  if (!checked) return checked.error();
  if (body.size() > kAnswerBytesMax) return Error{ErrorCode::kTooLarge, "the answer has more than 65,536 bytes"};
  if (auto error = unusable(session, true)) return *error;
  const Sent sent = session.keep_answer(*checked, body);
  if (sent.well()) return {};
  return Error{sent.went == Went::kFailed ? ErrorCode::kConflict : ErrorCode::kUnavailable, sent.reason};
}

}  // namespace settle::barrier
