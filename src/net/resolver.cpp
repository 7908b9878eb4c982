#include "net/resolver.h"

#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace settle::net {
namespace {

constexpr std::size_t kThreadsMax = 4;

struct Job {
  std::string host;
  std::uint16_t port = 0;
  Resolver::Done done;
};

}  // namespace

/// Shared by the resolver and its threads; whoever goes last frees it.
struct Resolver::State {
  Loop& loop;  // alive as long as `closed` is false
  const Lookup lookup;
  std::mutex lock;
  std::condition_variable changed;
  std::deque<Job> jobs;
  std::size_t threads = 0;
  std::size_t waiting = 0;  // threads without a job
  bool closed = false;

  State(Loop& the_loop, Lookup the_lookup) : loop(the_loop), lookup(std::move(the_lookup)) {}

  static void work(const std::shared_ptr<State>& state) {
    std::unique_lock hold(state->lock);
    while (true) {
      ++state->waiting;
      state->changed.wait(hold, [&] { return state->closed || !state->jobs.empty(); });
      --state->waiting;
      if (state->closed) return;
      Job job = std::move(state->jobs.front());
      state->jobs.pop_front();
      hold.unlock();
      std::vector<SocketAddress> addresses = state->lookup(job.host, job.port);
      hold.lock();
      if (state->closed) return;
      state->report(state, std::move(job.done), std::move(addresses));
    }
  }

  // Under the lock: the loop cannot die meanwhile.
  static void report(const std::shared_ptr<State>& state, Done done, std::vector<SocketAddress> addresses) {
    state->loop.post([weak = std::weak_ptr(state), done = std::move(done), addresses = std::move(addresses)]() mutable {
      // `closed` is only written on this thread, and a resolver that is gone must not be called back.
      const std::shared_ptr<State> alive = weak.lock();
      if (alive != nullptr && !alive->closed) done(std::move(addresses));
    });
  }
};

Resolver::Resolver(Loop& loop, Lookup lookup) : state_(std::make_shared<State>(loop, std::move(lookup))) {}

Resolver::~Resolver() {
  {
    const std::lock_guard hold(state_->lock);
    state_->closed = true;
    state_->jobs.clear();
  }
  state_->changed.notify_all();
}

void Resolver::resolve(std::string host, std::uint16_t port, Done done) {
  const std::lock_guard hold(state_->lock);
  if (state_->jobs.size() >= state_->waiting && state_->threads < kThreadsMax) {
    try {
      std::thread(&State::work, state_).detach();
      ++state_->threads;
    } catch (const std::system_error&) {
      if (state_->threads == 0) return State::report(state_, std::move(done), {});
    }
  }
  state_->jobs.push_back({std::move(host), port, std::move(done)});
  state_->changed.notify_one();
}

std::vector<SocketAddress> system_lookup(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    SocketAddress address;
    if (each->ai_addrlen > sizeof address.storage) continue;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace settle::net
