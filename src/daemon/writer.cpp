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

bool has_forced(const std::vector<Save>& saves) {
  return std::any_of(saves.begin(), saves.end(), [](const Save& save) { return save.forced; });
}

// Only looked at while a failpoint is armed.
void pass_failpoints(const std::vector<Save>& group) {
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

void Writer::hand_over(std::vector<Save>& saves) {
  if (saves.empty()) return;
  const bool forced = has_forced(saves);
  bool must_wake = false;
  {
    const std::lock_guard hold(lock_);
    SETTLE_ASSERT(!finishing_);
    if (inbox_.empty()) {
      inbox_.swap(saves);
    } else {
      std::move(saves.begin(), saves.end(), std::back_inserter(inbox_));
    }
    must_wake = waits_ == Waits::kForAnything || (waits_ == Waits::kForLazy && forced);
    if (must_wake) waits_ = Waits::kNot;
  }
  saves.clear();
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
    const Instant now = net::engine_now();
    for (Save& save : arrived_) queue_.push(std::move(save), now);
    arrived_.clear();
    waiting_.store(queue_.size(), std::memory_order_relaxed);
    while (queue_.is_due(now) || (finishing && !queue_.empty())) commit(queue_.take(now, finishing));
    if (finishing) return;
    held.lock();
  }
}

// Waits until there is something to do and moves the inbox to arrived_. True: nothing will come any more.
bool Writer::gather(std::unique_lock<std::mutex>& held) {
  const auto awake = [this] { return finishing_ || waits_ == Waits::kNot; };
  if (inbox_.empty() && !finishing_) {
    if (queue_.empty()) {
      waits_ = Waits::kForAnything;
      wake_.wait(held, awake);
    } else if (const Duration pause = queue_.next_due() - net::engine_now(); pause > Duration{0}) {
      waits_ = Waits::kForLazy;
      (void)wake_.wait_for(held, pause, awake);
    }
    waits_ = Waits::kNot;
  }
  arrived_.swap(inbox_);
  return finishing_;
}

void Writer::commit(std::vector<Save>&& group) {
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
