#include "storage/embedded/embedded_store.h"

#include "storage/embedded/test_directory.h"
#include "storage/store_contract.h"

namespace settle::contract {
namespace {

class EmbeddedWorld final : public StoreWorld {
 public:
  EmbeddedWorld() { open(); }

  Store& store() override { return *store_; }
  void pass(Duration) override {}
  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = EmbeddedStore::open({.directory = directory_.path()});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
  }

  TestDirectory directory_{TestDirectory::Kind::kMemory};
  std::unique_ptr<EmbeddedStore> store_;
};

const auto kEmbedded = ::testing::Values(
    StoreCase{"embedded", [] { return std::unique_ptr<StoreWorld>(std::make_unique<EmbeddedWorld>()); }});

INSTANTIATE_TEST_SUITE_P(Embedded, StoreContract, kEmbedded, name_of_case);
INSTANTIATE_TEST_SUITE_P(Embedded, DurableStoreContract, kEmbedded, name_of_case);

}  // namespace
}  // namespace settle::contract
