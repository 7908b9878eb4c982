#include "resource/barrier/turn.h"

namespace settle::barrier {
namespace {

Reply reply_of(Verdict verdict) {
  if (verdict.answer == Answer::kUnknown) return unknown(ErrorCode::kUnknownOutcome, verdict.reason);
  return Reply{verdict.answer, std::move(verdict.body), std::move(verdict.reason), std::nullopt};
}

}  // namespace

Reply unknown(ErrorCode code, const std::string& reason) {
  return Reply{Answer::kUnknown, {}, reason, Error{code, reason}};
}

std::string misfit_reason(std::string_view said) {
  return "the barrier's tables are missing, or older than this version: `settlectl barrier install` makes them fit (" +
         std::string(said) + ")";
}

Error error_of(const Sent& sent) {
  return Error{sent.went == Went::kMisfit ? ErrorCode::kCorrupt : ErrorCode::kUnavailable, sent.reason};
}

Turn lost(Session& session, Sent sent) {
  session.roll_back();
  if (sent.went == Went::kLocked || sent.went == Went::kAgain) {
    return {sent.went, Reply{Answer::kRunning, {}, std::move(sent.reason), std::nullopt}};
  }
  const Error error = error_of(sent);
  return {Went::kFailed, unknown(error.code, error.message)};
}

Turn end(Session& session, Sent sent, Reply reply) {
  if (sent.well()) return {Went::kWell, std::move(reply)};
  if (sent.went != Went::kUnknown) return lost(session, std::move(sent));
  session.roll_back();
  return {Went::kUnknown, unknown(ErrorCode::kUnknownOutcome, "the commit was not answered: " + sent.reason)};
}

std::optional<Error> unusable(Session& session, bool in_transaction) {
  const Sent ready = session.ready();
  if (!ready.well()) return Error{ErrorCode::kInvalid, ready.reason};
  if (session.in_transaction() == in_transaction) return std::nullopt;
  return Error{ErrorCode::kInvalid, in_transaction ? "no transaction is open on this connection: begin one first"
                                                   : "a transaction is open on this connection: end it first"};
}

Entered enter_turn(Session& session, const Checked& call) {
  Entered entered;
  Sent sent = session.begin();
  Met met;
  if (sent.well()) sent = session.meet(call, met);
  if (!sent.well()) {
    entered.turn = lost(session, std::move(sent));
    return entered;
  }
  entered.found = met.found;
  entered.state = met.state;
  entered.effects = met.effects;
  Result<Judged> judged = judge(call, std::move(met));
  if (!judged) {
    session.roll_back();
    entered.turn = Turn{Went::kFailed, unknown(judged.error().code, judged.error().message)};
    return entered;
  }
  entered.work = judged->work;
  const bool finds = call.mode == Mode::kEffect && judged->work == protocol::BarrierWork::kFind;
  if (finds || judged->verdict.work != Work::kNothing) {
    entered.reason = std::move(judged->verdict.reason);
    return entered;
  }
  if (judged->changed) {
    entered.turn = end(session, session.commit(), reply_of(std::move(judged->verdict)));
  } else {
    session.roll_back();  // a repeat, or a conflict: nothing is worth a sync
    entered.turn = Turn{Went::kWell, reply_of(std::move(judged->verdict))};
  }
  return entered;
}

}  // namespace settle::barrier
