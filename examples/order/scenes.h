#pragma once

#include <string>
#include <vector>

#include "narrator.h"
#include "settle/result.h"
#include "stage.h"

namespace settle::example {

/// What a scene acts with.
struct Cast {
  Stage& stage;
  const Narrator& narrator;
  std::string prefix;  ///< of the gids, new for every show
};

struct Scene {
  std::string name;  ///< part of its gid
  std::string title;
  std::string story;
  bool sells_one = false;  ///< the books must show one teapot sold afterwards; otherwise nothing may have changed
  /// Errors: what went otherwise than the scene promises.
  Result<void> (*play)(Cast& cast, const std::string& gid);
};

/// In the order in which they are shown.
const std::vector<Scene>& scenes();

/// The saga of the example as the body of POST /v1/transactions.
std::string saga_body(const Stage& stage, const std::string& gid, std::int64_t quantity);

inline constexpr std::int64_t kCoinsPerTeapot = 30;
inline constexpr std::int64_t kPointsPerTeapot = 3;

}  // namespace settle::example
