#pragma once

#include <settle/client.h>

#include <string>
#include <vector>

#include "account.h"
#include "order/narrator.h"
#include "settle/result.h"
#include "town.h"

namespace settle::example {

/// What a scene of the bank acts with.
struct BankCast {
  Town& town;
  const Narrator& narrator;
  std::string prefix;  ///< of the gids, new for every show
};

struct BankScene {
  std::string title;
  std::string story;
  /// Gives what the books must show afterwards. Errors: what went otherwise than the scene promises.
  Result<Books> (*play)(BankCast& cast, const Books& before);
};

Result<Books> bob_pays_smith(BankCast& cast, const Books& before);        ///< scene_tcc.cpp
Result<Books> all_promise_first(BankCast& cast, const Books& before);     ///< scene_two_phase.cpp
Result<Books> points_are_down(BankCast& cast, const Books& before);       ///< scene_saga.cpp
Result<Books> a_person_resolves(BankCast& cast, const Books& before);     ///< scene_incident.cpp
Result<Books> the_other_takes_over(BankCast& cast, const Books& before);  ///< scene_takeover.cpp

/// In the order in which they are shown.
const std::vector<BankScene>& bank_scenes();

// ---- What scenes have in common.

inline constexpr std::chrono::seconds kScenePatience{30};

Error otherwise(const std::string& what);
/// `settlectl show GID`, as if typed.
Result<void> show(BankCast& cast, const std::string& gid, const std::string& daemon = "settled");
/// Prints what the books say now, and holds it against what they must say.
Result<void> expect_books(BankCast& cast, const Books& must, const std::string& when);
/// Holds an outcome against what was promised.
Result<void> expect_committed(const Result<Transaction>& told);
Result<void> expect_aborted(const Result<Transaction>& told);
/// Sends one op by hand, as the network may repeat it.
Result<Reply> send_op(example::Client& http, const std::string& url, const std::string& body,
                      const HeaderList& headers);

/// Gives the error of a Result<void> to the caller.
#define SETTLE_EXAMPLE_TRY(step)                                   \
  do {                                                             \
    if (Result<void> taken = (step); !taken) return taken.error(); \
  } while (false)

}  // namespace settle::example
