#pragma once

#include <cstdint>
#include <vector>

#include "participant/participant.h"
#include "services.h"
#include "slab.h"
#include "workload.h"

namespace settle::sim {

class World;

/// Stands for a request whose answer nobody waits for.
inline constexpr std::uint32_t kNoFlight = UINT32_MAX;

/// The network between daemons and participants: carries attempts there and answers back, or fails to.
class Calls {
 public:
  explicit Calls(World& world) : world_(world) {}

  void send(std::uint8_t node, std::uint32_t life, TxNo tx, const Call& call);
  /// The service has finished with a request; the answer may still be lost.
  void answered(std::uint32_t flight, const ServiceAnswer& answer);
  /// The service died with the request in its hands: the connection is reset.
  void dropped(std::uint32_t flight);

  void arrives(std::uint32_t flight);
  void copy_arrives(std::uint32_t flight);
  void answer_arrives(std::uint32_t flight);
  void times_out(std::uint32_t flight);

  void partition(std::uint8_t node, std::uint8_t service, bool is_cut);
  void heal_all() { cut_.assign(cut_.size(), false); }

  /// Marks a fault of a daemon on every op it is waiting for.
  void mark_open(std::uint8_t node, std::uint32_t life, Fault fault);
  [[nodiscard]] std::size_t under_way() const { return flights_.used(); }

 private:
  struct Flight {
    std::uint8_t node = 0;
    std::uint8_t service = 0;
    Op op = Op::kAction;
    bool has_ended = false;    ///< the daemon has been told
    bool is_answered = false;  ///< an answer is on its way
    bool is_written = false;   ///< bytes have left the daemon for sure
    std::uint32_t life = 0;
    TxNo tx = kNoTx;
    std::int32_t branch = -1;
    std::uint32_t events = 0;  ///< that still name this flight
    std::uint64_t id = 0;
    Tid tid;
    CallEnded end;
  };

  void expect(std::uint32_t flight, Instant at, EventKind kind);
  void let_go(std::uint32_t flight);
  void end(std::uint32_t flight, CallEnded&& ended);
  void end_later(std::uint32_t flight, Duration after, Outcome outcome, AnswerCode code, bool reached);
  [[nodiscard]] bool is_cut(std::uint8_t node, std::uint8_t service) const;

  World& world_;
  Slab<Flight> flights_;
  std::vector<bool> cut_;
  std::uint64_t results_ = 0;
};

}  // namespace settle::sim
