#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "cli/http.h"
#include "cli/shell.h"

namespace settle::cli {

/// What a participant made of a call, as settle reads it.
enum class Heard : std::uint8_t { kDone, kRefused, kRunning, kUnknown };

struct OpAnswer {
  Heard heard = Heard::kUnknown;
  int status = 0;    ///< 0: no answer
  std::string body;  ///< of an answer; why there is none otherwise
  bool is_late = false;
  bool is_unreachable = false;
};

/// What is played: the ops of a pattern in their roles. An empty name: the pattern has no such op.
struct Roles {
  std::string_view pattern;
  std::string_view forward;  ///< action, try, prepare, deliver
  std::string_view finish;   ///< confirm, commit
  std::string_view undo;     ///< compensate, cancel, rollback
};

struct OpTarget {
  Endpoint endpoint;
  std::string path;  ///< and query
};

/// What is called, where, with what.
struct Subject {
  Roles roles;
  std::map<std::string, OpTarget, std::less<>> targets;  ///< by op
  std::string input;                                     ///< body of every call but `check`, byte for byte
  std::chrono::milliseconds answer_limit{3000};          ///< settle's attempt_timeout_ms
  std::chrono::milliseconds running_limit{10'000};       ///< how long `running` is asked again
};

/// One branch of a transaction that does not exist; nobody else knows its gid.
struct TrialBranch {
  std::string gid;
  std::string tid;
  std::string id = "b1";
};

/// Plays the coordinator towards a participant. Calls block; ask_together() uses threads of its own.
class Rehearsal {
 public:
  explicit Rehearsal(Subject subject) : subject_(std::move(subject)) {}

  [[nodiscard]] const Subject& subject() const { return subject_; }
  [[nodiscard]] bool has(std::string_view op) const { return subject_.targets.contains(op); }

  /// A branch with a gid from the machine's randomness, so that no earlier run has left a row for it.
  static TrialBranch fresh();

  /// Calls until an answer ends it: `running` and unknown ones are asked again like settle does, within limits.
  OpAnswer ask(const TrialBranch& branch, std::string_view op);
  /// The same for several ops at the same moment; answers in the order of `ops`.
  std::vector<OpAnswer> ask_together(const TrialBranch& branch, const std::vector<std::string_view>& ops);

  /// What was called and answered since the last look, for people: "try 200, cancel 200, try 409".
  std::string take_trace();

  // What any call may have met.
  [[nodiscard]] const std::string& redirect() const { return redirect_; }  ///< "" if none
  [[nodiscard]] const std::string& late() const { return late_; }          ///< "" if none
  [[nodiscard]] bool ever_answered() const { return answered_; }

 private:
  OpAnswer send(const TrialBranch& branch, std::string_view op, int attempt);
  void record(std::string_view op, const OpAnswer& answer);

  Subject subject_;
  std::mutex lock_;  ///< of what follows
  std::vector<std::string> trace_;
  std::string redirect_;
  std::string late_;
  bool answered_ = false;
};

}  // namespace settle::cli
