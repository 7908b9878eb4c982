#pragma once

#include "api/http/ports.h"
#include "engine/worker.h"

namespace settle::api {

/// The answer to a request, from what the worker replied. Pure: may run on any thread. `view` may be null where
/// `AnswerKind` says nothing about it.
Rendered render(engine::Token token, engine::AnswerKind kind, const engine::View* view);

}  // namespace settle::api
