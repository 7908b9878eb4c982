#include "client/answer.h"

#include "wire/json_reader.h"

namespace settle::client {
namespace {

using wire::JsonReader;
using wire::JsonType;

/// A member that is a string; anything else is passed over.
bool take_text(JsonReader& json, std::string& out) {
  if (json.peek() == JsonType::kString) {
    out = json.string();
  } else {
    (void)json.raw();
  }
  return json.ok();
}

void take_incident(JsonReader& json, std::optional<Transaction::Incident>& out) {
  if (json.peek() != JsonType::kObject) return (void)json.raw();
  Transaction::Incident incident;
  (void)json.enter_object();
  std::string_view name;
  while (json.next_member(name)) {
    if (name == "kind") {
      take_text(json, incident.kind);
    } else if (name == "text") {
      take_text(json, incident.text);
    } else {
      (void)json.raw();
    }
  }
  out = std::move(incident);
}

void take_op(JsonReader& json, Transaction::BranchOp& op) {
  if (json.peek() != JsonType::kObject) return (void)json.raw();
  (void)json.enter_object();
  std::string_view name;
  while (json.next_member(name)) {
    if (name == "outcome") {
      take_text(json, op.outcome);
    } else if (name == "result") {
      op.result = json.raw();
    } else {
      (void)json.raw();
    }
  }
}

void take_branch(JsonReader& json, std::vector<Transaction::BranchOp>& ops) {
  if (json.peek() != JsonType::kObject) return (void)json.raw();
  const std::size_t first = ops.size();
  std::string id;
  (void)json.enter_object();
  std::string_view name;
  while (json.next_member(name)) {
    if (name == "id") {
      take_text(json, id);
    } else if (name == "ops" && json.peek() == JsonType::kObject) {
      (void)json.enter_object();
      while (json.next_member(name))
        take_op(json, ops.emplace_back(Transaction::BranchOp{{}, std::string(name), {}, {}}));
    } else {
      (void)json.raw();
    }
  }
  for (std::size_t i = first; i < ops.size(); ++i) ops[i].branch = id;
}

void take_branches(JsonReader& json, std::vector<Transaction::BranchOp>& ops) {
  if (json.peek() != JsonType::kArray) return (void)json.raw();
  (void)json.enter_array();
  while (json.next_element()) take_branch(json, ops);
}

bool take_outcome(std::string_view text, Transaction::Outcome& out) {
  if (text == "running") return out = Transaction::Outcome::kRunning, true;
  if (text == "committed") return out = Transaction::Outcome::kCommitted, true;
  if (text == "aborted") return out = Transaction::Outcome::kAborted, true;
  return false;
}

bool take_decision(std::string_view text, Transaction::Decision& out) {
  if (text == "none") return out = Transaction::Decision::kNone, true;
  if (text == "commit") return out = Transaction::Decision::kCommit, true;
  if (text == "abort") return out = Transaction::Decision::kAbort, true;
  return false;
}

Error not_ours(std::string_view why) {
  return {ErrorCode::kCorrupt, "what answered is not settled: " + std::string(why)};
}

Result<Transaction> document_of(const std::string& body) {
  Transaction out;
  std::string outcome;
  std::string decision;
  JsonReader json;
  json.open(body);
  if (json.peek() != JsonType::kObject || !json.enter_object()) return not_ours("no JSON object came");
  const auto text_for = [&](std::string_view name) -> std::string* {
    if (name == "gid") return &out.gid;
    if (name == "tid") return &out.tid;
    if (name == "pattern") return &out.pattern;
    if (name == "phase") return &out.phase;
    if (name == "outcome") return &outcome;
    if (name == "decision") return &decision;
    if (name == "heuristic") return &out.heuristic;
    if (name == "reason") return &out.reason;
    return nullptr;
  };
  std::string_view name;
  while (json.next_member(name)) {
    if (std::string* const text = text_for(name)) {
      take_text(json, *text);
    } else if (name == "incident") {
      take_incident(json, out.incident);
    } else if (name == "branches") {
      take_branches(json, out.ops);
    } else {
      (void)json.raw();
    }
  }
  if (!json.finish()) return not_ours(json.error().text);
  if (out.gid.empty() || !take_outcome(outcome, out.outcome) || !take_decision(decision, out.decision)) {
    return not_ours("the document lacks gid, outcome or decision");
  }
  out.document = body;
  return out;
}

struct Problem {
  std::string name;
  std::string title;
  std::string detail;
};

Problem problem_of(const std::string& body) {
  Problem out;
  JsonReader json;
  json.open(body);
  if (json.peek() != JsonType::kObject || !json.enter_object()) return out;
  std::string_view name;
  while (json.next_member(name)) {
    if (name == "type") {
      take_text(json, out.name);
    } else if (name == "title") {
      take_text(json, out.title);
    } else if (name == "detail") {
      take_text(json, out.detail);
    } else {
      (void)json.raw();
    }
  }
  out.name.erase(0, out.name.rfind('/') + 1);
  return out;
}

ErrorCode code_of(int status, std::string_view name) {
  if (name == "epoch-closed") return ErrorCode::kFenced;
  switch (status) {
    case 404:
    case 410:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 413:
    case 414:
    case 422:
    case 431:
      return ErrorCode::kTooLarge;
    default:
      return ErrorCode::kInvalid;
  }
}

/// A pruned transaction is told in words: "GID ended as committed; its record was pruned".
std::optional<Transaction> pruned(const Problem& problem, std::string_view gid) {
  Transaction out;
  out.gid = gid;
  out.phase = "ended";
  out.heuristic = "none";
  const auto says = [&](std::string_view how) {
    return problem.detail.find("ended as " + std::string(how)) != std::string::npos;
  };
  if (says("committed")) {
    out.outcome = Transaction::Outcome::kCommitted;
    out.decision = Transaction::Decision::kCommit;
  } else if (says("aborted")) {
    out.outcome = Transaction::Outcome::kAborted;
    out.decision = Transaction::Decision::kAbort;
  } else {
    return std::nullopt;
  }
  return out;
}

}  // namespace

Result<Transaction> transaction_of(const Heard& heard, std::string_view gid) {
  if (heard.status >= 200 && heard.status < 300) return document_of(heard.body);
  const Problem problem = problem_of(heard.body);
  if (problem.name.empty()) return not_ours("HTTP " + std::to_string(heard.status) + " without a reason");
  if (problem.name == "pruned") {
    if (auto ended = pruned(problem, gid)) return std::move(*ended);
  }
  return Error{code_of(heard.status, problem.name),
               problem.name + ": " + (problem.detail.empty() ? problem.title : problem.detail)};
}

}  // namespace settle::client
