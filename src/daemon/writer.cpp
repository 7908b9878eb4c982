#include "daemon/writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "base/failpoint.h"
#include "daemon/exit_codes.h"
#include "net/loop.h"

namespace settle::daemon {
namespace {

// Only looked at while a failpoint is armed.
void pass_failpoints(std::span<const Save> group) {
  const auto any = [&](auto&& is) { return std::any_of(group.begin(), group.end(), is); };
  if (any([](const Save& save) { return save.expected == 0; })) SETTLE_FAILPOINT("plan-logged");
  if (any([](const Save& save) { return save.summary.decision != Decision::kNone; }))
    SETTLE_FAILPOINT("decision-logged");
  SETTLE_FAILPOINT("group-committed");
}

}  // namespace

Writer::Writer(Store& store, std::size_t workers, Deliver deliver)
    : store_(store), workers_(workers), deliver_(std::move(deliver)) {
  SETTLE_ASSERT(workers_ > 0);
}

Writer::~Writer() {
  if (thread_.joinable()) finish();
}

void Writer::start() {
  thread_ = std::thread([this] { run(); });
}

void Writer::hand_over(engine::SaveBatch& saves) {
  if (saves.empty()) return;
  bool must_wake = false;
  {
    const std::lock_guard hold(lock_);
    SETTLE_ASSERT(!finishing_);
    inbox_.add_all(saves);
    must_wake = std::exchange(waits_, false);
  }
  if (must_wake) wake_.notify_one();
}

void Writer::finish() {
  {
    const std::lock_guard hold(lock_);
    finishing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Writer::run() {
  std::unique_lock held(lock_);
  for (;;) {
    const bool finishing = gather(held);
    held.unlock();
    for (Save& save : arrived_.all()) queue_.push(save);
    arrived_.clear();
    waiting_.store(queue_.size(), std::memory_order_relaxed);
    while (!queue_.empty()) {
      queue_.take(group_);
      commit(group_.all());
      group_.clear();
    }
    if (finishing) return;
    held.lock();
  }
}

// Waits until there is something to do and moves the inbox to arrived_. True: nothing will come any more.
bool Writer::gather(std::unique_lock<std::mutex>& held) {
  if (inbox_.empty() && !finishing_) {
    waits_ = true;
    wake_.wait(held, [this] { return finishing_ || !waits_; });
    waits_ = false;
  }
  arrived_.swap(inbox_);
  return finishing_;
}

void Writer::commit(std::span<const Save> group) {
  SETTLE_ASSERT(!group.empty());
  SETTLE_FAILPOINT("group-before-commit");
  const Instant begin = net::engine_now();
  auto receipts = store_.commit(group);
  if (!receipts)
    die(kExitStoreUnknown, "a write to the store failed, its outcome is unknown", receipts.error().message);
  SETTLE_ASSERT(receipts->size() == group.size());
  if (failpoints_armed()) pass_failpoints(group);

  commit_us_.fetch_add(static_cast<std::uint64_t>((net::engine_now() - begin).count()), std::memory_order_relaxed);
  groups_.fetch_add(1, std::memory_order_relaxed);
  saves_.fetch_add(group.size(), std::memory_order_relaxed);
  deliver(std::move(*receipts));
}

void Writer::deliver(std::vector<Receipt>&& receipts) {
  if (workers_ == 1) {
    deliver_(0, std::move(receipts));
    return;
  }
  std::vector<std::vector<Receipt>> of_worker(workers_);
  for (Receipt& receipt : receipts) of_worker[receipt.shard % workers_].push_back(receipt);
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    if (!of_worker[worker].empty()) deliver_(worker, std::move(of_worker[worker]));
  }
}

Writer::Counts Writer::counts() const {
  Counts counts;
  counts.groups = groups_.load(std::memory_order_relaxed);
  counts.saves = saves_.load(std::memory_order_relaxed);
  counts.commit_us = commit_us_.load(std::memory_order_relaxed);
  counts.waiting = waiting_.load(std::memory_order_relaxed);
  return counts;
}

}  // namespace settle::daemon
