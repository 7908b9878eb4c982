#include "node.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/planted.h"
#include "world.h"

namespace settle::sim {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

const char* name_of_input(const engine::Input& input) {
  static constexpr std::array<const char*, 17> kNames{
      "begin",      "request",    "gave-up",  "acquired",   "renewed",    "lost",
      "loaded",     "load-ended", "receipts", "found",      "call-ended", "pause-destination",
      "store-room", "drain",      "tick",     "shift-ages", "end-all"};
  static_assert(kNames.size() == std::variant_size_v<engine::Input>);
  return kNames[input.index()];
}

}  // namespace

Instant NodeClock::local(Instant at) const {
  const std::int64_t span = (at - started_at).count();
  return wall + Duration{span + span * drift_ppm / kMillion};
}

Instant NodeClock::global(Instant here) const {
  if (here == kNever) return kNever;
  const std::int64_t span = (here - wall).count();
  Instant at = started_at + Duration{span - span * drift_ppm / (kMillion + drift_ppm)};
  while (local(at) < here) at += microseconds{1};
  return at;
}

Instant Node::local_now() const { return clock_.local(world_.now()); }

// ------------------------------------------------------------------------------------------------ life and death

void Node::boot() {
  const Options& o = world_.options();
  ++life_;
  is_paused_ = is_dying_ = is_writing_ = false;
  tick_armed_ = kNever;
  peak_open_ = left_behind_ = 0;
  shards_.assign(o.shards, Held{});
  clock_.started_at = world_.now();
  const Span offset{-o.clock_spread, o.clock_spread};
  clock_.wall = world_.now() + offset.draw(world_.clock_dice());
  clock_.drift_ppm = world_.clock_dice().between(-std::int64_t{o.drift_ppm}, std::int64_t{o.drift_ppm});
  owner_ = "n" + std::to_string(number_);
  if (o.is_shared && !o.has_lasting_names) owner_ += "." + std::to_string(life_);

  engine::WorkerOptions options;
  options.shards = o.shards;
  options.limits = o.limits;
  options.lazy_wait = o.lazy_wait;
  options.seed = world_.id_dice().next();
  worker_ = std::make_unique<engine::Worker>(options, *this);
  queue_ = std::make_unique<engine::SaveQueue>();
  world_.trace().line(world_.now(), "n%u  boots as %s", unsigned{number_}, owner_.c_str());
  has_room_ = true;
  paused_services_.assign(o.services, false);
  for (std::uint8_t service = 0; service < o.services; ++service) {
    if (world_.is_destination_paused(service)) pause_destination(service, true);
  }
  if (!is_alive()) return;
  schedule_keeper(Duration{0});
}

void Node::crash(bool power_loss) {
  if (!is_alive()) return;
  world_.crashed();
  world_.trace().line(world_.now(), "n%u  dies%s", unsigned{number_}, power_loss ? " with its host" : "");
  world_.trace().mix(0xdeadU + number_);
  world_.calls().mark_open(number_, life_, Fault::kCrash);
  worker_.reset();
  queue_.reset();
  forced_.clear();
  is_dying_ = is_paused_ = false;
  outputs_left_ = -1;
  const std::uint32_t gone = life_;
  ++life_;
  stopped_inputs_.clear();
  release_stopped();  // they find nobody any more, and clean up behind themselves
  if (!world_.options().is_shared) world_.store().crash(world_.disk_dice(), power_loss);
  world_.oracle().node_gone(LifeTag{number_, gone});
  world_.clients().node_gone(number_, gone);
  const Duration until_boot = world_.options().boot.draw(world_.fault_dice());
  world_.timeline().push(world_.now() + until_boot, EventKind::kNodeBoots, number_, 0, life_);
}

void Node::pause(Instant until) {
  if (!is_alive() || is_paused_) return;
  is_paused_ = true;
  world_.trace().line(world_.now(), "n%u  is stopped", unsigned{number_});
  world_.timeline().push(until, EventKind::kNodeResumes, number_, 0, life_);
}

bool Node::holds_back(const Event& event) {
  if (!is_paused_) return false;
  stopped_events_.push_back(event);
  return true;
}

void Node::release_stopped() {
  for (const Event& event : std::exchange(stopped_events_, {})) {
    world_.timeline().push(world_.now(), event.kind, event.who, event.a, event.b);
  }
}

void Node::resume(std::uint32_t life) {
  if (life != life_ || !is_paused_) return;
  is_paused_ = false;
  world_.trace().line(world_.now(), "n%u  goes on", unsigned{number_});
  release_stopped();
  for (engine::Input& input : std::exchange(stopped_inputs_, {})) deliver(std::move(input));
}

bool Node::is_idle() const {
  return is_alive() && !is_paused_ && !is_writing_ && queue_->empty() && lookups_.used() == 0;
}

void Node::pause_destination(std::uint8_t service, bool paused) {
  deliver(engine::PauseDestination{"http://s" + std::to_string(service) + ":80", paused});
}

void Node::store_has_room(bool has_room) { deliver(engine::StoreRoom{has_room}); }

// -------------------------------------------------------------------------------------------------------- inputs

/// What the worker may do from this input on.
void Node::note_order(const engine::Input& input) {
  if (const auto* room = std::get_if<engine::StoreRoom>(&input)) has_room_ = room->is_enough;
  const auto* pause = std::get_if<engine::PauseDestination>(&input);
  if (pause == nullptr) return;
  const std::uint8_t service = service_of(pause->name);
  is_letting_go_ = !pause->paused && paused_services_[service];
  paused_services_[service] = pause->paused;
}

void Node::deliver(engine::Input&& input) {
  if (!is_alive()) return;
  if (is_paused_) {
    stopped_inputs_.push_back(std::move(input));
    return;
  }
  world_.input();
  const Instant here = local_now();
  world_.trace().mix((static_cast<std::uint64_t>(micros(here)) << 8U) | (std::uint64_t{number_} << 4U) | input.index());
  if (const auto* ended = std::get_if<CallEnded>(&input)) {
    const TxNo tx = world_.oracle().find({}, ended->tid);
    world_.trace().line(world_.now(), "n%u  <- %s %s branch %d: %s (%s)", unsigned{number_},
                        std::string(name_of(ended->op)).c_str(), world_.oracle().name_of_tx(tx).c_str(), ended->branch,
                        std::string(name_of(ended->outcome)).c_str(), answer_text(ended->answer).c_str());
    if (tx != kNoTx) world_.oracle().call_ended(LifeTag{number_, life_}, tx, *ended, here, world_.inputs());
  } else if (world_.trace().is_on()) {
    world_.trace().line(world_.now(), "n%u  <- %s", unsigned{number_}, name_of_input(input));
  }
  note_request(input);
  note_order(input);
  // A worker that loses a shard forgets its transactions; what it has handed to the writer still waits there.
  if (std::holds_alternative<engine::Lost>(input)) left_behind_ = queue_->size();
  const bool dies = !world_.is_healed() && chance(world_.fault_dice(), world_.options().crash_inside);
  if (dies) outputs_left_ = static_cast<std::int32_t>(world_.fault_dice().below(6));
  worker_->on(std::move(input), here);
  outputs_left_ = -1;
  is_letting_go_ = false;
  if (dies) {
    world_.strike(Fault::kCrashInside);
    world_.calls().mark_open(number_, life_, Fault::kCrashInside);
    is_dying_ = false;
    crash(world_.fault_dice().below(2) == 0);
    return;
  }
  after_input();
}

/// Who asks from now on, and for what: the saves of this input are judged by it.
void Node::note_request(const engine::Input& input) {
  asked_tx_ = kNoTx;
  if (const auto* begin = std::get_if<engine::Begin>(&input)) {
    const ShardNo shard = engine::shard_of(begin->gid, world_.options().shards);
    if (begin->gid.empty() || shards_[shard].is_loaded) world_.clients().handed(begin->token);
  }
  if (const auto* request = std::get_if<engine::Request>(&input)) {
    const ShardNo shard = engine::shard_of(request->gid, world_.options().shards);
    if (shards_[shard].is_loaded) world_.clients().handed(request->token);
    if (request->verb != engine::Verb::kQuery) asked_tx_ = world_.oracle().find_name(request->gid);
    asked_verb_ = request->verb;
  }
}

void Node::after_input() {
  peak_open_ = std::max(peak_open_, worker_->open());
  if (queue_->empty()) left_behind_ = 0;
  world_.oracle().queue_is(queue_->size(), peak_open_, left_behind_);
  arm_tick();
  feed_writer();
  world_.oracle().check(Check::kPrompt, is_writing_ || forced_.empty(), kNoTx, "a forced save waits for nothing");
}

void Node::arm_tick() {
  const Instant due = worker_->next_due();
  if (due == kNever) return;
  const Instant at = std::max(world_.now(), clock_.global(due));
  if (at >= tick_armed_) return;
  tick_armed_ = at;
  world_.timeline().push(at, EventKind::kNodeTick, number_, 0, life_);
}

void Node::tick(std::uint32_t life) {
  if (life != life_ || !is_alive() || world_.now() < tick_armed_) return;
  tick_armed_ = kNever;
  deliver(engine::Tick{});
}

// ------------------------------------------------------------------------------------------------------ outputs

bool Node::dies_here() {
  if (is_dying_) return true;
  if (outputs_left_ == 0) is_dying_ = true;
  if (outputs_left_ > 0) --outputs_left_;
  return is_dying_;
}

void Node::save(Save&& save) {
  if (dies_here()) return;
  world_.trace().line(world_.now(), "n%u    save %s v%u>%u %s %s%s", unsigned{number_}, save.gid.c_str(), save.expected,
                      save.version, std::string(name_of(save.summary.phase)).c_str(),
                      std::string(name_of(save.summary.decision)).c_str(), save.forced ? " forced" : "");
  world_.trace().mix(save.state);
  SavingSeen seen;
  seen.from = LifeTag{number_, life_, save.epoch};
  seen.tx = world_.oracle().find(save.gid, save.tid);
  seen.save = &save;
  if (seen.tx != kNoTx) {
    seen.local_now = local_now();
    if (seen.tx == asked_tx_) seen.asked = asked_verb_;
    if (seen.asked) asked_tx_ = kNoTx;  // what follows in the same input is not what was asked for
    seen.is_awaited = save.summary.outcome != GlobalOutcome::kRunning &&
                      world_.clients().is_awaited(number_, life_, seen.tx, world_.oracle().moved_at(seen.tx));
    world_.oracle().saving(seen);
  }
  std::erase_if(forced_,
                [&](const auto& one) { return one.first == save.tid && (save.forced || one.second != save.epoch); });
  if (save.forced) forced_.emplace_back(save.tid, save.epoch);
  queue_->push(save);
}

void Node::call(const Call& call) {
  if (dies_here()) return;
  const TxNo tx = world_.oracle().find(call.gid, call.tid, call.payload);
  world_.trace().line(world_.now(), "n%u    call %s %s branch %d attempt %u", unsigned{number_},
                      std::string(name_of(call.op)).c_str(), world_.oracle().name_of_tx(tx).c_str(), call.branch,
                      call.attempt);
  world_.trace().mix(call.id * 8 + static_cast<std::uint64_t>(call.op));
  CallSeen seen;
  const Held* held = call.tid.shard < shards_.size() ? &shards_[call.tid.shard] : nullptr;
  seen.from = LifeTag{number_, life_, held != nullptr ? held->epoch : 0};
  seen.tx = tx;
  seen.call = &call;
  seen.until = clock_.global(call.sent_at + call.timeout);
  seen.local_now = local_now();
  if (held != nullptr && held->epoch != 0) seen.lease_end = held->lease_end;
  world_.oracle().check(Check::kHeldBack, !paused_services_[service_of(call.url)], tx,
                        "a call left for a destination that is paused");
  if (is_letting_go_ && tx != kNoTx) world_.strike(Fault::kHeldBack, tx, call.op);
  world_.oracle().called(seen);
  if (tx != kNoTx && world_.violation() == nullptr) world_.calls().send(number_, life_, tx, call);
}

void Node::reply(engine::Token token, engine::AnswerKind kind, const engine::View* view) {
  if (dies_here()) return;
  world_.trace().mix(token * 16 + static_cast<std::uint64_t>(kind));
  if (kind == engine::AnswerKind::kStoreFull) {
    world_.oracle().check(Check::kRoom, !has_room_, kNoTx, "refused for lack of space, which there is");
  }
  world_.clients().replied(token, kind, view);
}

void Node::event(engine::EventLevel level, std::string_view what, std::string_view gid, std::string_view branch_id,
                 Op) {
  world_.trace().mix(what);
  world_.trace().line(world_.now(), "n%u    %s %.*s %.*s %.*s", unsigned{number_},
                      level == engine::EventLevel::kWarn ? "warns:" : "says:", static_cast<int>(what.size()),
                      what.data(), static_cast<int>(gid.size()), gid.data(), static_cast<int>(branch_id.size()),
                      branch_id.data());
}

void Node::look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) {
  if (dies_here()) return;
  Lookup one;
  one.life = life_;
  one.shard = shard;
  one.lookup = lookup;
  one.gid = std::string(gid);
  const Duration after = world_.options().write.draw(world_.disk_dice());
  world_.timeline().push(world_.now() + after, EventKind::kLookupReads, number_, lookups_.add(std::move(one)));
}

void Node::lookup_reads(std::uint32_t slot) {
  Lookup& one = lookups_[slot];
  one.found.shard = one.shard;
  one.found.lookup = one.lookup;
  if (!world_.is_healed() && chance(world_.disk_dice(), world_.options().store_deaf)) {
    world_.strike(Fault::kStoreDeaf, world_.oracle().find_name(one.gid));
    one.found.failed = true;
  } else if (one.life == life_ && is_alive()) {
    Result<StoredRecord> record = world_.store().get(one.gid);
    if (record) one.found.record = std::move(*record);
  }
  const Duration after = world_.options().write.draw(world_.disk_dice());
  world_.timeline().push(world_.now() + after, EventKind::kLookupAnswered, number_, slot);
}

void Node::lookup_answered(std::uint32_t slot) {
  Lookup one = std::move(lookups_[slot]);
  lookups_.remove(slot);
  if (one.life == life_ && is_alive()) deliver(std::move(one.found));
}

// ------------------------------------------------------------------------------------------------------- writer

void Node::feed_writer() {
  if (is_writing_ || !is_alive() || queue_->empty()) return;
  engine::SaveBatch group;
  queue_->take(group);
  start_group({std::make_move_iterator(group.all().begin()), std::make_move_iterator(group.all().end())});
}

void Node::start_group(std::vector<Save>&& saves) {
  if (saves.empty()) return;
  for (const Save& save : saves) {
    std::erase_if(forced_, [&](const auto& one) { return one.first == save.tid; });
  }
  Random& dice = world_.disk_dice();
  const Options& o = world_.options();
  Group group;
  group.life = life_;
  group.saves = std::move(saves);
  Duration until_written = o.write.draw(dice);
  if (!world_.is_healed() && chance(dice, o.stalls)) {
    for (const Save& save : group.saves) {
      world_.strike(Fault::kStall, world_.oracle().find(save.gid, save.tid));
    }
    until_written += o.stall.draw(dice);
  }
  group.fails = !world_.is_healed() && chance(dice, o.sync_fails);
  is_writing_ = true;
  world_.timeline().push(world_.now() + until_written, EventKind::kGroupWritten, number_,
                         groups_.add(std::move(group)));
}

void Node::group_written(std::uint32_t slot) {
  Random& dice = world_.disk_dice();
  const Options& o = world_.options();
  Group& group = groups_[slot];
  const bool is_orphan = group.life != life_ || !is_alive();
  // A dead process writes nothing on its own disk; what it had sent to a shared store may arrive or not.
  bool arrives = !is_orphan || (o.is_shared && dice.below(2) == 0);
  if (group.fails && o.is_shared && dice.below(2) == 0) arrives = false;
  if (is_orphan && !arrives) {
    groups_.remove(slot);
    return;
  }
  if (arrives) {
    group.receipts = world_.store().write(group.saves);
    world_.trace().mix(world_.store().changes());
    if (!world_.is_healed() && chance(dice, o.store_twice)) {
      // Something between here and there sends it once more; nobody hears the answer.
      Group copy;
      copy.saves = group.saves;
      const Duration behind = Span{milliseconds{1}, o.lease}.draw(dice);
      world_.timeline().push(world_.now() + behind, EventKind::kGroupCopied, number_, groups_.add(std::move(copy)));
      // `group` is not valid any more.
    }
  }
  const Duration rest = o.sync.draw(dice);
  if (planted(Bug::kWriterAnswersBeforeSync) && !is_orphan) {
    is_writing_ = false;
    std::vector<Receipt> early = groups_[slot].receipts;
    deliver(engine::Receipts{std::move(early)});
    groups_[slot].receipts.clear();
  }
  world_.timeline().push(world_.now() + rest, EventKind::kGroupDone, number_, slot);
}

void Node::group_done(std::uint32_t slot) {
  Group group = std::move(groups_[slot]);
  groups_.remove(slot);
  if (group.life != life_ || !is_alive()) return;
  if (group.fails) {
    // Nobody knows what was kept: answer nobody, exit, read again (failures.md, A2 and H1).
    for (const Save& save : group.saves) {
      world_.strike(Fault::kSyncFails, world_.oracle().find(save.gid, save.tid));
    }
    world_.trace().line(world_.now(), "n%u  a write failed; it exits", unsigned{number_});
    crash(true);
    return;
  }
  if (!world_.options().is_shared) world_.store().sync();
  is_writing_ = false;
  for (Receipt& receipt : group.receipts) {
    if (receipt.status == SaveStatus::kFenced && planted(Bug::kWriterHidesFence)) receipt.status = SaveStatus::kSaved;
    if (receipt.status == SaveStatus::kConflict && planted(Bug::kWriterHidesConflict))
      receipt.status = SaveStatus::kSaved;
    if (receipt.status != SaveStatus::kSaved) {
      world_.trace().line(world_.now(), "n%u  a save of %s is refused: %d", unsigned{number_},
                          receipt.tid.text().c_str(), static_cast<int>(receipt.status));
    }
  }
  hand_receipts(std::move(group.receipts));
}

void Node::hand_receipts(std::vector<Receipt>&& receipts) {
  // Ownerships that the store has refused: what is in memory under them may be old (R5).
  std::vector<Lease> refused;
  for (const Receipt& receipt : receipts) {
    const bool is_refused = receipt.status == SaveStatus::kFenced || receipt.status == SaveStatus::kConflict;
    if (is_refused && shards_[receipt.shard].epoch == receipt.epoch) refused.push_back({receipt.shard, receipt.epoch});
  }
  const std::uint32_t life = life_;
  deliver(engine::Receipts{std::move(receipts)});
  if (life != life_ || !is_alive()) return;
  for (const Lease& lease : refused) {
    world_.oracle().check(Check::kLetsGo, shards_[lease.shard].epoch != lease.epoch, kNoTx,
                          "a daemon goes on with a shard although the store has refused its save");
  }
}

void Node::group_copied(std::uint32_t slot) {
  const std::vector<Save> saves = std::move(groups_[slot].saves);
  groups_.remove(slot);
  for (const Save& save : saves) world_.strike(Fault::kStoreTwice, world_.oracle().find(save.gid, save.tid));
  (void)world_.store().write(saves);
}

}  // namespace settle::sim
