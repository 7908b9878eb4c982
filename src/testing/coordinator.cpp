#include <future>
#include <thread>

#include "base/assert.h"
#include "net/loop.h"
#include "settle/testing.h"
#include "storage/memory/memory_store.h"
#include "testing/life.h"

namespace settle {

class TestCoordinator::Impl {
 public:
  Impl() : store_([this] { return saturating_add(loop_.now(), skew_); }) {
    loop_.at_turn_end([this] {
      if (life_ != nullptr) life_->end_turn();
    });
  }
  ~Impl() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> start() {
    thread_ = std::thread([this] { loop_.run(); });
    Result<void> born;
    run([&] { born = be_born(); });
    return born;
  }

  void advance(Duration by) {
    run([&] {
      skew_ += by;
      life_->tick();
    });
  }

  void restart() {
    run([this] {
      life_.reset();
      const Result<void> born = be_born();
      SETTLE_ASSERT(born.ok());
    });
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  /// On the loop's thread, and waits for it.
  void run(const std::function<void()>& work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  Result<void> be_born() {
    life_ = std::make_shared<testing::Life>(loop_, store_, skew_);
    const Result<std::uint16_t> port = life_->listen(port_);
    if (!port) return port.error();
    port_ = *port;
    life_->begin();
    return {};
  }

  net::Loop loop_;
  Duration skew_{0};
  MemoryStore store_;
  std::shared_ptr<testing::Life> life_;
  std::uint16_t port_ = 0;  // the first life chooses it
  std::thread thread_;
};

TestCoordinator::TestCoordinator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TestCoordinator::~TestCoordinator() = default;
TestCoordinator::TestCoordinator(TestCoordinator&&) noexcept = default;
TestCoordinator& TestCoordinator::operator=(TestCoordinator&&) noexcept = default;

Result<TestCoordinator> TestCoordinator::start() {
  auto impl = std::make_unique<Impl>();
  if (const Result<void> started = impl->start(); !started) return started.error();
  return TestCoordinator(std::move(impl));
}

std::string TestCoordinator::address() const { return "127.0.0.1:" + std::to_string(impl_->port()); }

ClientOptions TestCoordinator::client_options() const {
  ClientOptions options;
  options.addresses = {address()};
  return options;
}

void TestCoordinator::advance(std::chrono::milliseconds by) { impl_->advance(by); }
void TestCoordinator::restart() { impl_->restart(); }

}  // namespace settle
