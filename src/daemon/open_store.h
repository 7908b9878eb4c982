#pragma once

#include <memory>
#include <string_view>

#include "daemon/config.h"
#include "storage/store.h"

namespace settle::daemon {

/// Opens what `store` names. Errors: those of the store, for people.
Result<std::unique_ptr<Store>> open_store(const Config& config);

/// What an acknowledged save of such a store survives, for the log.
std::string_view promise_text(StorePromise promise);

}  // namespace settle::daemon
