#include "resource/barrier/turn.h"

namespace settle::barrier {
namespace {

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
  const Made made =
      caught([&] { return business(work); }, [](std::string why) { return Made::failed(std::move(why)); });
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
  Entered entered = enter_turn(session, call);
  if (entered.turn) return std::move(*entered.turn);
  return do_business(session, call, entered.state, work_of(entered.work), business);
}

}  // namespace

Reply run(Session& session, const Call& call, const Business& business, const Options& options) {
  const Result<Checked> checked = check(call);
  if (!checked) return unknown(checked.error().code, checked.error().message);
  if (auto error = unusable(session, false)) return unknown(error->code, error->message);
  return persist(options.lock_wait, options.attempts, [&] { return take_turn(session, *checked, business); });
}

Result<Verdict> enter(Session& session, const Call& call) {
  const Result<Checked> checked = check(call);
  if (!checked) return checked.error();
  if (auto error = unusable(session, true)) return *error;
  Met met;
  const Sent sent = session.meet(*checked, met);
  if (sent.went == Went::kLocked) return verdict_when_locked();
  if (!sent.well()) return error_of(sent);
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
  if (sent.went == Went::kFailed) return Error{ErrorCode::kConflict, sent.reason};
  return error_of(sent);
}

}  // namespace settle::barrier
