#pragma once

#include <settle/barrier.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

/// The barrier before an effect that no local transaction takes back: a mail, a payment at somebody else's service.
/// That it begins is durable before it, and that it is done after it; what lies between is *unknown* after a crash, and
/// is neither repeated blindly nor taken for done. How to use it: docs/barrier.md.
namespace settle::barrier {

/// What is to be done outside of the database.
struct Attempt {
  Work work = Work::kApply;  ///< or kFulfil, kUndo. An undo must cope with a deed that never happened
  std::string key;           ///< "GID/BRANCH/OP": the same for every attempt at this op; for whom you call, if they ask
};

/// What became of an attempt whose end nobody here has seen.
class Found {
 public:
  /// It happened. `body` is kept as its answer.
  static Found done(std::string body = {}) { return {How::kDone, std::move(body)}; }
  /// It did not happen and never will: it is done anew.
  static Found never() { return {How::kNever, {}}; }
  /// It cannot be told, or not yet: it is asked again.
  static Found unknown(std::string reason) { return {How::kUnknown, std::move(reason)}; }

  enum class How : std::uint8_t { kDone, kNever, kUnknown };
  [[nodiscard]] How how() const { return how_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Found(How how, std::string text) : how_(how), text_(std::move(text)) {}
  How how_;
  std::string text_;
};

struct Effect {
  /// Does it. No transaction is open on the handle, and none may be afterwards. What it makes:
  ///   done     it happened; the body is kept for repeats
  ///   refused  the other side said no: it did not and will not happen. Only of a forward op
  ///   again    it has not left this process (no connection, say): as if it had not begun
  ///   failed, an exception: it may or may not have happened
  std::function<Made(const Attempt&)> act;
  /// Asks what became of an earlier attempt; never before that one's time limit is over. May be absent.
  std::function<Found(const Attempt&)> find;
  /// The other side does what comes with one key once, answers every repeat of it alike, and a refusal is final. Then
  /// what find() cannot tell is done again under the same key.
  bool is_keyed = false;
  /// For how long act() and find() together may take, and a request of theirs may be on its way. Until then others hear
  /// kRunning, also after a crash.
  std::chrono::milliseconds time_limit{30'000};
};

/// A call with an effect outside: makes durable that it begins, calls `act`, makes durable that it is done. No
/// transaction may be open on `handle`; none is afterwards. All ops but check and local.
///
/// An attempt whose end nobody has seen is found out by the next call of its op that comes after the time limit: with
/// `find`, or by doing it again under its key; with neither, the answer stays kUnknown, and people must look. An undo
/// that meets such an attempt runs.
Reply run_effect(sqlite3* handle, const Call& call, const Effect& effect, const Options& options = {});
Reply run_effect(pg_conn* handle, const Call& call, const Effect& effect, const Options& options = {});
Reply run_effect(st_mysql* handle, const Call& call, const Effect& effect, const Options& options = {});

}  // namespace settle::barrier
