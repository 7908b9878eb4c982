#pragma once

#include <string>
#include <string_view>

#include "engine/worker.h"

namespace settle::api::dtm {

/// "prepared", "submitted", "aborting", "succeed" or "failed". One that an operator has stopped has failed for DTM.
std::string_view status_of(const State& state);

/// Why the transaction was rolled back, in DTM's words; empty: it was not, or nobody said.
std::string rollback_reason_of(const Plan& plan, const State& state);

/// `text` as the message of a definitive refusal: it ends in FAILURE.
std::string with_failure(std::string text);

/// Appends the global transaction as one JSON object.
void append_transaction(std::string& out, std::string_view gid, const Plan& plan, const State& state);

/// Appends its branch operations as a JSON array, in the order in which DTM stores them.
void append_branches(std::string& out, std::string_view gid, const Plan& plan, const State& state);

}  // namespace settle::api::dtm
