#include "resource/barrier/statement.h"
#include "resource/barrier/turn.h"

namespace settle::barrier {
namespace {

using protocol::BarrierRow;
using protocol::BarrierWork;
using std::chrono::steady_clock;

/// An effect that this process has begun, durably: for a while nobody else is at it.
struct Begun {
  BarrierRow before;        ///< the row to go back to, if nothing has happened
  BarrierRow during;        ///< the row that stands
  std::int64_t number = 0;  ///< of this attempt; whoever goes on after us raises it
  bool is_unsure = false;   ///< an earlier attempt may have happened
  steady_clock::time_point limit;
};

Work work_during(BarrierRow during) {
  if (during == BarrierRow::kFulfilling) return Work::kFulfil;
  return during == BarrierRow::kUndoing ? Work::kUndo : Work::kApply;
}

/// Where a row stood before the effect was begun that left `during`. An undo may have begun from several rows, so it
/// stays decided.
BarrierRow row_before(BarrierRow during) {
  if (during == BarrierRow::kFulfilling) return BarrierRow::kHeld;
  return during == BarrierRow::kUndoing ? BarrierRow::kUndoing : BarrierRow::kAbsent;
}

/// The transaction before the effect. `begun` is set only if it is durable that the effect begins.
Turn begin(Session& session, const Checked& call, const Effect& effect, std::optional<Begun>& begun) {
  Entered entered = enter_turn(session, call);
  if (entered.turn) return std::move(*entered.turn);
  const bool finds = entered.work == BarrierWork::kFind;
  if (finds && !effect.find && !effect.is_keyed) {
    session.roll_back();
    return {Went::kFailed, unknown(ErrorCode::kUnknownOutcome, entered.reason + "; people must look")};
  }
  const std::int64_t limit_us = std::chrono::microseconds(effect.time_limit).count();
  const steady_clock::time_point now = steady_clock::now();
  std::int64_t changed = 0;
  Sent sent = session.change_row(
      call, "effects = effects + 1, begun_until = " + std::string(session.now()) + " + " + std::to_string(limit_us),
      "state = " + std::to_string(entered.state), changed);
  if (sent.well() && changed != 1) sent = {Went::kFailed, "the barrier's row is gone"};
  if (sent.well()) sent = session.commit();
  // Whether it is durable or not: nothing is begun that may not be.
  if (sent.went == Went::kUnknown) sent = {Went::kFailed, "that it begins was not acknowledged: " + sent.reason};
  if (!sent.well()) return lost(session, std::move(sent));
  const auto during = static_cast<BarrierRow>(entered.state);
  begun = Begun{finds ? row_before(during) : static_cast<BarrierRow>(entered.found), during, entered.effects + 1, finds,
                now + effect.time_limit};
  return {};
}

/// One call of run_effect() after its beginning: the effect, and the transaction after it.
class EffectRun {
 public:
  EffectRun(Session& session, const Checked& call, const Effect& effect, const Options& options, const Begun& begun)
      : session_(session), call_(call), effect_(effect), options_(options), begun_(begun) {}

  Reply operator()() {
    if (begun_.is_unsure && effect_.find) {
      Found found = caught([this] { return effect_.find(attempt()); },
                           [](std::string why) { return Found::unknown(std::move(why)); });
      if (was_left_open()) found = Found::unknown("the handler left a transaction open");
      if (found.how() == Found::How::kDone) return finish(found.text());
      if (found.how() == Found::How::kUnknown && !effect_.is_keyed) {
        (void)end_with(begun_.during, {});  // nothing of ours is on its way: the next one need not wait
        return unknown(ErrorCode::kUnknownOutcome, found.text());
      }
      if (found.how() == Found::How::kNever) begun_.is_unsure = false;
    }
    return act();
  }

 private:
  [[nodiscard]] Attempt attempt() const {
    return {work_during(begun_.during),
            std::string(call_.gid) + "/" + std::string(call_.branch) + "/" + std::string(name_of(call_.op))};
  }

  /// Whether the handler has left a transaction open; now it is rolled back.
  bool was_left_open() {
    const bool is_open = session_.in_transaction();
    if (is_open) session_.roll_back();
    return is_open;
  }

  Reply act() {
    Made made =
        caught([this] { return effect_.act(attempt()); }, [](std::string why) { return Made::failed(std::move(why)); });
    if (was_left_open()) made = Made::failed("the handler left a transaction open");
    switch (made.how()) {
      case Made::How::kDone:
        return finish(made.text());
      case Made::How::kRefused:
        if (begun_.during == BarrierRow::kBegun) {
          return take_back(Reply{Answer::kRefused, {}, made.text(), std::nullopt});
        }
        return take_back(unknown(ErrorCode::kInvalid, "a decided op cannot be refused: " + made.text()));
      case Made::How::kAgain:
        return take_back(unknown(begun_.is_unsure ? ErrorCode::kUnknownOutcome : ErrorCode::kUnavailable, made.text()));
      case Made::How::kFailed:
        break;
    }
    // A request may still be on its way, so others wait until the limit.
    return unknown(ErrorCode::kUnknownOutcome, made.text());
  }

  /// It happened. What cannot be made durable here is found out by the next attempt.
  Reply finish(const std::string& body) {
    if (body.size() > kAnswerBytesMax) return unknown(ErrorCode::kTooLarge, "the answer has more than 65,536 bytes");
    const BarrierRow next = protocol::barrier_step(call_.op, begun_.during).next;
    Reply reply = end_with(next, body);
    if (reply.answer != Answer::kDone) return unknown(ErrorCode::kUnknownOutcome, "it is done, but: " + reply.reason);
    return reply;
  }

  /// Nothing of this attempt has happened or will.
  Reply take_back(Reply reply) {
    // An earlier one may have, so the row says so: its undo must not be taken for empty.
    const Reply ended = end_with(begun_.is_unsure ? begun_.during : begun_.before, {});
    if (ended.answer == Answer::kDone) return reply;
    return unknown(ErrorCode::kUnknownOutcome, reply.reason + "; " + ended.reason);
  }

  /// The transaction after the effect. kDone: the row has gone on to `next`.
  Reply end_with(BarrierRow next, const std::string& body) {
    // As long as nobody else may go on with it, it is worth to wait.
    const steady_clock::duration patience =
        std::max<steady_clock::duration>(begun_.limit - steady_clock::now(), options_.lock_wait);
    return persist(patience, options_.attempts, [&] {
      Sent sent = session_.begin();
      if (!sent.well()) return lost(session_, std::move(sent));
      std::int64_t changed = 0;
      sent = session_.change_row(
          call_, "state = " + std::to_string(stored(next)) + ", begun_until = 0",
          "state = " + std::to_string(stored(begun_.during)) + " AND effects = " + std::to_string(begun_.number),
          changed);
      if (sent.well() && changed != 1) {
        sent = {Went::kFailed, "it took longer than its time limit, and somebody else went on with it"};
      }
      if (sent.well() && !body.empty()) sent = session_.keep_answer(call_, body);
      if (!sent.well()) return lost(session_, std::move(sent));
      return end(session_, session_.commit(), Reply{Answer::kDone, body, {}, std::nullopt});
    });
  }

  Session& session_;
  const Checked& call_;
  const Effect& effect_;
  const Options& options_;
  Begun begun_;
};

}  // namespace

Reply run_effect(Session& session, const Call& call, const Effect& effect, const Options& options) {
  const Result<Checked> checked = check(call, Mode::kEffect);
  if (!checked) return unknown(checked.error().code, checked.error().message);
  if (!effect.act) return unknown(ErrorCode::kInvalid, "the effect has no act()");
  if (effect.time_limit <= std::chrono::milliseconds{0}) {
    return unknown(ErrorCode::kInvalid, "the time limit of an effect must be positive");
  }
  if (auto error = unusable(session, false)) return unknown(error->code, error->message);
  std::optional<Begun> begun;
  Reply reply = persist(options.lock_wait, options.attempts, [&] { return begin(session, *checked, effect, begun); });
  return begun ? EffectRun(session, *checked, effect, options, *begun)() : reply;
}

}  // namespace settle::barrier
