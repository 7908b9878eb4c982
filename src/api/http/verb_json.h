#pragma once

#include <string>
#include <string_view>

#include "api/http/body_reader.h"
#include "engine/worker.h"

namespace settle::api {

/// Bodies of the verbs that name a transaction in their path. An empty body stands for `{}`. False: see
/// `body.refusal()`. What is read is copied into `out`.

/// `{"wait_ms"?, "wait_for"?}`
bool read_submit(BodyReader& body, std::string_view text, engine::Request& out);

/// `{"reason"?, "wait_ms"?, "wait_for"?}`
bool read_abort(BodyReader& body, std::string_view text, engine::Request& out);

/// `{"op", "outcome", "vote"?, "result"?, "reason"?}`: `result` goes with done, `reason` with refused, and the vote
/// "read-only" with the done of a prepare.
bool read_report(BodyReader& body, std::string_view text, engine::Request& out);

/// `{"reason"}`: operators say why.
bool read_retry(BodyReader& body, std::string_view text, engine::Request& out);
bool read_stop(BodyReader& body, std::string_view text, engine::Request& out);

/// Likewise for a verb that is not the engine's.
bool read_reason(BodyReader& body, std::string_view text, std::string_view verb, std::string& out);

/// `{"as", "reason"}`.
bool read_resolve(BodyReader& body, std::string_view text, engine::Request& out);

}  // namespace settle::api
