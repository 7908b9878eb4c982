#include "engine/open_transactions.h"

#include <utility>

#include "base/assert.h"

namespace settle::engine {
namespace {

/// About as many as begin while one group is synced; more would only hold memory.
constexpr std::size_t kSparesMax = 512;
/// An entry that has grown beyond what is usual gives its memory back.
constexpr std::size_t kSpareItemsMax = 32;
constexpr std::size_t kSparePlanBytesMax = 4096;

bool is_worth_keeping(const Entry& entry) {
  return entry.state.branches.capacity() <= kSpareItemsMax && entry.state.timeline.capacity() <= kSpareItemsMax &&
         entry.waiters.capacity() <= kSpareItemsMax && entry.pending.capacity() <= kSpareItemsMax &&
         entry.plan.bytes().size() <= kSparePlanBytesMax;
}

/// Everything as in a new one, but for the memory of the containers.
void renew(Entry& entry, Anchor& anchor, OwnedPlan&& plan) {
  entry.anchor = &anchor;
  entry.tid = anchor.tid;
  entry.gid = anchor.gid;
  entry.plan = std::move(plan);
  clear_state(entry.state);
  entry.version = 0;
  entry.handed_over = 0;
  entry.must = 0;
  entry.durable = {};
  entry.pending.clear();
  entry.waiters.clear();
  entry.held.clear();
  entry.alerted = false;
  entry.incident_counted = false;
  entry.incident_told = false;
  entry.incident_version = 0;
  entry.passes_ended = 0;
  entry.pass_version = 0;
}

}  // namespace

OpenTransactions::OpenTransactions(std::size_t entries_max) : entries_max_(entries_max) {}

OpenTransactions::~OpenTransactions() {
  by_tid_.for_each([](Anchor* anchor) { delete anchor; });
}

Entry* OpenTransactions::find(std::string_view gid) {
  Anchor* const* const found = by_gid_.find(gid);
  return found == nullptr ? nullptr : &entry_of(**found);
}

Entry* OpenTransactions::find(const Tid& tid) {
  Anchor* const* const found = by_tid_.find(tid);
  return found == nullptr ? nullptr : &entry_of(**found);
}

Entry& OpenTransactions::entry_of(Anchor& anchor) {
  if (anchor.entry) return *anchor.entry;
  const Folded folded = std::move(anchor.folded);
  Entry& entry = give_entry(anchor, folded.plan());
  folded.unfold(entry);
  return entry;
}

Entry& OpenTransactions::add(const Tid& tid, std::string gid, OwnedPlan&& plan) {
  std::unique_ptr<Anchor> anchor;
  if (spare_anchors_.empty()) {
    anchor = std::make_unique<Anchor>(tid, std::move(gid));
  } else {
    anchor = std::move(spare_anchors_.back());
    spare_anchors_.pop_back();
    anchor->tid = tid;
    anchor->gid = std::move(gid);
  }
  const bool is_new = by_tid_.insert(anchor.get());
  SETTLE_ASSERT(is_new);
  (void)by_gid_.insert(anchor.get());
  return give_entry(*anchor.release(), std::move(plan));
}

void OpenTransactions::rest(Entry& entry) {
  if (entries_ <= entries_max_ || !is_at_rest(entry)) return;
  Anchor& anchor = *entry.anchor;
  anchor.folded = Folded(entry, scratch_);
  take_entry(anchor);
}

void OpenTransactions::remove(Entry& entry) {
  Anchor& anchor = *entry.anchor;
  SETTLE_ASSERT(!anchor.by_age.is_in && !entry.lazy.is_in && anchor.timer == kNever);
  Anchor* const* const by_gid = by_gid_.find(std::string_view(anchor.gid));
  if (by_gid != nullptr && *by_gid == &anchor) by_gid_.erase(std::string_view(anchor.gid));
  by_tid_.erase(anchor.tid);
  std::unique_ptr<Anchor> gone(&anchor);
  take_entry(anchor);
  if (spare_anchors_.size() < kSparesMax) spare_anchors_.push_back(std::move(gone));
}

Entry& OpenTransactions::give_entry(Anchor& anchor, OwnedPlan&& plan) {
  if (spare_.empty()) {
    anchor.entry = std::make_unique<Entry>(anchor, std::move(plan));
  } else {
    anchor.entry = std::move(spare_.back());
    spare_.pop_back();
    renew(*anchor.entry, anchor, std::move(plan));
  }
  ++entries_;
  return *anchor.entry;
}

void OpenTransactions::take_entry(Anchor& anchor) {
  --entries_;
  std::unique_ptr<Entry> gone = std::move(anchor.entry);
  if (spare_.size() < kSparesMax && is_worth_keeping(*gone)) spare_.push_back(std::move(gone));
}

}  // namespace settle::engine
