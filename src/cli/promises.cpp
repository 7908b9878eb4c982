#include "cli/promises.h"

#include <algorithm>
#include <array>

#include "cli/json.h"

namespace settle::cli {
namespace {

/// How many copies of a request arrive at the same moment.
constexpr std::size_t kCopies = 4;

constexpr std::string_view kNeedsDone =
    "the {forward} must be done for this: give an --input that the business accepts, and see to enough stock, money, …";
constexpr std::string_view kBarrier =
    "keep one row per (gid, branch), written first in the same local transaction as the business change (the barrier)";

struct Judgement {
  Verdict verdict = Verdict::kKept;
  std::string_view advice = {};  ///< instead of the probe's own
};
constexpr Judgement kKept{};
constexpr Judgement kBroken{Verdict::kBroken};
constexpr Judgement kUntested{Verdict::kNotTestable, kNeedsDone};

constexpr Judgement kept_if(bool holds) { return holds ? kKept : kBroken; }

/// One probe at work: the calls in their roles, each on a branch of its own unless it says otherwise.
class Trial {
 public:
  explicit Trial(Rehearsal& rehearsal) : rehearsal_(rehearsal), roles_(rehearsal.subject().roles) {}
  /// Takes back what the probe did, as far as the pattern can.
  ~Trial() {
    if (!may_undo_) return;
    for (const TrialBranch& branch : touched_) (void)rehearsal_.ask(branch, roles_.undo);
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  TrialBranch branch() {
    touched_.push_back(Rehearsal::fresh());
    return touched_.back();
  }
  TrialBranch sibling(TrialBranch of) {
    of.id = "b2";
    touched_.push_back(of);
    return of;
  }
  OpAnswer forward(const TrialBranch& branch) { return rehearsal_.ask(branch, roles_.forward); }
  OpAnswer undo(const TrialBranch& branch) { return rehearsal_.ask(branch, roles_.undo); }
  OpAnswer finish(const TrialBranch& branch) { return rehearsal_.ask(branch, roles_.finish); }
  OpAnswer check(const TrialBranch& branch) { return rehearsal_.ask(branch, "check"); }
  std::vector<OpAnswer> together(const TrialBranch& branch, const std::vector<std::string_view>& ops) {
    return rehearsal_.ask_together(branch, ops);
  }
  /// The effect is final, or was taken back by the probe itself: undoing it would be a lie to the participant.
  void leave_as_it_is() { may_undo_ = false; }

  [[nodiscard]] Rehearsal& rehearsal() const { return rehearsal_; }
  [[nodiscard]] const Roles& roles() const { return roles_; }

 private:
  Rehearsal& rehearsal_;
  const Roles& roles_;
  std::vector<TrialBranch> touched_;
  bool may_undo_ = !roles_.undo.empty();
};

bool is_done(const OpAnswer& answer) { return answer.heard == Heard::kDone; }
bool is_refused(const OpAnswer& answer) { return answer.heard == Heard::kRefused; }
bool all_done(const std::vector<OpAnswer>& answers) { return std::ranges::all_of(answers, is_done); }

/// A refusal by the business looks like one by the barrier: what must be refused says something only if the same input
/// is done elsewhere.
bool business_accepts(Trial& trial) { return is_done(trial.forward(trial.branch())); }

/// The same to whoever waits for it: settle keeps the result of a forward op, and a later step may build on it.
bool are_alike(const OpAnswer& one, const OpAnswer& other) {
  return one.heard == other.heard && (!is_done(one) || one.body == other.body);
}

/// A branch that votes read-only takes no part in phase two.
bool votes_read_only(const OpAnswer& answer) { return text_at(parse_json(answer.body), "vote") == "read-only"; }

// --- The probes.

Judgement ends(Trial& trial) {
  const OpAnswer answer = trial.forward(trial.branch());
  if (answer.heard == Heard::kUnknown) return kBroken;
  if (answer.heard == Heard::kRunning) {
    return {Verdict::kNotTestable, "still running: settle would wait for a report; let the --input be done soon"};
  }
  return kKept;
}

Judgement repeat_is_alike(Trial& trial) {
  const TrialBranch branch = trial.branch();
  const OpAnswer first = trial.forward(branch);
  const OpAnswer second = trial.forward(branch);
  const OpAnswer third = trial.forward(branch);
  if (!are_alike(first, second) || !are_alike(first, third)) return kBroken;
  return is_done(first) ? kKept : kUntested;
}

Judgement copies_are_alike(Trial& trial) {
  const std::vector<OpAnswer> answers =
      trial.together(trial.branch(), std::vector<std::string_view>(kCopies, trial.roles().forward));
  for (const OpAnswer& answer : answers) {
    if (!are_alike(answers.front(), answer)) return kBroken;
    if (answer.heard == Heard::kUnknown || answer.heard == Heard::kRunning) return kBroken;
  }
  return is_done(answers.front()) ? kKept : kUntested;
}

Judgement answer_stays(Trial& trial) {
  const TrialBranch branch = trial.branch();
  const OpAnswer before = trial.forward(branch);
  const TrialBranch other = trial.branch();
  (void)trial.forward(other);
  if (!trial.roles().undo.empty()) (void)trial.undo(other);
  if (!are_alike(before, trial.forward(branch))) return kBroken;
  return is_done(before) ? kKept : kUntested;
}

Judgement undo_is_done(Trial& trial) {
  const TrialBranch branch = trial.branch();
  if (!is_done(trial.forward(branch))) return kUntested;
  const OpAnswer first = trial.undo(branch);
  return kept_if(is_done(first) && is_done(trial.undo(branch)));
}

Judgement undo_copies_are_done(Trial& trial) {
  const TrialBranch branch = trial.branch();
  if (!is_done(trial.forward(branch))) return kUntested;
  return kept_if(all_done(trial.together(branch, std::vector<std::string_view>(kCopies, trial.roles().undo))));
}

Judgement empty_undo_is_done(Trial& trial) {
  const TrialBranch branch = trial.branch();
  const OpAnswer first = trial.undo(branch);
  return kept_if(is_done(first) && is_done(trial.undo(branch)));
}

Judgement late_forward_is_refused(Trial& trial) {
  if (!business_accepts(trial)) return kUntested;
  const TrialBranch branch = trial.branch();
  if (!is_done(trial.undo(branch))) return {Verdict::kNotTestable, "first let an empty {undo} be done"};
  const OpAnswer first = trial.forward(branch);
  return kept_if(is_refused(first) && is_refused(trial.forward(branch)));
}

Judgement undone_stays_undone(Trial& trial) {
  const TrialBranch branch = trial.branch();
  if (!is_done(trial.forward(branch))) return kUntested;
  if (!is_done(trial.undo(branch))) return {Verdict::kNotTestable, "first let the {undo} be done"};
  return kept_if(is_refused(trial.forward(branch)));
}

Judgement race_ends_undone(Trial& trial) {
  if (!business_accepts(trial)) return kUntested;
  const TrialBranch branch = trial.branch();
  const std::vector<OpAnswer> answers = trial.together(branch, {trial.roles().forward, trial.roles().undo});
  return kept_if(is_done(answers[1]) && is_refused(trial.forward(branch)));
}

Judgement branches_are_apart(Trial& trial) {
  if (!business_accepts(trial)) return kUntested;
  const TrialBranch one = trial.branch();
  const TrialBranch other = trial.sibling(one);
  if (!is_done(trial.undo(one))) return {Verdict::kNotTestable, "first let an empty {undo} be done"};
  return kept_if(is_done(trial.forward(other)));
}

/// A branch that waits for its second phase. False: there is none, and `why` says so.
bool hold(Trial& trial, const TrialBranch& branch, Judgement& why) {
  const OpAnswer answer = trial.forward(branch);
  why = kUntested;
  if (!is_done(answer)) return false;
  if (!votes_read_only(answer)) return true;
  why.advice = "it votes read-only: give an --input that writes";
  return false;
}

Judgement finish_is_done(Trial& trial) {
  const TrialBranch branch = trial.branch();
  Judgement why;
  if (!hold(trial, branch, why)) return why;
  trial.leave_as_it_is();
  const OpAnswer first = trial.finish(branch);
  return kept_if(is_done(first) && is_done(trial.finish(branch)));
}

Judgement finish_copies_are_done(Trial& trial) {
  const TrialBranch branch = trial.branch();
  Judgement why;
  if (!hold(trial, branch, why)) return why;
  trial.leave_as_it_is();
  return kept_if(all_done(trial.together(branch, std::vector<std::string_view>(kCopies, trial.roles().finish))));
}

Judgement finish_after_undo_is_not_done(Trial& trial) {
  const TrialBranch branch = trial.branch();
  Judgement why;
  if (!hold(trial, branch, why)) return why;
  if (!is_done(trial.undo(branch))) return {Verdict::kNotTestable, "first let the {undo} be done"};
  return kept_if(!is_done(trial.finish(branch)));
}

Judgement finish_of_nothing_is_not_done(Trial& trial) { return kept_if(!is_done(trial.finish(trial.branch()))); }

Judgement undo_after_finish_is_not_done(Trial& trial) {
  const TrialBranch branch = trial.branch();
  Judgement why;
  if (!hold(trial, branch, why)) return why;
  trial.leave_as_it_is();
  if (!is_done(trial.finish(branch))) return {Verdict::kNotTestable, "first let the {finish} be done"};
  return kept_if(!is_done(trial.undo(branch)));
}

Judgement check_forbids(Trial& trial) {
  const TrialBranch branch = trial.branch();
  const auto state_of = [](const OpAnswer& answer) { return text_at(parse_json(answer.body), "state"); };
  const OpAnswer first = trial.check(branch);
  const OpAnswer second = trial.check(branch);
  return kept_if(is_done(first) && is_done(second) && state_of(first) == "aborted" && state_of(second) == "aborted");
}

// --- About all calls of the others.

Judgement never_redirects(Trial& trial) { return kept_if(trial.rehearsal().redirect().empty()); }
Judgement is_in_time(Trial& trial) { return kept_if(trial.rehearsal().late().empty()); }

/// Which op a probe needs beside the forward one.
enum class Needs : std::uint8_t { kNothing, kUndo, kFinish, kCheck };

struct Probe {
  std::string_view id;
  Needs needs;
  std::string_view promise;
  std::string_view advice;
  Judgement (*run)(Trial&);
};

constexpr std::array kProbes = {
    Probe{"ends", Needs::kNothing, "the {forward} ends with 2xx, 409 or 425",
          "anything else is unknown: settle asks again until its bound is used up, then turns back; see that the URL, "
          "the headers and the --input are what the service expects",
          ends},
    Probe{"repeat", Needs::kNothing, "a repeated {forward} gives the same answer, result included", kBarrier,
          repeat_is_alike},
    Probe{"copies", Needs::kNothing, "copies of the {forward} at the same moment all end the same",
          "let the second one wait for the row's lock, or answer 425 until the first has ended; then the stored answer",
          copies_are_alike},
    Probe{"stays", Needs::kNothing, "the answer to the {forward} never changes, whatever else happened",
          "store the answer in the barrier's row, and keep the row longer than settle repeats", answer_stays},
    Probe{"undo", Needs::kUndo, "the {undo} is done, and done again when it is repeated",
          "the {undo} is asked until it is done: answer a repeat with 2xx and leave the data alone", undo_is_done},
    Probe{"undo-copies", Needs::kUndo, "copies of the {undo} at the same moment are all done", kBarrier,
          undo_copies_are_done},
    Probe{"empty-undo", Needs::kUndo, "the {undo} without its {forward} is done",
          "answer 2xx and leave a tombstone: the {forward} was lost, or is still on its way", empty_undo_is_done},
    Probe{"late-forward", Needs::kUndo, "the {forward} after its empty {undo} is refused",
          "let the {undo} leave a tombstone, and answer 409 to the {forward} that meets it: nobody would undo it again",
          late_forward_is_refused},
    Probe{"undone", Needs::kUndo, "the {forward} repeated after its {undo} is refused",
          "let the {undo} turn the row into a tombstone instead of deleting it; answer 409 to the {forward} that meets "
          "it",
          undone_stays_undone},
    Probe{"race", Needs::kUndo,
          "the {undo} at the same moment as its {forward} is done, and the {forward} stays undone",
          "let the {undo} wait for the row's lock, or answer 425 while the {forward} runs", race_ends_undone},
    Probe{"apart", Needs::kUndo, "branches of one transaction are kept apart",
          "make (gid, branch) the row's key, not the gid alone", branches_are_apart},
    Probe{"finish", Needs::kFinish, "the {finish} is done, and done again when it is repeated",
          "the {finish} is asked until it is done: answer a repeat with 2xx and leave the data alone", finish_is_done},
    Probe{"finish-copies", Needs::kFinish, "copies of the {finish} at the same moment are all done", kBarrier,
          finish_copies_are_done},
    Probe{"finish-undone", Needs::kFinish, "the {finish} after its {undo} is not done",
          "answer 409: two truths were told, and settle opens an incident", finish_after_undo_is_not_done},
    Probe{"finish-nothing", Needs::kFinish, "the {finish} of what was never held is not done",
          "answer 409: there is nothing to make final, somebody must look", finish_of_nothing_is_not_done},
    Probe{"undo-finished", Needs::kFinish, "the {undo} after its {finish} is not done",
          "answer 409 and leave the data alone: what was made final stays", undo_after_finish_is_not_done},
    Probe{"check", Needs::kCheck, "a check of what never happened says aborted, each time",
          "write a tombstone, then answer {\"state\": \"aborted\"}: the local transaction must meet it and fail",
          check_forbids},
    Probe{"redirects", Needs::kNothing, "no answer is a redirect", "settle never follows one: give it the final URL",
          never_redirects},
    Probe{"in-time", Needs::kNothing, "every answer comes within the time limit",
          "answer 425 (with Retry-After) and go on in the background, or raise attempt_timeout_ms and --timeout",
          is_in_time},
};

bool is_wanted(const Probe& probe, const Rehearsal& rehearsal) {
  const Roles& roles = rehearsal.subject().roles;
  switch (probe.needs) {
    case Needs::kUndo:
      return !roles.undo.empty();
    case Needs::kFinish:
      return !roles.finish.empty();
    case Needs::kCheck:
      return rehearsal.has("check");
    case Needs::kNothing:
      break;
  }
  return true;
}

/// The words of the pattern instead of {forward}, {finish} and {undo}.
std::string in_words_of(const Roles& roles, std::string_view text) {
  std::string out(text);
  for (const auto& [name, op] : {std::pair<std::string_view, std::string_view>{"{forward}", roles.forward},
                                 {"{finish}", roles.finish},
                                 {"{undo}", roles.undo}}) {
    for (std::size_t at = out.find(name); at != std::string::npos; at = out.find(name, at + op.size())) {
      out.replace(at, name.size(), op);
    }
  }
  return out;
}

/// About all calls, so it can still be judged when the first call has failed.
bool is_about_all(const Probe& probe) { return probe.run == never_redirects || probe.run == is_in_time; }

std::string evidence_about_all(const Probe& probe, const Rehearsal& rehearsal) {
  const std::string& met = probe.run == never_redirects ? rehearsal.redirect() : rehearsal.late();
  return met.empty() ? "of all calls" : met;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kKept:
      return "kept";
    case Verdict::kBroken:
      return "broken";
    case Verdict::kNotTestable:
      break;
  }
  return "not testable";
}

std::vector<Finding> probe_promises(Rehearsal& rehearsal) {
  const Roles& roles = rehearsal.subject().roles;
  std::vector<Finding> findings;
  for (const Probe& probe : kProbes) {
    if (!is_wanted(probe, rehearsal)) continue;
    Finding finding;
    finding.id = probe.id;
    finding.promise = in_words_of(roles, probe.promise);
    // A service that does not end its first call would be asked in vain, and every time up to the limit.
    const bool is_hopeless = !findings.empty() && findings.front().verdict != Verdict::kKept;
    Judgement judgement{Verdict::kNotTestable, "first let the {forward} end"};
    if (!is_hopeless || is_about_all(probe)) {
      Trial trial(rehearsal);
      judgement = probe.run(trial);
      // The trial's end cleans up; that is no evidence.
      finding.evidence = is_about_all(probe) ? evidence_about_all(probe, rehearsal) : rehearsal.take_trace();
      if (!rehearsal.ever_answered()) judgement = {Verdict::kNotTestable, "start the service; see the URL"};
    }
    (void)rehearsal.take_trace();
    finding.verdict = judgement.verdict;
    if (finding.verdict != Verdict::kKept) {
      finding.advice = in_words_of(roles, judgement.advice.empty() ? probe.advice : judgement.advice);
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace settle::cli
