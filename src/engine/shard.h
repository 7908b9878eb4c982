#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/flat_table.h"
#include "base/intrusive_list.h"
#include "engine/entry.h"
#include "engine/gate.h"
#include "engine/open_transactions.h"
#include "engine/timer_heap.h"
#include "engine/worker.h"
#include "protocol/step.h"

namespace settle::engine {

/// A caller that waits, and for which transaction.
struct Waiting {
  Token token = 0;
  Tid tid;
};
struct ByToken {
  static Token key(const Waiting& waiting) { return waiting.token; }
  static std::size_t hash(Token token) { return mix_bits(token); }
};

/// What the shards of one worker share.
struct Core {
  const WorkerOptions& options;
  Outputs& outputs;
  DestinationGate gate;
  Random random;
  Counters counters;
  OpenTransactions open;
  TimerHeap timers;
  IntrusiveList<Entry, &Entry::lazy> lazy;  ///< whose newest version is held back, longest first
  Save outgoing;                            ///< blank; keeps its memory
  FlatTable<Waiting, ByToken> waiting;
  std::map<std::pair<Instant, Tid>, const Anchor*> passes_due;  ///< by the next pass; only if they come on demand
  Duration older{0};                                            ///< see ShiftAges
  Duration sooner{0};
  std::size_t unsaved = 0;  ///< transactions with a version that is not durable
  std::size_t incidents = 0;
  std::size_t held = 0;             ///< requests held while shards load
  std::uint64_t last_sequence = 0;  ///< of a tid
  std::uint64_t lookups = 0;
  bool draining = false;
  bool is_store_full = false;
};

/// A slice of the gid space under one ownership: the transactions in it, what they wait for, and every rule between an
/// input and the outputs. "Remember first, then act" is held here: see `drive` and `answer_waiters`.
class Shard {
 public:
  Shard(ShardNo number, Epoch epoch, Instant lease_end, Core& core)
      : number_(number), epoch_(epoch), lease_end_(lease_end), core_(core) {}

  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] bool is_loaded() const { return loaded_; }
  [[nodiscard]] Instant lease_end() const { return lease_end_; }
  [[nodiscard]] bool is_frozen() const { return frozen_; }
  [[nodiscard]] Instant oldest() const;

  void on_begin(Begin&& begin, Instant now);
  void on_request(Request&& request, Instant now);
  void on_found(Found&& found, Instant now);
  void on_loaded(StoredRecord&& record, Instant now);
  void on_load_ended(Instant now);
  void on_renewed(Instant lease_end, Instant now);
  /// The lease ended on our own clock: nothing leaves until it is renewed (R5).
  void on_lease_end(Instant now);
  /// False: the store refused this ownership; the worker must drop the shard.
  bool on_receipt(const Receipt& receipt, Instant now);
  void on_answer(CallEnded&& answer, Instant now);
  void on_due(Entry& entry, Instant now);
  /// Makes a save of the newest version, which says everything that older ones have said.
  void hand_over(Entry& entry, bool forced);
  void on_gave_up(Token token, const Tid& tid);
  void on_drain(Instant now);
  void end_all(Instant now);
  /// A queued call has got a slot. False: it does not leave after all.
  bool on_slot(const QueuedCall& call, Instant now);

  /// The ownership is over: answers everybody and forgets everything.
  void drop();

 private:
  // shard.cpp: the rule between save and act
  void apply(Entry& entry, protocol::Step step, bool sender_forgets, Instant now);
  void save(Entry& entry, bool forced, Instant now);
  void settle(Entry& entry, Instant now);
  void drive(Entry& entry, Instant now);
  void call(Entry& entry, protocol::OpRef ref, std::uint64_t id, Instant now);
  bool bind(const Entry& entry, protocol::OpRef ref);
  bool cancel_queued(Entry& entry);
  bool take_deadline(Entry& entry, Instant now);
  bool give_up_held(Entry& entry, Instant now);
  void arm(Entry& entry, Instant now);
  // passes.cpp: transactions whose retries come in passes
  bool begin_pass(Entry& entry, Instant now);
  bool is_pass_due(const Entry& entry, Instant now) const;
  void end_passes(Entry& entry, std::uint32_t ended);
  void tell_of_passes(Entry& entry);
  void note_pass_due(Entry& entry, Instant due);
  void pass_verb(Entry& entry, Request&& request, Instant now);
  /// What happens now, as tests may have shifted its time.
  /// How many passes end until one that is asked for now has ended.
  static std::uint32_t passes_until_next(const State& state);
  [[nodiscard]] protocol::Occurrence occurrence(protocol::Event on, Instant now);
  void count_incident(Entry& entry);
  void notify(Entry& entry, bool again);
  void alert(Entry& entry, Instant now);
  void forget(Entry& entry);
  void take_held(std::vector<std::variant<Begin, Request>>&& held, Instant now);
  void gid_taken(Entry& entry);
  Entry& adopt(const Tid& tid, std::string gid, OwnedPlan&& plan);
  [[nodiscard]] bool may_act(Instant now) const;
  std::vector<Tid> tids() const;

  // verbs.cpp: what clients ask for
  void begin_new(Begin&& begin, Instant now);
  void verb(Entry& entry, Request&& request, Instant now);
  void report(Entry& entry, Request&& request, Instant now);
  void enlist(Entry& entry, Request&& request, Instant now);
  void resolve(Entry& entry, Request&& request, Instant now);
  static bool may_report(const Entry& entry, std::int32_t branch, const Request& request);
  void answer_now(Entry& entry, Token token, AnswerKind kind, Instant now);
  void look_up(Request&& request);
  [[nodiscard]] AnswerKind kind_of_absence(const Request& request) const;
  void found_for_begin(Found&& found, const Begin& begin);
  void found_for_request(StoredRecord&& record, Request&& request, Instant now);
  void answer_waiters(Entry& entry, Instant now);
  void answer_unsure(Entry& entry);
  void add_waiter(Entry& entry, Waiter waiter);
  void reply(const Entry& entry, const Waiter& waiter);
  Tid mint(Instant now);
  [[nodiscard]] Entry* find(std::string_view gid) const;
  [[nodiscard]] Entry* find(const Tid& tid) const { return core_.open.find(tid); }

  struct Lookup {
    std::vector<Begin> begins;  ///< begins that met a taken gid; same gid
    std::vector<Request> requests;
  };

  ShardNo number_;
  Epoch epoch_;
  Instant lease_end_;
  Core& core_;
  bool loaded_ = false;
  bool frozen_ = false;                            ///< the lease ran out before it was renewed: nothing left meanwhile
  IntrusiveList<Anchor, &Anchor::by_age> by_age_;  ///< oldest first
  std::map<std::uint64_t, Lookup> lookups_;
  std::vector<std::variant<Begin, Request>> held_;
  std::vector<protocol::OpRef> ready_;  // reused
  std::vector<BoundPart> bound_;        // reused
};

}  // namespace settle::engine
