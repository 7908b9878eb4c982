#pragma once

#include <settle/ids.h>
#include <settle/result.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What all patterns share. Users write saga.h, tcc.h, two_phase.h and message.h.
///
/// Plans are values of one thread: build, hand to a Client, forget. What is wrong with a plan (an input that is no
/// JSON, a gid that is none) is not said by the setters but by whoever sends it, as kInvalid. `input` is raw JSON text,
/// which reaches the participants byte for byte.
namespace settle {

/// A gid that nobody has: 26 characters of 128 random bits. Any thread.
std::string fresh_gid();

namespace sdk_detail {

/// The members of a JSON object under construction; setting a name again replaces its value.
class Fields {
 public:
  void text(std::string_view name, std::string_view value);
  void json(std::string_view name, std::string_view value);  ///< checked; a broken one makes problem()
  void raw(std::string_view name, std::string value);        ///< JSON of our own making
  void number(std::string_view name, std::int64_t value) { raw(name, std::to_string(value)); }
  void flag(std::string_view name) { raw(name, "true"); }
  void ms(std::string_view name, std::chrono::milliseconds value) { number(name, value.count()); }
  void decimal(std::string_view name, double value);

  /// Takes over what is wrong with a part.
  void take_problem(const std::string& problem);

  [[nodiscard]] std::string object() const;
  [[nodiscard]] const std::string& problem() const { return problem_; }  ///< empty: none

 private:
  std::vector<std::pair<std::string, std::string>> members_;
  std::string problem_;  // the first one
};

/// ["a", "b"]
std::string json_list(const std::vector<std::string>& texts);

}  // namespace sdk_detail

/// When an attempt that ended as unknown is repeated. What is not set is the daemon's: 500 ms, doubled each time, up to
/// 60 s, without end.
class Retry {
 public:
  Retry& base(std::chrono::milliseconds pause) { return fields_.ms("base_ms", pause), *this; }
  Retry& factor(double by) { return fields_.decimal("factor", by), *this; }
  Retry& cap(std::chrono::milliseconds pause) { return fields_.ms("cap_ms", pause), *this; }
  Retry& jitter(double part) { return fields_.decimal("jitter", part), *this; }
  /// Attempts of which bytes were written out; who cannot be reached uses up none.
  Retry& attempts(std::int64_t most) { return fields_.number("attempts", most), *this; }
  /// From the moment the call was first wanted, whether anybody could be reached or not.
  Retry& for_at_most(std::chrono::milliseconds lasting) { return fields_.ms("for_ms", lasting), *this; }

  [[nodiscard]] std::string json() const { return fields_.object(); }

 private:
  sdk_detail::Fields fields_;
};

/// What every branch has; `Self` is the pattern's own class, so that calls can be chained.
template <typename Self>
class BranchPart {
 public:
  /// One JSON value, sent with every op.
  Self& input(std::string_view json) { return fields_.json("input", json), self(); }
  Self& retry(const Retry& how) { return fields_.raw("retry", how.json()), self(); }

  [[nodiscard]] const sdk_detail::Fields& fields() const { return fields_; }

 protected:
  Self& self() { return static_cast<Self&>(*this); }

  sdk_detail::Fields fields_;  // NOLINT: of the pattern's class as well

 private:
  friend Self;
  explicit BranchPart(std::string_view id) { fields_.text("id", id); }
};

/// What hangs on an outcome: a follow-up of `on_commit` or `on_abort`, or what is delivered in a step's place.
class FollowUp : public BranchPart<FollowUp> {
 public:
  FollowUp(std::string_view id, std::string_view url) : BranchPart(id) { fields_.text("url", url); }
};

/// A plan of any pattern, as Client::begin() takes it.
class TransactionPlan {
 public:
  virtual ~TransactionPlan() = default;

  /// The name of the transaction. Begin, submit and abort can be repeated under it, also by another process.
  [[nodiscard]] const std::string& gid() const { return gid_; }
  [[nodiscard]] const std::string& trace_parent() const { return trace_parent_; }

  /// The body of `POST /v1/transactions`. kInvalid: what the setters could not say.
  [[nodiscard]] Result<std::string> json() const;

 protected:
  TransactionPlan(std::string_view pattern, std::string_view gid);
  TransactionPlan(const TransactionPlan&) = default;
  TransactionPlan(TransactionPlan&&) = default;
  TransactionPlan& operator=(const TransactionPlan&) = default;
  TransactionPlan& operator=(TransactionPlan&&) = default;

  /// The pattern's own lists.
  virtual void complete(sdk_detail::Fields& fields) const = 0;

  sdk_detail::Fields fields_;                                 // NOLINT: of the pattern's class as well
  std::vector<std::pair<std::string, std::string>> labels_;   // NOLINT
  std::vector<std::pair<std::string, std::string>> headers_;  // NOLINT
  std::list<FollowUp> on_commit_;                             // NOLINT: a list, because parts are handed out
  std::list<FollowUp> on_abort_;                              // NOLINT
  std::string trace_parent_;                                  // NOLINT

 private:
  std::string gid_;
};

/// The setters that every pattern has; they can be chained.
template <typename Self>
class PlanOf : public TransactionPlan {
 public:
  /// saga: compensate; tcc, two_phase: abort what is undecided; message: check at once.
  Self& deadline(std::chrono::milliseconds from_begin) { return fields_.ms("deadline_ms", from_begin), self(); }
  /// Of all branches that have none of their own.
  Self& retry(const Retry& how) { return fields_.raw("retry", how.json()), self(); }
  /// How long one call of a participant may take.
  Self& attempt_timeout(std::chrono::milliseconds most) { return fields_.ms("attempt_timeout_ms", most), self(); }
  /// For people and lists; not part of what makes two plans the same.
  Self& label(std::string_view key, std::string_view value) { return labels_.emplace_back(key, value), self(); }
  /// Sent to every participant; the daemon says which names are allowed.
  Self& header(std::string_view name, std::string_view value) { return headers_.emplace_back(name, value), self(); }
  using TransactionPlan::trace_parent;
  /// W3C trace context of the caller; every attempt becomes a span of its trace.
  Self& trace_parent(std::string_view header) { return trace_parent_ = header, self(); }

  /// Called with op `deliver` once the transaction has committed. The reference lives as long as the plan.
  FollowUp& on_commit(std::string_view id, std::string_view url) { return on_commit_.emplace_back(id, url); }
  /// Called with op `compensate` once it has aborted.
  FollowUp& on_abort(std::string_view id, std::string_view url) { return on_abort_.emplace_back(id, url); }

 protected:
  Self& self() { return static_cast<Self&>(*this); }

 private:
  friend Self;
  PlanOf(std::string_view pattern, std::string_view gid) : TransactionPlan(pattern, gid) {}
};

}  // namespace settle
