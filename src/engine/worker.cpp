#include "engine/worker.h"

#include <map>

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
 public:
  Impl(const WorkerOptions& options, Outputs& outputs)
      : options_(options),
        core_{.options = options_,
              .outputs = outputs,
              .gate = DestinationGate(options.limits.calls_per_destination),
              .random = Random::stream(options.seed, "engine"),
              .counters = {},
              .timers = {},
              .waiting = {}} {}

  void on(Input&& input, Instant now) {
    std::visit([&](auto&& what) { take(std::move(what), now); }, std::move(input));
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
    const auto at = core_.waiting.find(gone.token);
    if (at == core_.waiting.end()) return;
    const Tid tid = at->second;
    core_.waiting.erase(at);
    if (Shard* const shard = shard_for(tid.shard)) shard->on_gave_up(gone.token, tid);
  }

  void take(Acquired&& acquired, Instant) {
    if (Shard* const old = shard_for(acquired.shard)) {
      old->drop();
      shards_.erase(acquired.shard);
    }
    shards_.emplace(acquired.shard, std::make_unique<Shard>(acquired.shard, acquired.epoch, acquired.lease_end, core_));
  }

  void take(Renewed&& renewed, Instant now) {
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
    if (Shard* const shard = shard_for(answer.tid.shard)) shard->on_answer(std::move(answer), now);
    // The slot is free last: what this answer leads to goes into line behind those who waited.
    std::optional<QueuedCall> next = leaks ? std::nullopt : core_.gate.leave(id);
    while (next) {
      Shard* const shard = shard_for(next->tid.shard);
      if (shard != nullptr && shard->on_slot(*next, now)) break;
      next = core_.gate.pass_on(next->id);
    }
  }

  void take(Drain&&, Instant now) {
    SETTLE_REACHED("drain");
    core_.draining = true;
    for (const auto& [number, shard] : shards_) shard->on_drain(now);
  }

  void take(Tick&&, Instant now) {
    while (!core_.timers.empty() && core_.timers.begin()->first <= now) {
      const Tid tid = core_.timers.begin()->second;
      core_.timers.erase(core_.timers.begin());
      if (Shard* const shard = shard_for(tid.shard)) shard->on_due(tid, now);
    }
  }

  [[nodiscard]] Instant next_due() const { return core_.timers.empty() ? kNever : core_.timers.begin()->first; }
  [[nodiscard]] const Core& core() const { return core_; }

  [[nodiscard]] Instant oldest() const {
    Instant oldest = kNever;
    for (const auto& [number, shard] : shards_) oldest = std::min(oldest, shard->oldest());
    return oldest;
  }

  [[nodiscard]] bool owns(ShardNo number) const { return shards_.contains(number); }

  [[nodiscard]] bool is_ready() const {
    return std::all_of(shards_.begin(), shards_.end(), [](const auto& item) { return item.second->is_loaded(); });
  }

 private:
  Shard* shard_for(ShardNo number) {
    const auto at = shards_.find(number);
    return at == shards_.end() ? nullptr : at->second.get();
  }

  Shard* shard_for(ShardNo number, Epoch epoch) {
    Shard* const shard = shard_for(number);
    return shard != nullptr && shard->epoch() == epoch ? shard : nullptr;
  }

  /// For transactions that the server names: the shards take turns.
  Shard* any_shard() {
    if (shards_.empty()) return nullptr;
    auto at = shards_.upper_bound(turn_);
    if (at == shards_.end()) at = shards_.begin();
    turn_ = at->first;
    return at->second.get();
  }

  void drop(ShardNo number) {
    const auto at = shards_.find(number);
    const Epoch epoch = at->second->epoch();
    at->second->drop();
    shards_.erase(at);
    core_.outputs.dropped(number, epoch);
  }

  WorkerOptions options_;
  Core core_;
  std::map<ShardNo, std::unique_ptr<Shard>> shards_;
  ShardNo turn_ = 0;
};

Worker::Worker(const WorkerOptions& options, Outputs& outputs) : impl_(std::make_unique<Impl>(options, outputs)) {}
Worker::~Worker() = default;

void Worker::on(Input&& input, Instant now) { impl_->on(std::move(input), now); }
Instant Worker::next_due() const { return impl_->next_due(); }
const Counters& Worker::counters() const { return impl_->core().counters; }
std::size_t Worker::open() const { return impl_->core().open; }
std::size_t Worker::incidents() const { return impl_->core().incidents; }
Instant Worker::oldest_open() const { return impl_->oldest(); }
bool Worker::owns(ShardNo shard) const { return impl_->owns(shard); }
bool Worker::is_ready() const { return impl_->is_ready(); }

}  // namespace settle::engine
