#pragma once

#include <settle/barrier.h>
#include <settle/client.h>
#include <settle/transaction_plan.h>

#include <functional>
#include <list>
#include <string>
#include <string_view>

namespace settle {

/// What becomes of a message when one of its targets cannot be reached or does not want it.
enum class TargetPolicy : std::uint8_t {
  kPark,        ///< a person has to look (the default)
  kCompensate,  ///< the message turns back: what may have been delivered is taken back
  kDegrade,     ///< it goes on without this target
};

/// One receiver.
class MessageTarget : public BranchPart<MessageTarget> {
 public:
  MessageTarget(std::string_view id, std::string_view url) : BranchPart(id) { fields_.text("url", url); }

  MessageTarget& attempt_timeout(std::chrono::milliseconds most) {
    return fields_.ms("attempt_timeout_ms", most), *this;
  }
  MessageTarget& on_refused(TargetPolicy policy) { return fields_.text("on_refused", name_of(policy)), *this; }
  /// When the bounds of its Retry are used up.
  MessageTarget& on_exhausted(TargetPolicy policy) { return fields_.text("on_exhausted", name_of(policy)), *this; }
  MessageTarget& compensate(std::string_view url) { return fields_.text("compensate", url), *this; }
  /// Delivered in its place, with kDegrade.
  MessageTarget& degrade(const FollowUp& instead);

 private:
  static std::string_view name_of(TargetPolicy policy) {
    switch (policy) {
      case TargetPolicy::kCompensate:
        return "compensate";
      case TargetPolicy::kDegrade:
        return "degrade";
      case TargetPolicy::kPark:
        break;
    }
    return "park";
  }
};

/// Something that others are to be told, reliably. Without check() it goes out at once. With it, it belongs to a local
/// transaction of the sender: see send().
class Message : public PlanOf<Message> {
 public:
  explicit Message(std::string_view gid = {}) : PlanOf("message", gid) {}

  /// The reference lives as long as the message.
  MessageTarget& target(std::string_view id, std::string_view url) { return targets_.emplace_back(id, url); }
  /// One target after the other.
  Message& ordered() { return fields_.flag("ordered"), *this; }
  /// From the submit on.
  Message& delay(std::chrono::milliseconds pause) { return fields_.ms("delay_ms", pause), *this; }
  /// Not before that instant: RFC 3339, UTC.
  Message& at(std::string_view instant) { return fields_.text("at", instant), *this; }
  /// The URL that tells whether the local transaction has committed, if nobody submits; through_barrier() of
  /// participant.h answers it.
  Message& check(std::string_view url, std::chrono::milliseconds after = std::chrono::milliseconds{5'000}) {
    fields_.text("check", url);
    fields_.ms("check_after_ms", after);
    has_check_ = true;
    return *this;
  }

  [[nodiscard]] bool has_check() const { return has_check_; }

 private:
  void complete(sdk_detail::Fields& fields) const override;

  std::list<MessageTarget> targets_;
  bool has_check_ = false;
};

/// What became of send().
struct Sent {
  enum class How : std::uint8_t {
    kSent,        ///< the local transaction is durable, and the daemon delivers
    kWillBeSent,  ///< the local transaction is durable; the daemon did not take the submit, so its check-back will
    kDropped,     ///< the local transaction did not happen and never will under this gid; nobody is told
  };
  How how = How::kDropped;
  std::string body;    ///< what the local transaction answered, now or the first time
  std::string reason;  ///< of kWillBeSent and kDropped, for people
};

/// barrier::run() on the caller's handle.
using LocalTransaction = std::function<barrier::Reply(const barrier::Call&, const barrier::Business&)>;

/// send() for a handle of any kind; see below.
Result<Sent> send(Client& client, const Message& message, const LocalTransaction& local,
                  const barrier::Business& business);

/// A local transaction and a message: both, or none of them. Prepares the message, then runs `business` in a local
/// transaction on `handle` whose first statement is the barrier's, then commits and submits.
///
///   settle::Message mail;
///   mail.target("points", points + "/add").input(R"({"n": 5})");
///   mail.check(self + "/check");
///   const auto sent = settle::send(client, mail, db, [&](settle::barrier::Work) {
///     return insert_order(db) ? Made::done() : Made::refused("no credit");
///   });
///
/// A refusal of the business leaves a tombstone for the check-back and drops the message. When the answer of the local
/// COMMIT is lost, the message is neither submitted nor dropped: the daemon asks the check URL, whose barrier knows.
/// The handle must have the barrier's tables. Link the barrier of its database. It may be called again with the same
/// message, whatever came of it before: the local transaction happens at most once.
///
/// Errors: those of Client, where nothing was done locally; and
///   kUnavailable     the local transaction did not happen (this time); the check-back drops the message, unless it is
///                    sent again before
///   kUnknownOutcome  it may or may not have happened; Client::wait() tells, because the check-back decides
template <typename Handle>
Result<Sent> send(Client& client, const Message& message, Handle* handle, const barrier::Business& business,
                  const barrier::Options& options = {}) {
  const LocalTransaction local = [handle, &options](const barrier::Call& call, const barrier::Business& work) {
    return barrier::run(handle, call, work, options);
  };
  return send(client, message, local, business);
}

}  // namespace settle
