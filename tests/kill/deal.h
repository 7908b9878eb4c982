#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "live/place.h"

namespace settle::kill {

using Json = nlohmann::json;

/// A small generator (splitmix64), so that a seed means the same with every standard library.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// 0 … below-1
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool percent(unsigned chance) { return below(100) < chance; }

 private:
  std::uint64_t state_;
};

enum class Shape : std::uint8_t {
  kList,        ///< saga, one step after the other
  kConcurrent,  ///< saga, all steps at once
  kGraph,       ///< saga: one root, two in the middle, one at the end
  kDirect,      ///< message without a local transaction
  kTwoStep,     ///< message with the producer's local transaction
};
std::string_view name_of(Shape shape);

/// One participant's share of a deal: its account changes by `amount`, once, or not at all.
struct Share {
  std::string branch;
  std::size_t place = 0;  ///< index of the participant
  std::int64_t amount = 0;
  bool refuses = false;            ///< says no, always
  bool loses = false;              ///< closes the connection after the effect instead of answering
  unsigned slow_ms = 0;            ///< works so long before it answers
  std::vector<std::size_t> after;  ///< kGraph: indices of the shares before it
};

/// What the producer of a two-step message does, and where it dies (SIGKILL of itself).
struct Production {
  std::size_t place = 0;
  bool commits = true;   ///< its local transaction; otherwise it is rolled back
  bool silent = false;   ///< neither submits nor aborts: the check-back must find out
  unsigned hold_ms = 0;  ///< how long the local transaction stays open
  std::string dies;      ///< empty, or one of kDeathPoints
};
/// After prepare was acknowledged; with the local transaction open; after its commit; after submit.
inline constexpr const char* kDeathPoints[] = {"prepared", "open", "committed", "submitted"};

/// A global transaction as its client plans it, with everything that may be expected of it.
struct Deal {
  std::string gid;
  Shape shape = Shape::kList;
  std::vector<Share> shares;
  Production production;            ///< kTwoStep
  bool repeats_undo_input = false;  ///< the plan has a compensate_input of its own
  bool aborts = false;              ///< the client asks for an abort in the middle

  [[nodiscard]] bool is_saga() const { return shape <= Shape::kGraph; }
  [[nodiscard]] bool refused_somewhere() const;
  /// Indices of the shares that must have happened before share `index`.
  [[nodiscard]] std::vector<std::size_t> before(std::size_t index) const;
};

Json to_json(const Deal& deal);
Deal deal_of(const Json& json);

/// A random deal among `places` participants.
Deal make_deal(Dice& dice, std::string gid, std::size_t places);

/// The body of POST /v1/transactions, without wait_ms. `ports`: of the participants.
Json plan_of(const Deal& deal, const std::vector<std::uint16_t>& ports);

}  // namespace settle::kill
