#include "settle/message.h"

namespace settle {
namespace {

constexpr std::string_view kLocalBranch = "00";

barrier::Call call_of(const Transaction& prepared, std::string_view op) {
  return {prepared.gid, std::string(kLocalBranch), std::string(op), prepared.tid};
}

/// The local transaction is durable. If nobody hears of it now, the check-back will find its row.
Result<Sent> submit(Client& client, const std::string& gid, std::string body) {
  const Result<Transaction> told = client.submit(gid);
  if (told) return Sent{Sent::How::kSent, std::move(body), {}};
  if (told.error().code == ErrorCode::kConflict) {
    return Error{ErrorCode::kConflict, gid + " was aborted although its local transaction is durable; did somebody " +
                                           "else abort it? " + told.error().message};
  }
  return Sent{Sent::How::kWillBeSent, std::move(body), told.error().message};
}

/// The business refused, or the check-back was first. A tombstone forbids that a twin commits after the abort.
Result<Sent> drop(Client& client, const Transaction& prepared, const LocalTransaction& local, std::string reason) {
  const barrier::Reply tomb = local(call_of(prepared, "check"), [](barrier::Work) { return barrier::Made::done(); });
  if (tomb.answer == barrier::Answer::kCommitted) return submit(client, prepared.gid, tomb.body);
  if (tomb.answer != barrier::Answer::kAborted) {
    return Error{ErrorCode::kUnavailable, prepared.gid + ": " + reason + "; the check-back decides, because no " +
                                              "tombstone could be written: " + tomb.reason};
  }
  const Result<Transaction> told = client.abort(prepared.gid, reason.substr(0, 1000));
  if (!told) reason += " (the check-back drops the message: " + told.error().message + ")";
  return Sent{Sent::How::kDropped, {}, std::move(reason)};
}

Error not_done(const Transaction& prepared, const barrier::Reply& reply) {
  const bool lost = reply.error && reply.error->code == ErrorCode::kUnknownOutcome;
  const std::string what = reply.reason.empty() && reply.error ? reply.error->message : reply.reason;
  return {lost ? ErrorCode::kUnknownOutcome : ErrorCode::kUnavailable,
          prepared.gid + ": " + what + (lost ? "; the check-back decides" : "; the local transaction did not happen")};
}

}  // namespace

Result<Sent> send(Client& client, const Message& message, const LocalTransaction& local,
                  const barrier::Business& business) {
  if (!message.has_check()) {
    return Error{ErrorCode::kInvalid, message.gid() + ": a message of a local transaction needs check(URL)"};
  }
  const Result<Transaction> prepared = client.begin(message);
  if (!prepared) return prepared.error();
  if (prepared->decision == Transaction::Decision::kAbort) {
    return Sent{Sent::How::kDropped, {}, prepared->reason.empty() ? "it was aborted before" : prepared->reason};
  }
  barrier::Reply reply = local(call_of(*prepared, "local"), business);
  switch (reply.answer) {
    case barrier::Answer::kDone:
    case barrier::Answer::kCommitted:
      return submit(client, prepared->gid, std::move(reply.body));
    case barrier::Answer::kRefused:
    case barrier::Answer::kConflict:
    case barrier::Answer::kAborted:
      return drop(client, *prepared, local, std::move(reply.reason));
    case barrier::Answer::kRunning:
    case barrier::Answer::kUnknown:
      break;
  }
  return not_done(*prepared, reply);
}

}  // namespace settle
