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
void renew(Entry& entry, const Tid& tid, std::string&& gid, OwnedPlan&& plan) {
  entry.tid = tid;
  entry.gid = std::move(gid);
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
}

}  // namespace

OpenTransactions::OpenTransactions() = default;

OpenTransactions::~OpenTransactions() {
  by_tid_.for_each([](Entry* entry) { delete entry; });
}

Entry* OpenTransactions::find(std::string_view gid) const {
  Entry* const* const found = by_gid_.find(gid);
  return found == nullptr ? nullptr : *found;
}

Entry* OpenTransactions::find(const Tid& tid) const {
  Entry* const* const found = by_tid_.find(tid);
  return found == nullptr ? nullptr : *found;
}

Entry& OpenTransactions::add(const Tid& tid, std::string gid, OwnedPlan&& plan) {
  std::unique_ptr<Entry> entry;
  if (spare_.empty()) {
    entry = std::make_unique<Entry>(tid, std::move(gid), std::move(plan));
  } else {
    entry = std::move(spare_.back());
    spare_.pop_back();
    renew(*entry, tid, std::move(gid), std::move(plan));
  }
  const bool is_new = by_tid_.insert(entry.get());
  SETTLE_ASSERT(is_new);
  (void)by_gid_.insert(entry.get());
  return *entry.release();
}

void OpenTransactions::remove(Entry& entry) {
  SETTLE_ASSERT(!entry.by_age.is_in && !entry.lazy.is_in && entry.timer == kNever);
  if (find(std::string_view(entry.gid)) == &entry) by_gid_.erase(std::string_view(entry.gid));
  by_tid_.erase(entry.tid);
  std::unique_ptr<Entry> gone(&entry);
  if (spare_.size() < kSparesMax && is_worth_keeping(entry)) spare_.push_back(std::move(gone));
}

}  // namespace settle::engine
