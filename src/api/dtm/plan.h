#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/dtm/request.h"
#include "model/plan.h"

namespace settle::api::dtm {

/// What a daemon decides where a client says nothing: the keys `dtm.*`.
struct Settings {
  Duration request_timeout = std::chrono::seconds{3};
  Duration retry_interval = std::chrono::seconds{10};
  Duration timeout_to_fail = std::chrono::seconds{35};
  bool has_jitter = true;  ///< of the time of the next pass
};

/// Names of the plan's labels that hold what a client reads back.
inline constexpr std::string_view kOptionsLabel = "dtm.options";
inline constexpr std::string_view kCustomDataLabel = "dtm.custom_data";
inline constexpr std::string_view kProtocolLabel = "dtm.protocol";
std::string_view label_of(const Plan& plan, std::string_view name);

/// The subscribers of a topic; nothing: there is no such topic, or nobody.
using Topics = std::function<std::vector<std::string>(const std::string& topic)>;

/// A step goes to a topic.
bool names_topic(const TransRequest& request);

/// The plan of a transaction that is prepared or submitted. `announced`: it is prepared.
///
/// Errors: kInvalid, in words for the client.
Result<OwnedPlan> make_plan(const TransRequest& request, bool announced, const Settings& settings,
                            const Topics& topics);

/// A plan with the one branch to enlist. Errors: kInvalid (no such type, no branch id).
Result<OwnedPlan> make_branch(const BranchRequest& request);

/// The delay in the custom data of a message; nothing: it says none.
std::optional<Duration> delay_of(std::string_view custom_data);

}  // namespace settle::api::dtm
