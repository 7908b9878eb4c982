#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "participant/participant.h"
#include "protocol/barrier.h"
#include "slab.h"
#include "timeline.h"
#include "workload.h"

namespace settle::sim {

class World;

/// What a service says to one request, before the network makes something else of it.
struct ServiceAnswer {
  Outcome outcome = Outcome::kUnknown;
  CheckState check = CheckState::kUndecided;
  AnswerCode code = 500;
  Duration retry_after{0};
  bool read_only = false;
};

/// The participants: services with a database each, which keep themselves safe with the barrier's table.
///
/// A request opens a local transaction, which holds the branch's row until it commits; a crash rolls back what is open
/// and loses nothing else.
class Services {
 public:
  explicit Services(World& world);

  /// What a request meets at its service.
  enum class Door : std::uint8_t { kOpen, kDown, kHanging };
  [[nodiscard]] Door door(std::uint8_t service) const;
  [[nodiscard]] Instant hanging_until(std::uint8_t service) const { return services_[service].hangs_until; }

  /// A request for `op` has arrived. The answer comes at once, or later through World::calls().answered(flight).
  std::optional<ServiceAnswer> handle(TxNo tx, std::int32_t branch, Op op, std::uint32_t flight);

  void job_ends(std::uint32_t job, std::uint32_t serial);

  // The producer's own local transaction.
  /// Nothing: the row forbids it, or somebody else holds it. Otherwise the life of the service it runs in.
  std::optional<std::uint32_t> begin_local(TxNo tx);
  /// False: its service has crashed meanwhile, so it was rolled back.
  bool end_local(TxNo tx, std::uint32_t life, bool commits);

  // Faults.
  void crash(std::uint8_t service, Instant until);
  void heal(std::uint8_t service, std::uint32_t life);
  void hang(std::uint8_t service, Instant until);
  void refuse_undo(std::uint8_t service, Instant until) { services_[service].no_undo_until = until; }
  void heal_all();

 private:
  struct Service {
    std::uint32_t life = 1;
    bool is_down = false;
    Instant hangs_until = kNoInstant;
    Instant no_undo_until = kNoInstant;
  };
  struct Job {
    std::uint8_t service = 0;
    TxNo tx = kNoTx;
    std::int32_t branch = -1;
    Op op = Op::kAction;
    protocol::BarrierStep step{};
    bool refuses = false;
    bool is_background = false;  ///< the caller was told `running`
    std::uint32_t flight = 0;
    std::uint32_t serial = 0;
  };

  std::uint8_t service_of(TxNo tx, std::int32_t branch) const;
  [[nodiscard]] ServiceAnswer with_vote(TxNo tx, std::int32_t branch, Op op, ServiceAnswer answer) const;
  bool business_refuses(TxNo tx, std::int32_t branch, Op op);
  void commit(const Job& job);
  void report(const Job& job, Outcome outcome);

  World& world_;
  std::vector<Service> services_;
  Slab<Job> jobs_;
  std::vector<TxNo> locals_;  ///< open local transactions of producers
  std::uint32_t serials_ = 0;
};

}  // namespace settle::sim
