#include "scenes.h"

#include <nlohmann/json.hpp>
#include <thread>

#include "role.h"

namespace settle::example {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{30};

Error otherwise(const std::string& what) { return {ErrorCode::kConflict, what}; }

OrderLine teapots(std::int64_t quantity) {
  return {"ann", "teapot", quantity, quantity * kCoinsPerTeapot, quantity * kPointsPerTeapot};
}

std::string transaction_url(const Cast& cast, const std::string& gid) {
  return cast.stage.url("settled") + "/v1/transactions/" + gid;
}

Result<void> begin_saga(Cast& cast, const std::string& gid, std::int64_t quantity) {
  const Result<Reply> reply =
      cast.stage.client().post(cast.stage.url("settled") + "/v1/transactions", saga_body(cast.stage, gid, quantity));
  if (!reply) return otherwise("settled did not answer to the begin: " + reply.error().message);
  if (reply->status != 201) {
    return otherwise("settled answered the begin with " + std::to_string(reply->status) + ": " + reply->body);
  }
  cast.narrator.step("saga " + gid + " begun: order, then stock, then points");
  return {};
}

/// Waits until the transaction has ended and holds its outcome against `expected`.
Result<void> await_outcome(Cast& cast, const std::string& gid, const std::string& expected) {
  const auto deadline = Clock::now() + kPatience;
  std::string outcome = "unknown";
  while (Clock::now() < deadline) {
    const Result<Reply> reply = cast.stage.client().get(transaction_url(cast, gid) + "?wait_ms=1000");
    if (!reply || reply->status != 200) return otherwise("settled does not show " + gid);
    const json document = json::parse(reply->body, nullptr, false);
    outcome = document.is_object() ? document.value("outcome", "") : "";
    if (outcome == expected) return {};
    if (outcome != "running") break;
  }
  return otherwise("the outcome is '" + outcome + "' instead of '" + expected + "'");
}

Result<void> inject(Cast& cast, const std::string& service, const std::string& fault) {
  const Result<Reply> reply = cast.stage.client().post(cast.stage.url(service) + "/faults", fault);
  if (!reply || reply->status != 200) return otherwise(service + " does not take the fault " + fault);
  return {};
}

/// Waits until a request hangs in the service.
Result<void> await_hanging(Cast& cast, const std::string& service) {
  const auto deadline = Clock::now() + kPatience;
  while (Clock::now() < deadline) {
    const Result<Reply> reply = cast.stage.client().get(cast.stage.url(service) + "/faults");
    if (!reply) return otherwise(service + " does not answer");
    const json state = json::parse(reply->body, nullptr, false);
    if (state.is_object() && state.value("hanging", 0) > 0) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return otherwise("no request reached " + service);
}

Result<void> show(Cast& cast, const std::string& gid) {
  const Result<std::string> printed = cast.stage.settlectl({"show", gid});
  if (!printed) return printed.error();
  cast.narrator.command("settlectl show " + gid, *printed);
  return {};
}

std::string pid_text(const Cast& cast, std::string_view name) {
  return std::string(name) + " (pid " + std::to_string(cast.stage.pid(name)) + ")";
}

/// Runs the steps until one fails.
#define SETTLE_EXAMPLE_TRY(step)                           \
  do {                                                     \
    if (Result<void> taken = (step); !taken) return taken; \
  } while (false)

// ------------------------------------------------------------------------------------------------------- the sagas

Result<void> all_is_well(Cast& cast, const std::string& gid) {
  SETTLE_EXAMPLE_TRY(begin_saga(cast, gid, 1));
  cast.narrator.settle("calls each service in turn and remembers what it answered");
  SETTLE_EXAMPLE_TRY(await_outcome(cast, gid, "committed"));
  return show(cast, gid);
}

Result<void> stock_refuses(Cast& cast, const std::string& gid) {
  cast.narrator.fault("none needed: the shelf holds fewer than 25 teapots, and stock says no (409)");
  SETTLE_EXAMPLE_TRY(begin_saga(cast, gid, 25));
  cast.narrator.settle("turns back: what was done is compensated, the order is cancelled, the coins return");
  SETTLE_EXAMPLE_TRY(await_outcome(cast, gid, "aborted"));
  return show(cast, gid);
}

Result<void> answer_lost(Cast& cast, const std::string& gid) {
  cast.narrator.fault("points grants and commits, then the connection is cut: its answer is lost");
  SETTLE_EXAMPLE_TRY(inject(cast, "points", "lose-answer"));
  SETTLE_EXAMPLE_TRY(begin_saga(cast, gid, 1));
  cast.narrator.settle("takes no answer for no failure: unknown, so it asks again; the barrier in points' database");
  cast.narrator.step("knows the branch and answers `done` without granting twice");
  SETTLE_EXAMPLE_TRY(await_outcome(cast, gid, "committed"));
  return show(cast, gid);
}

Result<void> points_killed(Cast& cast, const std::string& gid) {
  SETTLE_EXAMPLE_TRY(inject(cast, "points", "hang"));
  SETTLE_EXAMPLE_TRY(begin_saga(cast, gid, 1));
  SETTLE_EXAMPLE_TRY(await_hanging(cast, "points"));
  cast.narrator.fault("kill -9 " + pid_text(cast, "points") + " while it holds settle's request");
  cast.stage.kill("points");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // for the spectators: some attempts meet a closed door
  cast.narrator.settle("waits and asks again; an attempt that reaches nobody uses up nothing");
  SETTLE_EXAMPLE_TRY(show(cast, gid));
  cast.narrator.plain("");
  SETTLE_EXAMPLE_TRY(cast.stage.start("points"));
  cast.narrator.step(pid_text(cast, "points") + " is back");
  SETTLE_EXAMPLE_TRY(await_outcome(cast, gid, "committed"));
  cast.narrator.settle("goes on where it was");
  return show(cast, gid);
}

Result<void> daemon_killed(Cast& cast, const std::string& gid) {
  SETTLE_EXAMPLE_TRY(inject(cast, "points", "hang-after-commit"));
  SETTLE_EXAMPLE_TRY(begin_saga(cast, gid, 1));
  SETTLE_EXAMPLE_TRY(await_hanging(cast, "points"));
  cast.narrator.fault("kill -9 " + pid_text(cast, "settled") + " when points has granted but not answered yet");
  cast.stage.kill("settled");
  SETTLE_EXAMPLE_TRY(cast.stage.start("settled"));
  cast.narrator.settle("reads its store, finds the saga open, and does not know about points: so it asks again");
  SETTLE_EXAMPLE_TRY(await_outcome(cast, gid, "committed"));
  cast.narrator.step("points knows the branch: granted once");
  return show(cast, gid);
}

// ---------------------------------------------------------------------------------------------------- the messages

/// Sends an order to the order service, which places it by message.
Result<Reply> place_order(Cast& cast, const std::string& gid) {
  json body = json::parse(to_json(teapots(1)));
  body["gid"] = gid;
  return cast.stage.client().post(cast.stage.url("order") + "/orders", body.dump());
}

/// Lets the producer die at `fault`, and starts it again.
Result<void> let_producer_die(Cast& cast, const std::string& gid, const std::string& fault) {
  SETTLE_EXAMPLE_TRY(inject(cast, "order", fault));
  if (const Result<Reply> reply = place_order(cast, gid); reply) {
    return otherwise("order was to die and answered " + std::to_string(reply->status) + ": " + reply->body);
  }
  SETTLE_EXAMPLE_TRY(cast.stage.await_death("order"));
  cast.narrator.step("Ann's client hears nothing: placed or not? It cannot know.");
  SETTLE_EXAMPLE_TRY(cast.stage.start("order"));
  cast.narrator.step(pid_text(cast, "order") + " is back, and remembers nothing but its database");
  return {};
}

Result<void> producer_dies_after_commit(Cast& cast, const std::string& gid) {
  cast.narrator.fault("order prepares its message, commits the order, and dies before it says `submit`");
  SETTLE_EXAMPLE_TRY(let_producer_die(cast, gid, "die-after-commit"));
  cast.narrator.settle("asks order's check-back; the barrier row is there: committed, so stock and points hear of it");
  SETTLE_EXAMPLE_TRY(await_outcome(cast, gid, "committed"));
  return show(cast, gid);
}

Result<void> producer_dies_before_commit(Cast& cast, const std::string& gid) {
  cast.narrator.fault("order prepares its message, and dies before its local transaction commits");
  SETTLE_EXAMPLE_TRY(let_producer_die(cast, gid, "die-before-commit"));
  cast.narrator.settle("asks order's check-back; there is no row, so it leaves a tombstone and answers: aborted");
  SETTLE_EXAMPLE_TRY(await_outcome(cast, gid, "aborted"));
  const Result<Reply> late = place_order(cast, gid);
  if (!late || late->status != kRefused) {
    return otherwise("the late local commit was not refused: " +
                     (late ? std::to_string(late->status) + " " + late->body : late.error().message));
  }
  cast.narrator.step("Ann's client tries the same order again: the late local commit meets the tombstone, 409");
  return show(cast, gid);
}

#undef SETTLE_EXAMPLE_TRY

}  // namespace

std::string saga_body(const Stage& stage, const std::string& gid, std::int64_t quantity) {
  const json input = json::parse(to_json(teapots(quantity)));
  json steps = json::array();
  for (const Role* role : {&kOrder, &kStock, &kPoints}) {
    const std::string url = stage.url(role->name);
    steps.push_back({{"id", role->name},
                     {"action", url + std::string(role->act_path)},
                     {"compensate", url + std::string(role->undo_path)},
                     {"input", input}});
  }
  return json{{"pattern", "saga"},
              {"gid", gid},
              {"steps", steps},
              {"attempt_timeout_ms", 2000},
              {"retry", {{"base_ms", 100}, {"cap_ms", 500}}}}
      .dump(2);
}

const std::vector<Scene>& scenes() {
  static const std::vector<Scene> all = {
      {"all-is-well", "All is well", "Ann orders a teapot: 30 coins, and 3 points as thanks.", true, all_is_well},
      {"stock-refuses", "Stock refuses",
       "Ann orders 25 teapots. She has paid for them when stock finds the shelf too empty.", false, stock_refuses},
      {"answer-lost", "The answer is lost after success",
       "The classic false failure: the call succeeded, and only its answer got lost.\n"
       "Whoever rolls back now, or grants again, is wrong.",
       true, answer_lost},
      {"points-killed", "A service is killed in the middle", "Order and stock are done when points goes down.", true,
       points_killed},
      {"daemon-killed", "The coordinator itself is killed in the middle", "Nobody else knows what was under way.", true,
       daemon_killed},
      {"producer-dies-late", "The producer dies between its local commit and `submit`",
       "A message this time: order commits locally, stock and points must hear of it, now or later.", true,
       producer_dies_after_commit},
      {"producer-dies-early", "The producer dies before its local commit",
       "The same moment from outside, the other truth: nothing was ordered, nothing may be delivered.", false,
       producer_dies_before_commit},
  };
  return all;
}

}  // namespace settle::example
