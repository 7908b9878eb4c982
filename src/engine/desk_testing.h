#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/worker.h"

namespace settle::engine {

inline constexpr Instant kT0 = instant_of(1'700'000'000'000'000);
inline constexpr ShardNo kShards = 4;

struct Said {
  Token token;
  AnswerKind kind;
  std::string gid;
  Decision decision = Decision::kNone;
  GlobalOutcome outcome = GlobalOutcome::kRunning;
};

struct Sent {
  std::uint64_t id;
  Tid tid;
  std::string gid, branch, url;
  Op op;
  std::int32_t index;
  std::uint32_t attempt;
  std::vector<std::pair<std::string, std::string>> bound;  ///< into, what
};

/// One worker with everything around it in hand: what it says is collected, what it hears is said by the test. Lazy
/// saves leave at once unless the test wants them held.
class Desk : public Outputs {
 public:
  explicit Desk(Limits limits = {}, Duration lazy_wait = {})
      : worker({.shards = kShards, .limits = limits, .lazy_wait = lazy_wait}, *this) {
    for (ShardNo i = 0; i < kShards; ++i) {
      worker.on(Acquired{i, 1, kNever}, now);
      worker.on(LoadEnded{i, 1}, now);
    }
  }

  void save(Save&& save) override { saves.push_back(std::move(save)); }
  void call(const Call& call) override {
    calls.push_back({call.id,
                     call.tid,
                     std::string(call.gid),
                     std::string(call.branch_id),
                     std::string(call.url),
                     call.op,
                     call.branch,
                     call.attempt,
                     {}});
    if (call.bound == nullptr) return;
    for (const BoundPart& part : *call.bound) calls.back().bound.emplace_back(part.into, part.result);
  }
  void incident(const IncidentNotice& notice) override {
    notices.push_back(
        {std::string(notice.gid), std::string(notice.branch_id), notice.cause, notice.opened, notice.again});
  }
  void destination_changed(const DestinationFigures& figures, bool is_down) override {
    changes.push_back(figures.name + (is_down ? " down" : " back"));
  }
  void reply(Token token, AnswerKind kind, const View* view) override {
    Said said{token, kind, {}};
    if (view != nullptr) {
      said.gid = std::string(view->gid);
      said.decision = view->decision;
      said.outcome = view->outcome;
    }
    replies.push_back(said);
  }
  void look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) override {
    lookups.push_back({shard, lookup, std::string(gid)});
  }
  void dropped(ShardNo shard, Epoch) override { drops.push_back(shard); }
  void event(EventLevel, std::string_view what, std::string_view, std::string_view, Op) override {
    events.emplace_back(what);
  }

  static OwnedPlan saga(std::vector<std::string> urls, Duration deadline = {}) {
    Plan plan;
    plan.deadline = deadline;
    static const char* const kIds[] = {"a", "b", "c", "d"};
    for (std::size_t i = 0; i < urls.size(); ++i) {
      BranchPlan branch;
      branch.id = kIds[i];
      branch.forward = urls[i];
      branch.back = "http://undo/x";
      plan.branches.push_back(branch);
    }
    return OwnedPlan::encode(plan);
  }

  void begin(Token token, std::string gid, OwnedPlan plan, Duration wait = {}) {
    worker.on(Begin{token, std::move(gid), std::move(plan), {wait, WaitFor::kEnd}}, now);
  }
  void ask(Token token, Verb verb, std::string gid, Duration wait = {}) {
    Request request;
    request.token = token;
    request.verb = verb;
    request.gid = std::move(gid);
    request.wait.lasting = wait;
    worker.on(std::move(request), now);
  }
  void enlist(Token token, std::string gid, const Plan& plan) {
    Request request;
    request.token = token;
    request.verb = Verb::kEnlist;
    request.gid = std::move(gid);
    request.enlisted = std::make_shared<const OwnedPlan>(OwnedPlan::encode(plan));
    worker.on(std::move(request), now);
  }
  void resolve(Token token, std::string gid, std::string branch, Resolution as, std::string result = {}) {
    Request request;
    request.token = token;
    request.verb = Verb::kResolve;
    request.gid = std::move(gid);
    request.branch = std::move(branch);
    request.as = as;
    request.reason = "seen in its books";
    request.result = std::move(result);
    worker.on(std::move(request), now);
  }
  /// The disk takes everything that was saved so far.
  void sync(SaveStatus status = SaveStatus::kSaved) {
    Receipts receipts;
    for (const Save& save : saves)
      receipts.receipts.push_back({save.shard, save.epoch, save.tid, save.version, status});
    synced.insert(synced.end(), std::make_move_iterator(saves.begin()), std::make_move_iterator(saves.end()));
    saves.clear();
    worker.on(std::move(receipts), now);
  }
  void answer(const Sent& sent, Outcome outcome, AnswerCode code = 200, std::string result = {}) {
    CallEnded ended;
    ended.id = sent.id;
    ended.tid = sent.tid;
    ended.op = sent.op;
    ended.branch = sent.index;
    ended.outcome = outcome;
    ended.answer = code;
    ended.result = std::move(result);
    ended.reached = code != kAnswerRefused;
    worker.on(std::move(ended), now);
  }
  void pass(Duration time) {
    now += time;
    worker.on(Tick{}, now);
  }
  Sent take_call() {
    if (calls.empty()) {
      ADD_FAILURE() << "no call";
      return {};
    }
    Sent sent = calls.front();
    calls.pop_front();
    return sent;
  }
  Said take_reply() {
    if (replies.empty()) {
      ADD_FAILURE() << "no reply";
      return {};
    }
    Said said = replies.front();
    replies.pop_front();
    return said;
  }

  struct Asked {
    ShardNo shard;
    std::uint64_t lookup;
    std::string gid;
  };
  Instant now = kT0;
  std::vector<Save> saves, synced;
  std::deque<Sent> calls;
  std::deque<Said> replies;
  std::deque<Asked> lookups;
  std::vector<ShardNo> drops;
  struct Noticed {
    std::string gid, branch;
    Cause cause;
    bool opened, again;
  };
  std::vector<std::string> events;
  std::vector<std::string> changes;
  std::vector<Noticed> notices;
  Worker worker;
};

}  // namespace settle::engine
