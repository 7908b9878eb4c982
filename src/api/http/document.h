#pragma once

#include <string>

#include "engine/worker.h"
#include "wire/json_writer.h"

namespace settle::api {

/// The transaction document of the API. Decision and outcome are the durable ones; branches may be ahead of the disk,
/// then `provisional` is true.
void append_document(std::string& out, const engine::View& view, bool with_timeline);

/// The part of it that a list shows: without branches and timeline.
void append_summary(std::string& out, const engine::View& view);

/// Why a transaction turned back; empty if it did not.
std::string reason_words(const Plan& plan, const State& state);

/// A participant's answer as a value: the bytes themselves if they are JSON, otherwise a string of them.
void append_result(wire::JsonWriter& json, std::string_view bytes);

}  // namespace settle::api
