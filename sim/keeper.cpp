#include <algorithm>
#include <utility>

#include "node.h"
#include "world.h"

// The keeper of leases: the part of a simulated daemon that asks the store for shards, prolongs them, gives them back,
// and reads what is open in a new one.

namespace settle::sim {
namespace {

/// An own disk has one owner for ever.
constexpr Duration kForGood = std::chrono::hours{24 * 365};

/// The owner ends its lease a little early, because its clock may be slow.
constexpr Duration safe(Duration lease) { return lease - lease / 40; }

}  // namespace

std::size_t Node::held() const {
  return static_cast<std::size_t>(
      std::count_if(shards_.begin(), shards_.end(), [](const Held& one) { return one.epoch != 0 || one.is_asked; }));
}

void Node::schedule_keeper(Duration after) {
  // Replaces what was scheduled before.
  world_.timeline().push(world_.now() + after, EventKind::kKeeperActs, number_, ++keeper_turn_, life_);
}

void Node::keeper_acts(std::uint32_t turn, std::uint32_t life) {
  if (life != life_ || !is_alive() || turn != keeper_turn_) return;
  const Options& o = world_.options();
  Random& dice = world_.network_dice();
  std::vector<Lease> mine;
  std::vector<Lease> free;
  for (ShardNo shard = 0; shard < o.shards; ++shard) {
    const Held& one = shards_[shard];
    if (one.epoch != 0) {
      mine.push_back(Lease{shard, one.epoch});
    } else if (!one.is_asked) {
      const std::string_view owner = world_.store().owner_of(shard);
      if (owner.empty() || owner == owner_) free.push_back(Lease{shard, 0});
    }
  }
  std::size_t share = (std::size_t{o.shards} + o.nodes - 1) / o.nodes;
  if (dice.below(4) == 0) ++share;  // or nobody would take what a dead daemon has left
  const std::size_t room = share > held() ? share - held() : 0;
  for (std::size_t i = free.size(); i > 1; --i) std::swap(free[i - 1], free[dice.below(i)]);
  if (free.size() > room && o.is_shared) free.resize(room);
  for (const Lease& lease : free) shards_[lease.shard].is_asked = true;
  if (!free.empty()) ask(Wish::kAcquire, std::move(free));
  if (!mine.empty() && o.is_shared) ask(Wish::kRenew, std::move(mine));
  const Duration period = o.lease / 5;
  schedule_keeper(Span{period, period * 3 / 2}.draw(dice));
}

void Node::ask(Wish wish, std::vector<Lease>&& leases) {
  Random& dice = world_.network_dice();
  LeaseTalk talk;
  talk.life = life_;
  talk.wish = wish;
  talk.sent_at = local_now();
  talk.owner = owner_;
  talk.leases = std::move(leases);
  const Duration after = world_.options().write.draw(dice);
  world_.timeline().push(world_.now() + after, EventKind::kLeaseArrives, number_, talks_.add(std::move(talk)));
}

void Node::lease_arrives(std::uint32_t slot) {
  LeaseTalk& talk = talks_[slot];
  const Options& o = world_.options();
  Random& dice = world_.network_dice();
  // The disk of a dead process hears nothing of it; a shared store may, long after its sender has died.
  const bool is_dead = talk.life != life_ && !o.is_shared;
  const bool is_deaf = !world_.is_healed() && o.is_shared && chance(dice, o.store_deaf);
  if (is_deaf) world_.strike(Fault::kStoreDeaf);
  if (!is_dead && !is_deaf) {
    const Duration lasting = o.is_shared ? o.lease : kForGood;
    std::vector<ShardNo> shards;
    for (const Lease& lease : talk.leases) shards.push_back(lease.shard);
    Result<std::vector<Lease>> granted = std::vector<Lease>{};
    if (talk.wish == Wish::kAcquire) granted = world_.store().acquire(shards, talk.owner, lasting);
    if (talk.wish == Wish::kRenew) granted = world_.store().renew(talk.leases, talk.owner, lasting);
    if (talk.wish == Wish::kRelease) (void)world_.store().release(talk.leases, talk.owner);
    talk.granted = std::move(*granted);
    talk.is_read = true;
  }
  if (talk.is_read && !world_.is_healed() && o.is_shared && chance(dice, o.store_deaf)) talk.is_read = false;
  const Duration after = o.write.draw(dice);
  world_.timeline().push(world_.now() + after, EventKind::kLeaseAnswered, number_, slot);
  if (!talk.is_read || talk.wish != Wish::kAcquire || world_.is_healed() || !chance(dice, o.store_twice * 4)) return;
  // The same once more, later: the owner does not know that its epoch is over.
  LeaseTalk copy;
  copy.owner = talk.owner;
  copy.leases = talk.leases;
  const Duration behind = Span{milliseconds{1}, o.lease * 2}.draw(dice);
  world_.timeline().push(world_.now() + behind, EventKind::kLeaseCopied, number_, talks_.add(std::move(copy)));
}

void Node::lease_copied(std::uint32_t slot) {
  const LeaseTalk copy = std::move(talks_[slot]);
  talks_.remove(slot);
  world_.strike(Fault::kStoreTwice);
  std::vector<ShardNo> shards;
  for (const Lease& lease : copy.leases) shards.push_back(lease.shard);
  (void)world_.store().acquire(shards, copy.owner, world_.options().lease);
}

void Node::lease_answered(std::uint32_t slot) {
  LeaseTalk talk = std::move(talks_[slot]);
  talks_.remove(slot);
  if (talk.life != life_ || !is_alive()) return;
  const Options& o = world_.options();
  if (talk.wish == Wish::kAcquire) {
    for (const Lease& lease : talk.leases) shards_[lease.shard].is_asked = false;
  }
  if (!talk.is_read) return;  // no answer: asked again in time
  const Instant lease_end = o.is_shared ? talk.sent_at + safe(o.lease) : kNever;
  if (talk.wish == Wish::kAcquire) {
    for (const Lease& lease : talk.granted) {
      if (!is_alive() || talk.life != life_) return;
      if (lease.epoch <= shards_[lease.shard].epoch) continue;
      shards_[lease.shard] = Held{lease.epoch, false, lease_end};
      world_.trace().line(world_.now(), "n%u  owns shard %u under epoch %u", unsigned{number_}, unsigned{lease.shard},
                          lease.epoch);
      deliver(engine::Acquired{lease.shard, lease.epoch, lease_end});
      if (is_alive() && talk.life == life_) start_load(lease);
    }
    return;
  }
  if (talk.wish != Wish::kRenew) return;
  for (const Lease& lease : talk.leases) {
    if (!is_alive() || talk.life != life_) return;
    Held& held = shards_[lease.shard];
    if (held.epoch != lease.epoch) continue;
    const bool is_kept = std::any_of(talk.granted.begin(), talk.granted.end(),
                                     [&](const Lease& one) { return one.shard == lease.shard; });
    if (is_kept) {
      held.lease_end = std::max(held.lease_end, lease_end);
      deliver(engine::Renewed{lease.shard, lease.epoch, held.lease_end});
    } else {
      held = Held{};
      world_.trace().line(world_.now(), "n%u  has lost shard %u", unsigned{number_}, unsigned{lease.shard});
      deliver(engine::Lost{lease.shard, lease.epoch});
    }
  }
}

void Node::start_load(Lease lease) {
  LeaseTalk talk;
  talk.life = life_;
  talk.granted.push_back(lease);
  const Duration after = world_.options().write.draw(world_.network_dice());
  world_.timeline().push(world_.now() + after, EventKind::kLoadReads, number_, talks_.add(std::move(talk)));
}

void Node::load_reads(std::uint32_t slot) {
  LeaseTalk& talk = talks_[slot];
  const Options& o = world_.options();
  Random& dice = world_.network_dice();
  const Lease lease = talk.granted.front();
  if (talk.life != life_ || !is_alive() || shards_[lease.shard].epoch != lease.epoch) {
    talks_.remove(slot);
    return;
  }
  if (!world_.is_healed() && chance(dice, o.store_deaf)) {
    for (const Tid& tid : world_.store().open_tids()) {
      if (tid.shard == lease.shard) world_.strike(Fault::kStoreDeaf, world_.oracle().find({}, tid));
    }
    world_.timeline().push(world_.now() + o.lease / 10, EventKind::kLoadReads, number_, slot);
    return;
  }
  const std::array<ShardNo, 1> shards{lease.shard};
  (void)world_.store().load_open(
      shards, [&](StoredRecord&& record) { talk.records.push_back(std::move(record)); },
      [](const Tid&, const Error&) {});
  for (std::size_t i = talk.records.size(); i > 1; --i) std::swap(talk.records[i - 1], talk.records[dice.below(i)]);
  for (const StoredRecord& record : talk.records) {
    const TxNo tx = world_.oracle().find(record.gid, record.tid);
    world_.strike(o.is_shared ? Fault::kTakeover : Fault::kCrash, tx);
  }
  world_.timeline().push(world_.now() + o.write.draw(dice), EventKind::kLoadHands, number_, slot);
}

void Node::load_hands(std::uint32_t slot) {
  const Lease lease = talks_[slot].granted.front();
  const std::uint32_t life = talks_[slot].life;
  const auto is_over = [&] { return life != life_ || !is_alive() || shards_[lease.shard].epoch != lease.epoch; };
  if (is_over()) {
    talks_.remove(slot);
    return;
  }
  Random& dice = world_.network_dice();
  // Moved out, because what is delivered may start other talks.
  std::vector<StoredRecord> records = std::move(talks_[slot].records);
  const std::size_t chunk = std::min<std::size_t>(records.size(), dice.below(16) + 1);
  for (std::size_t i = 0; i < chunk && !is_over(); ++i) {
    StoredRecord record = std::move(records.back());
    records.pop_back();
    deliver(engine::Loaded{lease.shard, lease.epoch, std::move(record)});
  }
  if (records.empty() && !is_over()) {
    deliver(engine::LoadEnded{lease.shard, lease.epoch});
    if (!is_over()) shards_[lease.shard].is_loaded = true;
  }
  if (records.empty() || is_over()) {
    talks_.remove(slot);
    return;
  }
  talks_[slot].records = std::move(records);
  world_.timeline().push(world_.now() + world_.options().write.draw(dice), EventKind::kLoadHands, number_, slot);
}

void Node::dropped(ShardNo shard, Epoch epoch) {
  if (dies_here()) return;
  world_.trace().line(world_.now(), "n%u    drops shard %u of epoch %u", unsigned{number_}, unsigned{shard}, epoch);
  left_behind_ = queue_->size();
  if (shard >= shards_.size() || shards_[shard].epoch != epoch) return;
  shards_[shard] = Held{};
  // Sometimes it lets others have it, sometimes it takes it back at once.
  if (world_.network_dice().below(2) == 0) ask(Wish::kRelease, {Lease{shard, epoch}});
  schedule_keeper(Span{Duration{0}, world_.options().lease / 10}.draw(world_.network_dice()));
}

void Node::hand_over_one() {
  if (!is_alive() || is_paused_) return;
  std::vector<ShardNo> mine;
  for (ShardNo shard = 0; shard < world_.options().shards; ++shard) {
    if (shards_[shard].epoch != 0) mine.push_back(shard);
  }
  if (mine.empty()) return;
  const ShardNo shard = mine[world_.fault_dice().below(mine.size())];
  const Epoch epoch = shards_[shard].epoch;
  shards_[shard] = Held{};
  world_.strike(Fault::kHandOver);
  world_.calls().mark_open(number_, life_, Fault::kHandOver);
  world_.trace().line(world_.now(), "n%u  hands shard %u over", unsigned{number_}, unsigned{shard});
  ask(Wish::kRelease, {Lease{shard, epoch}});
  deliver(engine::Lost{shard, epoch});
}

}  // namespace settle::sim
