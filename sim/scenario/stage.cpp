#include "scenario/stage.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>

#include "scenario/words.h"

namespace settle::sim {
namespace {

/// Scripts count from here; a round number keeps traces readable.
constexpr Instant kStart = instant_of(1'767'225'600'000'000);

const char* text_of(engine::AnswerKind kind) {
  switch (kind) {
    case engine::AnswerKind::kDocument:
      return "document";
    case engine::AnswerKind::kCreated:
      return "created";
    case engine::AnswerKind::kGidReused:
      return "gid reused";
    case engine::AnswerKind::kUnknownGid:
      return "unknown gid";
    case engine::AnswerKind::kUnknownBranch:
      return "unknown branch";
    case engine::AnswerKind::kWrongPhase:
      return "wrong phase";
    case engine::AnswerKind::kContradiction:
      return "contradiction";
    case engine::AnswerKind::kBranchReused:
      return "branch reused";
    case engine::AnswerKind::kTooMany:
      return "too many";
    case engine::AnswerKind::kEpochClosed:
      return "epoch closed";
    case engine::AnswerKind::kOverloaded:
      return "overloaded";
    case engine::AnswerKind::kStoreFull:
      return "store full";
    case engine::AnswerKind::kNotOwner:
      return "not owner";
    case engine::AnswerKind::kStoreUnknown:
      return "store unknown";
  }
  return "?";
}

std::string after_start(Instant at) {
  char text[32];
  (void)std::snprintf(static_cast<char*>(text), sizeof text, "%.3f s",
                      static_cast<double>((at - kStart).count()) / 1e6);
  return static_cast<const char*>(text);
}

}  // namespace

Stage::Stage() : now_(kStart), store_(SimStore::Kind::kOwnDisk, now_) {
  options_.shards = 1;
  options_.lazy_wait = Duration{0};  // a script shows each change where it happens
}

// ------------------------------------------------------------------------------------------------------ outputs

void Stage::save(Save&& save) {
  std::string text = "  save " + save.gid + ": " + std::string(name_of(save.summary.phase));
  if (save.summary.decision != Decision::kNone) text += ", decision " + std::string(name_of(save.summary.decision));
  if (save.summary.has_incident) text += ", incident";
  if (save.forced) text += ", forced";
  line(std::move(text));
  // One save of a transaction waits at most, like in the queue of the daemon.
  for (Save& one : waiting_) {
    if (one.tid != save.tid) continue;
    save.expected = one.expected;
    save.forced = save.forced || one.forced;
    one = std::move(save);
    return;
  }
  waiting_.push_back(std::move(save));
}

void Stage::call(const Call& call) {
  ++count_calls_;
  Open open{call.id, call.tid, call.op, call.branch, call.sent_at + call.timeout, {}};
  open.name = std::string(call.gid) + "/" + std::string(call.branch_id);
  std::string text =
      "  call " + open.name + " " + std::string(name_of(call.op)) + ", attempt " + std::to_string(call.attempt);
  if (call.bound != nullptr) {
    for (const BoundPart& part : *call.bound) {
      text.append(", ").append(part.into).append(" = ").append(part.from).append(" of ").append(part.result);
    }
  }
  line(std::move(text));
  calls_.emplace(call.id, std::move(open));
}

void Stage::reply(engine::Token token, engine::AnswerKind kind, const engine::View* view) {
  ++count_replies_;
  std::string text = "  reply to " + clients_[token] + ": " + text_of(kind);
  clients_.erase(token);
  if (view != nullptr) {
    text += ", " + std::string(name_of(view->phase)) + ", decision " + std::string(name_of(view->decision)) +
            ", outcome " + std::string(name_of(view->outcome));
    if (view->state.incident) text += ", incident " + std::string(name_of(view->state.incident->cause));
    if (view->state.heuristic != Heuristic::kNone) text += ", heuristic " + std::string(name_of(view->state.heuristic));
    if (view->provisional) text += ", provisional";
  }
  line(std::move(text));
}

void Stage::look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) {
  line("  look up " + std::string(gid));
  questions_.push_back(Question{shard, lookup, std::string(gid)});
}

void Stage::dropped(ShardNo, Epoch epoch) {
  line("  drop the shard of epoch " + std::to_string(epoch));
  calls_.clear();
}

void Stage::event(engine::EventLevel level, std::string_view what, std::string_view gid, std::string_view branch_id,
                  Op) {
  if (level == engine::EventLevel::kDebug) return;
  std::string text = level == engine::EventLevel::kWarn ? "  warn: " : "  log: ";
  text += what;
  if (!gid.empty()) text.append(" ").append(gid);
  if (!branch_id.empty()) text.append("/").append(branch_id);
  line(std::move(text));
}

// ------------------------------------------------------------------------------------------------------- inputs

void Stage::give(engine::Input&& input) {
  worker_->on(std::move(input), now_);
  if (is_writing_) commit_waiting();
  answer_questions();
}

void Stage::commit_waiting() {
  while (!waiting_.empty()) {
    const std::vector<Save> group = std::exchange(waiting_, {});
    Result<std::vector<Receipt>> receipts = store_.commit(group);
    worker_->on(engine::Receipts{std::move(*receipts)}, now_);
  }
}

void Stage::answer_questions() {
  while (!questions_.empty() && is_writing_) {
    const Question one = std::move(questions_.front());
    questions_.erase(questions_.begin());
    engine::Found found;
    found.shard = one.shard;
    found.lookup = one.lookup;
    Result<StoredRecord> record = store_.get(one.gid);
    if (record) found.record = std::move(*record);
    give(std::move(found));
  }
}

std::string Stage::own(const Words& words) {
  if (std::string wrong = acquire(words); !wrong.empty()) return wrong;
  load();
  return {};
}

/// The first half of `own`: from here on the shard is ours, and nothing of it is loaded.
std::string Stage::acquire(const Words& words) {
  const std::vector<ShardNo> shards{0};
  Duration lease = std::chrono::hours{24};
  if (words.size() > 1 && !parse_span(words[1], lease)) return "own|acquire [SPAN]";
  if (!worker_) worker_ = std::make_unique<engine::Worker>(options_, *this);
  epoch_ = (*store_.acquire(shards, "stage", lease)).front().epoch;
  give(engine::Acquired{0, epoch_, now_ + lease});
  return {};
}

/// The second half: the open records come in.
void Stage::load() {
  const std::vector<ShardNo> shards{0};
  std::vector<StoredRecord> records;
  (void)store_.load_open(
      shards, [&](StoredRecord&& record) { records.push_back(std::move(record)); }, [](const Tid&, const Error&) {});
  for (StoredRecord& record : records) {
    line("  load " + record.gid + ": " + std::string(name_of(record.summary.phase)));
    give(engine::Loaded{0, epoch_, std::move(record)});
  }
  give(engine::LoadEnded{0, epoch_});
}

std::string Stage::crash(const Words& words) {
  if (words.size() > 2 || (words.size() == 2 && words[1] != "power")) return "crash [power]";
  worker_.reset();
  waiting_.clear();
  questions_.clear();
  calls_.clear();
  clients_.clear();
  if (words.size() == 2) store_.lose_unsynced();
  return {};
}

std::string Stage::begin(const Words& words) {
  PlanText plan;
  if (std::string wrong = plan.parse(words, 2); !wrong.empty()) return wrong;
  const engine::Token token = ++tokens_;
  clients_[token] = "c" + std::to_string(token);
  give(engine::Begin{token, std::string(words[1] == "-" ? std::string_view() : words[1]), plan.encode(), plan.wait});
  return {};
}

/// many COUNT PREFIX …: like begin, COUNT times, and only counts what comes out.
std::string Stage::many(const Words& words) {
  std::uint64_t count = 0;
  PlanText plan;
  if (words.size() < 4 || !parse_count(words[1], count)) return "many COUNT PREFIX PATTERN …";
  if (std::string wrong = plan.parse(words, 3); !wrong.empty()) return wrong;
  count_calls_ = count_replies_ = 0;
  is_silent_ = true;
  for (std::uint64_t i = 0; i < count; ++i) {
    const engine::Token token = ++tokens_;
    clients_[token] = "c" + std::to_string(token);
    give(engine::Begin{token, std::string(words[2]) + std::to_string(i), plan.encode(), plan.wait});
  }
  is_silent_ = false;
  line("  " + std::to_string(count_replies_) + " replies, " + std::to_string(count_calls_) + " calls");
  return {};
}

std::string Stage::verb(const Words& words) {
  engine::Request request;
  if (words.size() < 2) return "VERB GID …";
  request.gid = std::string(words[1]);
  std::size_t next = 2;
  if (std::string wrong = read_verb(words, request, next); !wrong.empty()) return wrong;
  for (; next < words.size(); ++next) {
    if (!parse_wait(words[next], request.wait)) return "unknown word " + std::string(words[next]);
  }
  request.token = ++tokens_;
  clients_[request.token] = "c" + std::to_string(request.token);
  give(std::move(request));
  return {};
}

/// What a verb needs beside the gid; `next` is moved behind it.
std::string Stage::read_verb(const Words& words, engine::Request& request, std::size_t& next) {
  using engine::Verb;
  const std::string_view verb = words[0];
  if (verb == "submit") request.verb = Verb::kSubmit;
  if (verb == "abort") request.verb = Verb::kAbort;
  if (verb == "query") request.verb = Verb::kQuery;
  if (verb == "retry") request.verb = Verb::kRetryNow;
  if (verb == "stop") request.verb = Verb::kStop;
  if (verb == "pass") request.verb = Verb::kPass;
  if (verb == "pass-due") request.verb = Verb::kPassDue;
  if (verb == "abort" || verb == "retry" || verb == "stop" || verb == "resolve") request.reason = "script";
  if (verb == "resolve") {
    if (words.size() < 4) return "resolve GID BRANCH done|skipped|cancelled";
    request.verb = Verb::kResolve;
    request.branch = std::string(words[2]);
    request.as = words[3] == "done"      ? engine::Resolution::kDone
                 : words[3] == "skipped" ? engine::Resolution::kSkipped
                                         : engine::Resolution::kCancelled;
    next = 4;
  }
  if (verb == "enlist") {
    PlanText plan;
    if (words.size() < 4) return "enlist GID tcc|two_phase BRANCH …";
    if (std::string wrong = plan.parse_enlisted(words[2], words, 3); !wrong.empty()) return wrong;
    request.verb = Verb::kEnlist;
    request.enlisted = std::make_shared<const OwnedPlan>(plan.encode());
    next = words.size();
  }
  return verb == "report" ? read_report(words, request, next) : std::string();
}

std::string Stage::read_report(const Words& words, engine::Request& request, std::size_t& next) {
  const std::optional<Op> op = words.size() < 5 ? std::nullopt : op_named(words[3]);
  if (!op || (words[4] != "done" && words[4] != "refused" && words[4] != "read-only")) {
    return "report GID BRANCH OP done|refused|read-only";
  }
  request.verb = engine::Verb::kReport;
  request.branch = std::string(words[2]);
  request.op = *op;
  request.outcome = words[4] == "refused" ? Outcome::kRefused : Outcome::kDone;
  request.read_only = words[4] == "read-only";
  next = 5;
  return {};
}

void Stage::end(const Open& open, CallEnded&& ended) {
  ended.id = open.id;
  ended.tid = open.tid;
  ended.op = open.op;
  ended.branch = open.branch;
  calls_.erase(open.id);
  give(std::move(ended));
}

std::string Stage::answer(const Words& words) {
  if (words.size() < 2) return "OUTCOME GID/BRANCH";
  for (const auto& [id, open] : calls_) {
    if (open.name != words[1]) continue;
    CallEnded ended;
    const std::string_view what = words[0];
    if (what == "done") ended.outcome = Outcome::kDone, ended.answer = 200;
    if (what == "read-only") ended.outcome = Outcome::kDone, ended.answer = 200, ended.read_only = true;
    if (what == "refused") ended.outcome = Outcome::kRefused, ended.answer = 409;
    if (what == "running") ended.outcome = Outcome::kRunning, ended.answer = 425;
    if (what == "reset") ended.answer = kAnswerReset;
    if (what == "unreached") ended.answer = kAnswerRefused, ended.reached = false;
    if (what == "committed" || what == "aborted" || what == "undecided") {
      ended.outcome = Outcome::kDone;
      ended.answer = 200;
      ended.check = what == "committed" ? CheckState::kCommitted
                    : what == "aborted" ? CheckState::kAborted
                                        : CheckState::kUndecided;
    }
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (words[i].starts_with("result=")) {
        ended.result = std::string(words[i].substr(7));
      } else if (!parse_span(words[i], ended.retry_after)) {
        return "OUTCOME GID/BRANCH [RETRY-AFTER] [result=BYTES]";
      }
    }
    const Open copy = open;
    end(copy, std::move(ended));
    return {};
  }
  return "no call to " + std::string(words[1]) + " is under way";
}

std::string Stage::write(const Words& words) {
  if (words[0] == "hold") is_writing_ = false;
  if (words[0] == "write" && !worker_) is_writing_ = true;
  if (words[0] == "write" && worker_) {
    is_writing_ = true;
    commit_waiting();
    answer_questions();
  }
  return {};
}

std::string Stage::limit(const Words& words) {
  std::uint64_t number = 0;
  if (words.size() != 3 || !parse_count(words[2], number)) return "limit calls|open|unsaved|loads NUMBER";
  if (words[1] == "calls") options_.limits.calls_per_destination = static_cast<std::size_t>(number);
  if (words[1] == "open") options_.limits.open_max = static_cast<std::size_t>(number);
  if (words[1] == "unsaved") options_.limits.unsaved_max = static_cast<std::size_t>(number);
  if (words[1] == "loads") options_.limits.waiting_loads_max = static_cast<std::size_t>(number);
  return {};
}

// --------------------------------------------------------------------------------------------------------- time

Instant Stage::next_event() const {
  Instant next = worker_ ? worker_->next_due() : kNever;
  for (const auto& [id, open] : calls_) next = std::min(next, open.limit);
  return next;
}

void Stage::time_out_calls() {
  std::vector<Open> late;
  for (const auto& [id, open] : calls_) {
    if (open.limit <= now_) late.push_back(open);
  }
  for (const Open& open : late) {
    line("  time-out of " + open.name);
    CallEnded ended;
    ended.answer = kAnswerTimeout;
    end(open, std::move(ended));
  }
}

std::string Stage::advance(std::string_view text) {
  Duration span{0};
  if (!parse_span(text, span)) return "+SPAN";
  const Instant until = now_ + span;
  for (int turns = 0; next_event() <= until; ++turns) {
    if (turns > 100'000) return "the worker runs in a circle";
    now_ = std::max(now_, next_event());
    const std::size_t before = lines_.size();
    line("  " + after_start(now_));
    time_out_calls();
    if (worker_->next_due() <= now_) give(engine::Tick{});
    if (lines_.size() == before + 1) lines_.pop_back();  // nothing came of it
  }
  now_ = until;
  return {};
}

std::string Stage::perform(std::string_view text) {
  const Words words = split(text);
  const std::string_view first = words.front();
  if (first == "limit") return limit(words);
  if (first == "own") return own(words);
  if (first == "passes-on-demand") return options_.passes_on_demand = true, std::string();
  if (first == "acquire") return acquire(words);
  if (first == "hold" || first == "write") return write(words);
  if (first[0] == '+' && !worker_) {
    Duration span{0};
    if (!parse_span(first.substr(1), span)) return "+SPAN";
    now_ += span;
    return {};
  }
  if (!worker_) return "nobody owns the shard; say: own";
  if (first[0] == '+') return advance(first.substr(1));
  if (first == "load") return load(), std::string();
  if (first == "crash") return crash(words);
  if (first == "begin") return begin(words);
  if (first == "many") return many(words);
  constexpr std::array<std::string_view, 10> kVerbs{"submit", "abort",   "query",  "retry", "report",
                                                    "stop",   "resolve", "enlist", "pass",  "pass-due"};
  if (std::find(kVerbs.begin(), kVerbs.end(), first) != kVerbs.end()) return verb(words);
  if (first == "lose") {
    give(engine::Lost{0, epoch_});
    return {};
  }
  if (first == "renew") {
    Duration lease{0};
    if (words.size() != 2 || !parse_span(words[1], lease)) return "renew SPAN";
    give(engine::Renewed{0, epoch_, now_ + lease});
    return {};
  }
  if (first == "rival") {
    // Another daemon takes the shard: the epoch rises, and this worker does not know yet.
    const std::vector<ShardNo> shards{0};
    (void)store_.acquire(shards, "stage", std::chrono::hours{1});
    return {};
  }
  return answer(words);
}

}  // namespace settle::sim
