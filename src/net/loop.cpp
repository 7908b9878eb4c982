#include "net/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <utility>

#include "base/assert.h"

namespace settle::net {
namespace {

struct ClockStart {
  std::chrono::system_clock::time_point wall = std::chrono::system_clock::now();
  std::chrono::steady_clock::time_point steady = std::chrono::steady_clock::now();
};

// Earlier due first; equal times in the order of their creation.
constexpr auto kLater = [](const auto& left, const auto& right) {
  return left.due != right.due ? left.due > right.due : left.id > right.id;
};

}  // namespace

Instant engine_now() {
  static const ClockStart start;
  const auto since = std::chrono::steady_clock::now() - start.steady;
  return Instant{std::chrono::duration_cast<Duration>(start.wall.time_since_epoch()) +
                 std::chrono::duration_cast<Duration>(since)};
}

Loop::Loop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_(engine_now()),
      ready_(std::make_unique<epoll_event[]>(kBatch)) {
  SETTLE_ASSERT(epoll_ >= 0 && wake_fd_ >= 0);
  // Edge-triggered: each write is an edge of its own, so the counter need not be read back.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  SETTLE_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_fd_, &event) == 0);
}

Loop::~Loop() {
  ::close(wake_fd_);
  ::close(epoll_);
}

void Loop::run() {
  now_ = engine_now();
  hurry_ = true;
  while (!stop_.load(std::memory_order_acquire)) turn();
  stop_.store(false, std::memory_order_release);
}

void Loop::stop() {
  stop_.store(true, std::memory_order_release);
  wake();
}

void Loop::wake() {
  const int saved = errno;  // stop() may interrupt anything
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
  errno = saved;
}

void Loop::post(Task task) {
  bool must_wake = false;
  {
    const std::lock_guard hold(post_lock_);
    posts_.push_back(std::move(task));
    must_wake = std::exchange(asleep_, false);
  }
  if (must_wake) wake();
}

void Loop::at_turn_end(Task hook) { turn_end_.push_back({++last_hook_, std::move(hook)}); }

Loop::HookId Loop::at_flush(Task hook) {
  flush_.push_back({++last_hook_, std::move(hook)});
  return last_hook_;
}

void Loop::remove_flush(HookId id) {
  std::erase_if(flush_, [id](const Hook& hook) { return hook.id == id; });
}

void Loop::turn() {
  wait();
  run_ready();
  run_again();
  run_posts();
  run_timers();
  for (std::size_t i = 0; i < turn_end_.size(); ++i) turn_end_[i].task();
  for (std::size_t i = 0; i < flush_.size(); ++i) flush_[i].task();
}

void Loop::wait() {
  int timeout = wait_ms();
  {
    const std::lock_guard hold(post_lock_);
    if (!posts_.empty()) timeout = 0;
    asleep_ = timeout != 0;
  }
  const int count = ::epoll_wait(epoll_, ready_.get(), static_cast<int>(kBatch), timeout);
  SETTLE_ASSERT(count >= 0 || errno == EINTR);
  hurry_ = false;
  now_ = engine_now();
  ready_count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
}

int Loop::wait_ms() const {
  if (hurry_ || !again_.empty()) return 0;
  if (heap_.empty()) return -1;
  const Instant due = heap_.front().due;  // a cancelled one costs an idle turn at worst
  if (due <= now_) return 0;
  if (due == kNever) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now_).count();
  return static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max()));
}

void Loop::run_ready() {
  for (ready_at_ = 0; ready_at_ < ready_count_;) {
    const epoll_event& event = ready_[ready_at_++];
    if (event.data.ptr != nullptr) static_cast<Watcher*>(event.data.ptr)->on_ready(event.events);
  }
  ready_at_ = ready_count_ = 0;
}

void Loop::run_again() {
  if (again_.empty()) return;
  again_running_.swap(again_);
  for (std::size_t i = 0; i < again_running_.size(); ++i) {
    if (again_running_[i] != nullptr) again_running_[i]->on_ready(0);
  }
  again_running_.clear();
}

void Loop::run_posts() {
  {
    const std::lock_guard hold(post_lock_);
    asleep_ = false;
    posts_running_.swap(posts_);
  }
  for (Task& task : posts_running_) task();
  posts_running_.clear();
}

void Loop::run_timers() {
  // Timers that are set meanwhile wait for the next turn, or one that re-arms itself at once would hold the loop.
  const TimerId last = last_timer_;
  std::vector<Due> postponed;
  while (!heap_.empty() && heap_.front().due <= now_) {
    std::pop_heap(heap_.begin(), heap_.end(), kLater);
    const Due top = heap_.back();
    heap_.pop_back();
    const auto found = timers_.find(top.id);
    if (found == timers_.end()) continue;
    if (top.id > last) {
      postponed.push_back(top);
      continue;
    }
    const Task task = std::move(found->second);
    timers_.erase(found);
    task();
  }
  for (const Due& due : postponed) {
    heap_.push_back(due);
    std::push_heap(heap_.begin(), heap_.end(), kLater);
  }
}

Loop::TimerId Loop::at(Instant due, Task task) {
  timers_.emplace(++last_timer_, std::move(task));
  heap_.push_back({due, last_timer_});
  std::push_heap(heap_.begin(), heap_.end(), kLater);
  return last_timer_;
}

void Loop::cancel(TimerId id) {
  timers_.erase(id);
  if (heap_.size() > 2 * timers_.size() + 64) drop_cancelled_timers();
}

void Loop::drop_cancelled_timers() {
  std::erase_if(heap_, [this](const Due& due) { return !timers_.contains(due.id); });
  std::make_heap(heap_.begin(), heap_.end(), kLater);
}

bool Loop::watch(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::rewatch(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  SETTLE_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::unwatch(int fd, Watcher& watcher) {
  epoll_event unused{};
  (void)::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &unused);
  forget(watcher);
}

void Loop::forget(Watcher& watcher) {
  for (std::size_t i = ready_at_; i < ready_count_; ++i) {
    if (ready_[i].data.ptr == &watcher) ready_[i].data.ptr = nullptr;
  }
  std::erase(again_, &watcher);
  std::replace(again_running_.begin(), again_running_.end(), &watcher, static_cast<Watcher*>(nullptr));
}

void Loop::again(Watcher& watcher) { again_.push_back(&watcher); }

}  // namespace settle::net
