#include "daemon/open_store.h"

#include <string>

#include "net/loop.h"
#include "storage/embedded/embedded_store.h"
#include "storage/memory/memory_store.h"
#include "storage/postgres/postgres_store.h"

namespace settle::daemon {
namespace {

constexpr std::string_view kSpace = "settled";
constexpr std::string_view kShards = "shards";

// A gid's shard follows from the number of shards, so records would be looked for in the wrong place.
Result<void> check_shards(Store& store, std::uint16_t shards) {
  const auto stored = store.get_value(kSpace, kShards);
  if (!stored) return stored.error();
  const std::string wanted = std::to_string(shards);
  const std::optional<std::string>& made_with = *stored;
  if (!made_with) return store.put_value(kSpace, kShards, wanted);
  if (*made_with == wanted) return {};
  return Error{ErrorCode::kInvalid, "it was made with " + *made_with + " shards, and shards is " + wanted +
                                        "; set shards to " + *made_with +
                                        ", the number is fixed for the life of a store"};
}

Result<std::unique_ptr<Store>> open_kind(const Config& config) {
  if (config.store.kind == StoreKind::kMemory) {
    return std::unique_ptr<Store>(std::make_unique<MemoryStore>([] { return net::engine_now(); }));
  }
  if (config.store.kind == StoreKind::kPostgres) {
    PostgresOptions options;
    options.url = config.store.url;
    options.cluster = config.cluster;
    options.node = node_name(config);
    auto store = PostgresStore::open(options);
    if (!store) return store.error();
    return std::unique_ptr<Store>(std::move(*store));
  }
  EmbeddedOptions options;
  options.directory = config.store.directory;
  options.cluster = config.cluster;
  auto store = EmbeddedStore::open(options);
  if (!store) return store.error();
  return std::unique_ptr<Store>(std::move(*store));
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const Config& config) {
  auto store = open_kind(config);
  if (!store) return store;
  if (const auto same = check_shards(**store, config.shards); !same) return same.error();
  return store;
}

std::string_view promise_text(StorePromise promise) {
  switch (promise) {
    case StorePromise::kNothing:
      return "nothing survives this process";
    case StorePromise::kProcessKill:
      return "acknowledged transactions survive the end of this process, not of the machine";
    case StorePromise::kHostLoss:
      return "acknowledged transactions survive power loss";
    case StorePromise::kMayLoseSuffix:
      return "a fail-over may lose the newest transactions";
  }
  return "unknown";
}

}  // namespace settle::daemon
