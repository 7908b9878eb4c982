#pragma once

#include <settle/client.h>
#include <settle/participant.h>
#include <settle/tcc.h>

#include <string>
#include <string_view>

namespace settle {

/// A TCC of which business code sees the tries only. It calls services through its own HTTP client, with headers()
/// added; services that are called so enlist themselves (ParticipantRouter::on_try) and may call others in turn
/// (BranchCall::headers_for). Leaving the scope after complete() confirms all of them; leaving it in any other way, by
/// an error or an exception, cancels all of them; a process that dies is covered by the deadline (60 s, if the plan has
/// none).
///
///   auto scope = settle::TccScope::open(client);
///   if (!scope) return scope.error();
///   const auto held = http.post(account + "/try", order, *scope->headers("account"));
///   if (held.status != 200) return refused();           // the scope cancels
///   const auto told = scope->complete();                // confirms
///
/// One thread at a time. The client outlives it.
class TccScope {
 public:
  /// Begins the transaction. The plan may bring a gid, a deadline, labels; branches in it must have no try of their
  /// own. Errors: those of Client::begin(); kConflict also if this gid is decided already.
  static Result<TccScope> open(Client& client, const Tcc& plan = Tcc());

  /// Cancels, unless it was completed or cancelled; waits for the answer as long as the client is patient, but not on
  /// the client's own thread. If no daemon answers, the deadline cancels.
  ~TccScope();
  TccScope(TccScope&& other) noexcept;
  TccScope& operator=(TccScope&& other) noexcept;

  [[nodiscard]] const std::string& gid() const { return gid_; }

  /// For one call of a service, which becomes the branch `name`. The same name for every repeat of the same call,
  /// another one for every other call. kInvalid: the name is no branch id.
  [[nodiscard]] Result<HeaderList> headers(std::string_view name) const;

  /// Everything that was tried is to stand. Errors: those of Client::submit(). kConflict: it was aborted (a try was
  /// refused, the deadline passed). kUnknownOutcome: it may be confirmed; ask with complete() again, or with
  /// Client::wait(). After any call of this the scope does not cancel any more.
  Result<Transaction> complete(Wait wait = {});
  /// The same with a callback, once, on the client's own thread.
  void complete(Wait wait, Client::Then then);
  /// Gives everything back now.
  Result<Transaction> cancel(std::string_view reason = {}, Wait wait = {});

 private:
  TccScope(Client& client, const Transaction& begun, std::string trace_parent);
  void leave();

  Client* client_;
  std::string gid_;
  std::string tid_;
  std::string trace_parent_;
  bool over_ = false;  // complete or cancel was called, or it was moved from
};

}  // namespace settle
