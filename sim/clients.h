#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/worker.h"
#include "oracle/oracle.h"
#include "slab.h"
#include "timeline.h"
#include "workload.h"

namespace settle::sim {

class World;

/// The clients: they begin transactions, ask, wait, repeat themselves, lose patience, or die. Also the producers of
/// two-step messages with their local transactions, participants that report, and the operator.
class Clients {
 public:
  explicit Clients(World& world) : world_(world) {}

  void arrival();
  void acts(TxNo tx, std::uint32_t line);
  /// A client's own call of a branch arrives there.
  void tries(TxNo tx, std::uint32_t branch);
  void request_leaves(std::uint32_t talk);
  void request_arrives(std::uint32_t talk);
  void reply_arrives(std::uint32_t talk);
  void impatient(std::uint32_t talk);
  void local_begins(TxNo tx);
  void local_ends(TxNo tx, std::uint32_t life);

  /// A participant tells an outcome that it owed.
  void report(TxNo tx, std::int32_t branch, Op op, Outcome outcome);
  /// An operator makes a transaction due now.
  void retry_now(TxNo tx);
  /// Somebody looks at a transaction.
  void query(TxNo tx);

  /// A worker has got the request, and its shard is loaded: whoever wants to wait does so from this input on.
  void handed(engine::Token token);
  /// Somebody has been waiting for the transaction's end since before that input.
  [[nodiscard]] bool is_awaited(std::uint8_t node, std::uint32_t life, TxNo tx, std::uint64_t input);

  /// A daemon answers. The reply travels from here on.
  void replied(engine::Token token, engine::AnswerKind kind, const engine::View* view);
  /// A daemon is gone: its connections are reset.
  void node_gone(std::uint8_t node, std::uint32_t life);

  /// Requests that a living daemon has not answered yet.
  [[nodiscard]] std::size_t waiting_at_nodes();
  /// Requests and local transactions that may still do something.
  [[nodiscard]] std::size_t busy();

 private:
  struct Talk {
    std::uint8_t node = 0;
    bool is_at_node = false;  ///< the daemon has it and has not answered
    bool is_over = false;     ///< the client no longer waits
    bool gave_up = false;     ///< the daemon knows that nobody waits; it need not answer
    bool knows_name = true;
    std::uint8_t tries = 0;
    std::uint8_t tries_most = 0;
    std::uint8_t events = 0;  ///< of the timeline that still name it
    std::uint32_t life = 0;
    std::uint32_t variant = 0;
    std::uint64_t waits_since = 0;  ///< number of the input that brought it to a worker; 0: it does not wait
    engine::Token token = 0;
    std::string name;  ///< gid or text of the tid
    Asked asked;
    // kReport, kEnlist
    std::int32_t branch = -1;
    Op op = Op::kAction;
    Outcome outcome = Outcome::kUnknown;
    // the answer
    engine::AnswerKind kind = engine::AnswerKind::kDocument;
    Decision decision = Decision::kNone;
    bool has_view = false;
    Tid tid;
  };
  struct Client {
    bool is_acked = false;  ///< knows that its begin is durable
    bool is_gone = false;
    bool has_tid = false;
    Tid tid;
    BranchSet called = 0;              ///< first phases that the client has called itself
    std::vector<std::uint32_t> waits;  ///< talks that want to wait; those that are over are still among them
  };

  void ask(Talk&& talk, Duration after);
  void again(std::uint32_t talk);
  void expect(std::uint32_t talk, Instant at, EventKind kind);
  void let_go(std::uint32_t talk);
  void begin(TxNo tx, std::uint32_t variant, engine::Wait wait, std::uint8_t tries);
  void verb(TxNo tx, engine::Verb verb, engine::Wait wait, std::uint8_t tries);
  void acked(TxNo tx, const Talk& talk);
  void schedule_extras(TxNo tx);
  void drive(TxNo tx);
  void enlist_next(TxNo tx, std::size_t from);
  void enlisted(TxNo tx, std::int32_t branch);
  void call(TxNo tx, std::size_t branch);
  void decide(TxNo tx);
  [[nodiscard]] engine::Wait draw_wait();
  [[nodiscard]] std::uint8_t choose_node(const std::string& name);
  [[nodiscard]] std::string name_for(TxNo tx);

  World& world_;
  Slab<Talk> talks_;
  std::vector<Client> clients_;
  std::uint64_t tokens_ = 0;
  std::size_t locals_open_ = 0;
};

}  // namespace settle::sim
