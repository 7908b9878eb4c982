#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/intrusive_list.h"
#include "base/time.h"
#include "engine/folded.h"
#include "settle/ids.h"

namespace settle::engine {

struct Entry;

/// What is in memory of an open transaction all the time: by what it is found, and when it is due. Everything else is
/// in its entry while something is done about it, and folded into bytes while nothing is. Never moves.
struct Anchor {
  explicit Anchor(const Tid& id, std::string name) : tid(id), gid(std::move(name)) {}

  Tid tid;
  std::string gid;
  std::unique_ptr<Entry> entry;  ///< null: folded
  Folded folded;                 ///< empty while there is an entry

  Instant timer = kNever;       ///< see TimerHeap
  std::size_t timer_place = 0;  ///< likewise; valid while `timer` is set
  ListHook<Anchor> by_age;      ///< among those of its shard
  Instant pass_due = kNever;    ///< its place in Core::passes_due; kNever: none
};

}  // namespace settle::engine
