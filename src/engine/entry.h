#pragma once

#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/intrusive_list.h"
#include "engine/anchor.h"
#include "engine/worker.h"

namespace settle::engine {

inline Token token_of(const std::variant<Begin, Request>& input) {
  return std::visit([](const auto& request) { return request.token; }, input);
}

/// Somebody who gets an answer about one transaction.
struct Waiter {
  Token token = 0;
  AnswerKind kind = AnswerKind::kDocument;
  Version needs = 1;   ///< answered only when this version is durable
  bool waits = false;  ///< wants `until`, or its time to be up
  WaitFor until = WaitFor::kEnd;
  std::uint32_t passes = 0;              ///< kPass: that must end before it is answered
  IfKnown if_known = IfKnown::kCompare;  ///< of a begin
  Instant give_up = kNoInstant;
};

/// What of a version may be told once it is durable.
struct Told {
  Version version = 0;
  Phase phase = Phase::kNew;
  Decision decision = Decision::kNone;
  GlobalOutcome outcome = GlobalOutcome::kRunning;
};

/// An open transaction about which something is done. Lives in OpenTransactions, which also keeps the memory of its
/// containers for the next one.
struct Entry {
  Entry(Anchor& at, OwnedPlan&& what) : anchor(&at), tid(at.tid), gid(at.gid), plan(std::move(what)) {}

  Anchor* anchor;
  Tid tid;
  std::string_view gid;  ///< the anchor's
  OwnedPlan plan;
  State state;
  Version version = 0;        ///< newest
  Version handed_over = 0;    ///< newest that a save was made of
  Version must = 0;           ///< newest forced one: nothing leaves before it is durable
  Told durable;               ///< newest durable one
  std::vector<Told> pending;  ///< versions that are not durable and not overtaken, oldest first
  std::vector<Waiter> waiters;
  std::vector<std::variant<Begin, Request>> held;  ///< verbs that came before the begin was durable
  bool alerted = false;
  bool incident_counted = false;
  bool incident_told = false;      ///< see Outputs::incident
  Version incident_version = 0;    ///< the one that opened or closed it
  std::uint32_t passes_ended = 0;  ///< that nobody was told of
  Version pass_version = 0;        ///< the one that ended the last of them

  ListHook<Entry> lazy;         ///< among those whose newest version is lazy and still held back
  Instant lazy_since = kNever;  ///< valid while in that list
};

}  // namespace settle::engine
