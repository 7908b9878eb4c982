#include "engine/worker.h"

#include <algorithm>
#include <vector>

#include "base/assert.h"
#include "base/planted.h"
#include "base/reached.h"
#include "engine/shard.h"

namespace settle::engine {

ShardNo shard_of(std::string_view gid, std::uint16_t shards) {
  if (const std::optional<Tid> tid = Tid::parse(gid)) return static_cast<ShardNo>(tid->shard % shards);
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a (Fowler, Noll, Vo), then mixed: its low bits alone are weak
  for (const char c : gid) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  hash ^= hash >> 32U;
  return static_cast<ShardNo>((hash * 0x9e3779b97f4a7c15ULL >> 32U) % shards);
}

class Worker::Impl {
  /// More that are due wait for the next tick, so that a restart with very many does not keep everybody else waiting.
  static constexpr int kTimersPerTick = 1024;

 public:
  Impl(const WorkerOptions& options, Outputs& outputs)
      : options_(options),
        core_{.options = options_,
              .outputs = outputs,
              .gate = DestinationGate(options.limits.calls_per_destination, options.limits.breaker, options.seed),
              .random = Random::stream(options.seed, "engine"),
              .counters = {},
              .open = OpenTransactions(options.limits.entries_max),
              .timers = {},
              .lazy = {},
              .outgoing = {},
              .waiting = {},
              .passes_due = {}},
        shards_(options.shards) {}

  void on(Input&& input, Instant now) {
    std::visit([&](auto& what) { take(std::move(what), now); }, input);
  }

  void take(Begin&& begin, Instant now) {
    Shard* const shard = begin.gid.empty() ? any_shard() : shard_for(shard_of(begin.gid, options_.shards));
    if (shard == nullptr) {
      core_.outputs.reply(begin.token, AnswerKind::kNotOwner, nullptr);
      return;
    }
    shard->on_begin(std::move(begin), now);
  }

  void take(Request&& request, Instant now) {
    Shard* const shard = shard_for(shard_of(request.gid, options_.shards));
    if (shard == nullptr) {
      core_.outputs.reply(request.token, AnswerKind::kNotOwner, nullptr);
      return;
    }
    shard->on_request(std::move(request), now);
  }

  void take(GaveUp&& gone, Instant) {
    const Waiting* const waiting = core_.waiting.find(gone.token);
    if (waiting == nullptr) return;
    const Tid tid = waiting->tid;
    core_.waiting.erase(gone.token);
    if (Shard* const shard = shard_for(tid.shard)) shard->on_gave_up(gone.token, tid);
  }

  void take(Acquired&& acquired, Instant) {
    if (Shard* const old = shard_for(acquired.shard)) old->drop();
    if (acquired.shard >= shards_.size()) shards_.resize(acquired.shard + std::size_t{1});
    shards_[acquired.shard] = std::make_unique<Shard>(acquired.shard, acquired.epoch, acquired.lease_end, core_);
    first_lease_end_ = std::min(first_lease_end_, acquired.lease_end);
  }

  void take(Renewed&& renewed, Instant now) {
    first_lease_end_ = std::min(first_lease_end_, renewed.lease_end);
    if (Shard* const shard = shard_for(renewed.shard, renewed.epoch)) shard->on_renewed(renewed.lease_end, now);
  }

  void take(Lost&& lost, Instant) {
    if (shard_for(lost.shard, lost.epoch) != nullptr) drop(lost.shard);
  }

  void take(Loaded&& loaded, Instant now) {
    if (Shard* const shard = shard_for(loaded.shard, loaded.epoch)) shard->on_loaded(std::move(loaded.record), now);
  }

  void take(LoadEnded&& ended, Instant now) {
    if (Shard* const shard = shard_for(ended.shard, ended.epoch)) shard->on_load_ended(now);
  }

  void take(Receipts&& receipts, Instant now) {
    for (const Receipt& receipt : receipts.receipts) {
      Shard* const shard = shard_for(receipt.shard, receipt.epoch);
      if (shard != nullptr && !shard->on_receipt(receipt, now)) drop(receipt.shard);
    }
  }

  void take(Found&& found, Instant now) {
    if (Shard* const shard = shard_for(found.shard)) shard->on_found(std::move(found), now);
  }

  void take(CallEnded&& answer, Instant now) {
    const bool leaks = planted(Bug::kSlotLeaks) && answer.answer == kAnswerTimeout;
    const std::uint64_t id = answer.id;
    const AnswerCode code = answer.answer;
    if (Shard* const shard = shard_for(answer.tid.shard)) shard->on_answer(std::move(answer), now);
    if (leaks) return;
    // The slot is free last: what this answer leads to goes into line behind those who waited.
    const Breaker::Change change = core_.gate.leave(id, code, now);
    if (change != Breaker::Change::kNone) tell_of_breaker(id, change);
    let_out(id, now);
  }

  void take(PauseDestination&& pause, Instant now) {
    if (const auto id = core_.gate.set_paused(pause.name, pause.paused)) let_out(*id, now);
  }

  void take(StoreRoom&& room, Instant) { core_.is_store_full = !room.is_enough; }

  void take(ShiftAges&& shift, Instant) {
    core_.older = shift.older;
    core_.sooner = shift.sooner;
  }

  void take(EndAll&&, Instant now) {
    for (const auto& shard : shards_) {
      if (shard) shard->end_all(now);
    }
  }

  void take(Drain&&, Instant now) {
    SETTLE_REACHED("drain");
    core_.draining = true;
    hand_over_lazy(kNever);
    for (const auto& shard : shards_) {
      if (shard) shard->on_drain(now);
    }
  }

  void take(Tick&&, Instant now) {
    if (now >= first_lease_end_) look_at_leases(now);
    hand_over_lazy(now);
    while (const auto id = core_.gate.pop_due(now)) let_out(*id, now);
    for (int fired = 0; fired < kTimersPerTick; ++fired) {
      Anchor* const anchor = core_.timers.pop_due(now);
      if (anchor == nullptr) break;
      if (Shard* const shard = shard_for(anchor->tid.shard)) shard->on_due(core_.open.entry_of(*anchor), now);
    }
  }

  [[nodiscard]] Instant next_due() const {
    const Instant due = std::min({core_.timers.next_due(), core_.gate.next_due(), first_lease_end_});
    return core_.lazy.empty() ? due : std::min(due, lazy_due());
  }
  [[nodiscard]] const Core& core() const { return core_; }

  [[nodiscard]] Instant oldest() const {
    Instant oldest = kNever;
    for (const auto& shard : shards_) {
      if (shard) oldest = std::min(oldest, shard->oldest());
    }
    return oldest;
  }

  [[nodiscard]] bool owns(ShardNo number) const { return number < shards_.size() && shards_[number]; }

  [[nodiscard]] bool is_ready() const {
    return std::all_of(shards_.begin(), shards_.end(), [](const auto& shard) { return !shard || shard->is_loaded(); });
  }

 private:
  Shard* shard_for(ShardNo number) { return number < shards_.size() ? shards_[number].get() : nullptr; }

  Shard* shard_for(ShardNo number, Epoch epoch) {
    Shard* const shard = shard_for(number);
    return shard != nullptr && shard->epoch() == epoch ? shard : nullptr;
  }

  /// When the lazy change that has been held longest wants out; there is one.
  [[nodiscard]] Instant lazy_due() const { return saturating_add(core_.lazy.first()->lazy_since, options_.lazy_wait); }

  /// Whoever waits on a shard whose lease has ended is told so, and not left waiting for the store's word.
  void look_at_leases(Instant now) {
    first_lease_end_ = kNever;
    for (const auto& shard : shards_) {
      if (!shard || shard->is_frozen()) continue;
      if (shard->lease_end() <= now) {
        shard->on_lease_end(now);
      } else {
        first_lease_end_ = std::min(first_lease_end_, shard->lease_end());
      }
    }
  }

  void hand_over_lazy(Instant until) {
    while (!core_.lazy.empty() && lazy_due() <= until) {
      Entry& entry = *core_.lazy.first();
      shard_for(entry.tid.shard)->hand_over(entry, false);
    }
  }

  /// Calls that may leave for that destination now.
  void let_out(std::uint64_t id, Instant now) {
    while (const std::optional<QueuedCall> next = core_.gate.next(id, now)) {
      Shard* const shard = shard_for(next->tid.shard);
      if (shard == nullptr || !shard->on_slot(*next, now)) core_.gate.forgo(next->id);
    }
  }

  void tell_of_breaker(std::uint64_t id, Breaker::Change change) {
    const bool is_down = change == Breaker::Change::kOpened;
    if (is_down) ++core_.counters.breakers_opened;
    core_.outputs.destination_changed(core_.gate.figures_of(id), is_down);
  }

  /// For transactions that the server names: the shards take turns.
  Shard* any_shard() {
    for (std::size_t tried = 0; tried < shards_.size(); ++tried) {
      turn_ = turn_ + 1 < shards_.size() ? turn_ + 1 : 0;
      if (shards_[turn_]) return shards_[turn_].get();
    }
    return nullptr;
  }

  void drop(ShardNo number) {
    const std::unique_ptr<Shard> gone = std::move(shards_[number]);
    const Epoch epoch = gone->epoch();
    gone->drop();
    core_.outputs.dropped(number, epoch);
  }

  WorkerOptions options_;
  Core core_;
  std::vector<std::unique_ptr<Shard>> shards_;  // by number; null: another's
  std::size_t turn_ = 0;
  Instant first_lease_end_ = kNever;  // or earlier: of those that have been renewed since, the end before
};

Worker::Worker(const WorkerOptions& options, Outputs& outputs) : impl_(std::make_unique<Impl>(options, outputs)) {}
Worker::~Worker() = default;

void Worker::on(Input&& input, Instant now) { impl_->on(std::move(input), now); }
Instant Worker::next_due() const { return impl_->next_due(); }
const Counters& Worker::counters() const { return impl_->core().counters; }
std::string_view Worker::first_pass_due(Instant until) const {
  const auto& due = impl_->core().passes_due;
  if (due.empty() || due.begin()->first.first >= until) return {};
  return due.begin()->second->gid;
}
std::size_t Worker::open() const { return impl_->core().open.size(); }
std::size_t Worker::incidents() const { return impl_->core().incidents; }
Instant Worker::oldest_open() const { return impl_->oldest(); }
std::vector<DestinationFigures> Worker::destinations() const { return impl_->core().gate.figures(); }
GateTotals Worker::destination_totals() const { return impl_->core().gate.totals(); }
bool Worker::owns(ShardNo shard) const { return impl_->owns(shard); }
bool Worker::is_ready() const { return impl_->is_ready(); }

}  // namespace settle::engine
