#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/save_queue.h"
#include "engine/worker.h"
#include "slab.h"
#include "storage/store.h"
#include "timeline.h"
#include "workload.h"

namespace settle::sim {

class World;

/// A daemon's own clock: the wall clock at its start, driven by a crystal that is a little off.
struct NodeClock {
  Instant started_at = kNoInstant;  ///< virtual
  Instant wall = kNoInstant;        ///< what it read then
  std::int64_t drift_ppm = 0;

  [[nodiscard]] Instant local(Instant at) const;
  /// The first virtual instant at which `local` has reached `here`.
  [[nodiscard]] Instant global(Instant here) const;
};

/// One daemon: the worker of the product, with a writer, a keeper of leases and the loop around them on virtual time.
class Node final : public engine::Outputs {
 public:
  Node(World& world, std::uint8_t number) : world_(world), number_(number) {}

  void boot();
  /// Ends the process where it stands. It comes back after a while.
  void crash(bool power_loss);
  void pause(Instant until);
  void resume(std::uint32_t life);
  /// True if the process is stopped: the event waits until it goes on.
  bool holds_back(const Event& event);
  void hand_over_one();
  void pause_destination(std::uint8_t service, bool paused);
  void store_has_room(bool has_room);

  void deliver(engine::Input&& input);

  // Events of the timeline.
  void tick(std::uint32_t life);
  void group_written(std::uint32_t group);
  void group_done(std::uint32_t group);
  void group_copied(std::uint32_t group);
  void keeper_acts(std::uint32_t turn, std::uint32_t life);
  void lease_arrives(std::uint32_t talk);
  void lease_answered(std::uint32_t talk);
  void lease_copied(std::uint32_t talk);
  void load_reads(std::uint32_t talk);
  void load_hands(std::uint32_t talk);
  void lookup_reads(std::uint32_t lookup);
  void lookup_answered(std::uint32_t lookup);

  [[nodiscard]] bool is_alive() const { return worker_ != nullptr; }
  [[nodiscard]] bool is_paused() const { return is_paused_; }
  [[nodiscard]] std::uint32_t life() const { return life_; }
  [[nodiscard]] std::uint8_t number() const { return number_; }
  [[nodiscard]] Instant local_now() const;
  [[nodiscard]] Instant global(Instant here) const { return clock_.global(here); }
  [[nodiscard]] const engine::Worker& worker() const { return *worker_; }
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] const std::string& owner() const { return owner_; }
  [[nodiscard]] std::size_t queued() const { return queue_ ? queue_->size() : 0; }

  // engine::Outputs
  void save(Save&& save) override;
  void call(const Call& call) override;
  void reply(engine::Token token, engine::AnswerKind kind, const engine::View* view) override;
  void look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) override;
  void dropped(ShardNo shard, Epoch epoch) override;
  void event(engine::EventLevel level, std::string_view what, std::string_view gid, std::string_view branch_id,
             Op op) override;

 private:
  struct Group {
    std::uint32_t life = 0;
    bool fails = false;
    std::vector<Save> saves;
    std::vector<Receipt> receipts;
  };
  enum class Wish : std::uint8_t { kAcquire, kRenew, kRelease };
  struct LeaseTalk {
    std::uint32_t life = 0;
    Wish wish = Wish::kRenew;
    Instant sent_at = kNoInstant;  ///< own clock
    std::string owner;
    std::vector<Lease> leases;
    std::vector<Lease> granted;
    std::vector<StoredRecord> records;  ///< of granted.front(), newest last
    bool is_read = false;
  };
  struct Lookup {
    std::uint32_t life = 0;
    ShardNo shard = 0;
    std::uint64_t lookup = 0;
    std::string gid;
    engine::Found found;
  };
  /// What the keeper believes about a shard.
  struct Held {
    Epoch epoch = 0;  ///< 0: not held
    bool is_asked = false;
    Instant lease_end = kNoInstant;
    bool is_loaded = false;
  };

  bool dies_here();
  void release_stopped();
  void note_request(const engine::Input& input);
  void note_order(const engine::Input& input);
  void hand_receipts(std::vector<Receipt>&& receipts);
  void after_input();
  void arm_tick();
  void feed_writer();
  void start_group(std::vector<Save>&& saves);
  void ask(Wish wish, std::vector<Lease>&& leases);
  void start_load(Lease lease);
  void schedule_keeper(Duration after);
  [[nodiscard]] std::size_t held() const;

  World& world_;
  std::uint8_t number_;
  std::uint32_t life_ = 0;
  bool is_paused_ = false;
  bool is_dying_ = false;
  bool has_room_ = true;               ///< as the worker was told
  bool is_letting_go_ = false;         ///< what leaves in this input was held back by a pause
  std::vector<bool> paused_services_;  ///< as the worker was told
  std::int32_t outputs_left_ = -1;     ///< -1: this input is performed whole
  NodeClock clock_;
  std::string owner_;
  std::unique_ptr<engine::Worker> worker_;
  std::unique_ptr<engine::SaveQueue> queue_;
  TxNo asked_tx_ = kNoTx;  ///< whom the verb of this input asks to change
  engine::Verb asked_verb_ = engine::Verb::kQuery;
  bool is_writing_ = false;
  std::vector<std::pair<Tid, Epoch>> forced_;  ///< saves that somebody waits for and no group has taken
  std::size_t peak_open_ = 0;                  ///< of this life
  std::size_t left_behind_ = 0;  ///< saves that waited when a shard was lost; 0 once none of them can wait
  Instant tick_armed_ = kNever;
  std::uint32_t keeper_turn_ = 0;
  std::vector<Held> shards_;
  /// What waits while the process is stopped.
  std::vector<Event> stopped_events_;
  std::vector<engine::Input> stopped_inputs_;
  Slab<Group> groups_;
  Slab<LeaseTalk> talks_;
  Slab<Lookup> lookups_;
};

}  // namespace settle::sim
