#include "daemon/reader.h"

#include <utility>

namespace settle::daemon {

Reader::Reader(Store& store, std::size_t waiting_max) : store_(store), waiting_max_(waiting_max) {}

Reader::~Reader() { stop(); }

void Reader::start() {
  thread_ = std::thread([this] { run(); });
}

bool Reader::read(net::Loop& loop, Read read, Then then) {
  {
    const std::lock_guard hold(lock_);
    if (stopped_ || jobs_.size() >= waiting_max_) return false;
    jobs_.push_back({std::move(read), std::move(then), &loop});
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
  }
  wake_.notify_one();
  return true;
}

void Reader::run_soon(Read work) {
  {
    const std::lock_guard hold(lock_);
    if (stopped_) return;
    jobs_.push_front({std::move(work), {}, nullptr});
  }
  wake_.notify_one();
}

void Reader::stop() {
  {
    const std::lock_guard hold(lock_);
    stopped_ = true;
    jobs_.clear();
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Reader::run() {
  std::unique_lock held(lock_);
  for (;;) {
    wake_.wait(held, [this] { return stopped_ || !jobs_.empty(); });
    if (stopped_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
    held.unlock();
    job.read(store_);
    if (job.loop != nullptr) job.loop->post(std::move(job.then));
    held.lock();
  }
}

}  // namespace settle::daemon
