#include "storage/postgres/postgres_store.h"

#include "storage/postgres/postgres_testing.h"
#include "storage/store_contract.h"

namespace settle::contract {
namespace {

using postgres_testing::server;

class PostgresWorld final : public StoreWorld {
 public:
  PostgresWorld() {
    postgres_testing::forget_everything(server().port());
    reopen();
  }

  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = postgres_testing::open_store({.url = postgres_testing::url_of(server().port())});
  }
  void pass(Duration time) override {
    const std::string interval = " - interval '" + std::to_string(time.count()) + " microseconds';";
    postgres_testing::run_sql(server().port(), "UPDATE settle.shard SET held_until = held_until" + interval +
                                                   "UPDATE settle.node SET here_until = here_until" + interval);
  }

 private:
  std::unique_ptr<PostgresStore> store_;
};

const auto kPostgres = ::testing::Values(
    StoreCase{"postgres", [] { return std::unique_ptr<StoreWorld>(std::make_unique<PostgresWorld>()); }});

INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract, kPostgres, name_of_case);
INSTANTIATE_TEST_SUITE_P(Postgres, DurableStoreContract, kPostgres, name_of_case);
INSTANTIATE_TEST_SUITE_P(Postgres, SharedStoreContract, kPostgres, name_of_case);

}  // namespace
}  // namespace settle::contract
