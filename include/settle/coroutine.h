#pragma once

#include <settle/client.h>
#include <settle/tcc_scope.h>

#include <condition_variable>
#include <coroutine>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// The coroutine form of the client.
///
///   settle::task<bool> buy(settle::CoClient client, settle::Saga order) {
///     const auto told = co_await client.run(order, 10s);
///     co_return told && told->committed();
///   }
///
/// g++ 12 frees twice what is passed to a coroutine as a temporary aggregate, and what stands beside a co_await in
/// `?:`. So nothing here is an aggregate; keep to it in coroutines of your own: parameters by value, of types with
/// constructors, or named objects that are moved.
namespace settle {

template <typename T>
class task;

namespace sdk_detail {

/// What the promises of all tasks share: who goes on when this one has ended.
class TaskPromise {
 public:
  std::suspend_always initial_suspend() noexcept { return {}; }

  struct Final {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
      return ended.promise().next_;
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { thrown_ = std::current_exception(); }

  void go_on_with(std::coroutine_handle<> next) { next_ = next; }

 protected:
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::coroutine_handle<> next_ = std::noop_coroutine();
  std::exception_ptr thrown_;
};

template <typename T>
class TaskValue : public TaskPromise {
 public:
  task<T> get_return_object() noexcept;
  template <typename From>
  void return_value(From&& value) {
    value_.emplace(std::forward<From>(value));
  }
  T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskValue<void> : public TaskPromise {
 public:
  task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() const { rethrow(); }
};

}  // namespace sdk_detail

/// A coroutine that begins when it is awaited (or given to sync_wait() or detach()), once. An exception of its body
/// reaches whoever awaits it. It must not be destroyed while it waits for something.
template <typename T = void>
class [[nodiscard]] task {
 public:
  using promise_type = sdk_detail::TaskValue<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit task(Handle handle) : handle_(handle) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> next) noexcept {
    handle_.promise().go_on_with(next);
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

template <typename T>
task<T> sdk_detail::TaskValue<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<TaskValue<T>>::from_promise(*this));
}
inline task<void> sdk_detail::TaskValue<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<TaskValue<void>>::from_promise(*this));
}

namespace sdk_detail {

/// Begins at once and frees itself at its end: the outermost frame.
struct Root {
  struct promise_type {
    Root get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

/// A place that one thread waits at until another one opens it.
class Latch {
 public:
  void open() {
    const std::lock_guard hold(lock_);
    open_ = true;
    opened_.notify_all();  // under the lock: the waiter frees this as soon as it can
  }
  void wait() {
    std::unique_lock hold(lock_);
    opened_.wait(hold, [this] { return open_; });
  }

 private:
  std::mutex lock_;
  std::condition_variable opened_;
  bool open_ = false;
};

template <typename T>
struct Outcome {
  std::optional<T> value;
  std::exception_ptr thrown;
  Latch done;
};
template <>
struct Outcome<void> {
  std::exception_ptr thrown;
  Latch done;
};

/// The frame of `work`, its parameters included, is gone when the waiter hears of its end.
template <typename T>
Root run_to_end(task<T> work, Outcome<T>* outcome) {
  try {
    task<T> own = std::move(work);
    if constexpr (std::is_void_v<T>) {
      co_await own;
    } else {
      T value = co_await own;
      outcome->value.emplace(std::move(value));
    }
  } catch (...) {
    outcome->thrown = std::current_exception();
  }
  outcome->done.open();
}

inline Root run_alone(task<void> work) { co_await work; }

}  // namespace sdk_detail

/// Runs `work` and blocks this thread until it has ended; its value, or its exception. Not on a client's own thread.
template <typename T>
T sync_wait(task<T> work) {
  sdk_detail::Outcome<T> outcome;
  sdk_detail::run_to_end(std::move(work), &outcome);
  outcome.done.wait();
  if (outcome.thrown) std::rethrow_exception(outcome.thrown);
  if constexpr (!std::is_void_v<T>) return std::move(*outcome.value);
}

/// Begins `work` and lets it go on by itself. An exception that leaves it ends the process.
inline void detach(task<void> work) { sdk_detail::run_alone(std::move(work)); }

/// One request that a coroutine waits for.
class [[nodiscard]] Asking {
 public:
  using Start = std::function<void(Client::Then)>;
  using Executor = std::function<void(std::function<void()>)>;

  Asking(Start start, Executor resume_on) : start_(std::move(start)), resume_on_(std::move(resume_on)) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    // Out of the frame: it may be gone on another thread before the call returns.
    const Start start = std::move(start_);
    start([this, waiting](Result<Transaction> told) {
      told_.emplace(std::move(told));
      if (!resume_on_) return waiting.resume();
      const Executor resume_on = std::move(resume_on_);
      resume_on([waiting] { waiting.resume(); });
    });
  }
  Result<Transaction> await_resume() { return std::move(*told_); }

 private:
  Start start_;
  Executor resume_on_;
  std::optional<Result<Transaction>> told_;
};

/// The requests of a Client as awaitables, with the same arguments and errors. A small value that refers to the client,
/// which outlives it. A coroutine goes on where `resume_on` runs it; without it, on the client's own thread, where it
/// must not block.
class CoClient {
 public:
  explicit CoClient(Client& client, Asking::Executor resume_on = {})
      : client_(&client), resume_on_(std::move(resume_on)) {}

  /// `plan` must live until the coroutine is suspended: a temporary in the co_await does.
  Asking begin(const TransactionPlan& plan, Wait wait = {}) const {
    return ask([plan = &plan, wait](Client& client, Client::Then then) { client.begin(*plan, wait, std::move(then)); });
  }
  Asking run(const TransactionPlan& plan, std::chrono::milliseconds at_most) const {
    return begin(plan, Wait::for_end(at_most));
  }
  Asking submit(std::string gid, Wait wait = {}) const {
    return ask(
        [gid = std::move(gid), wait](Client& client, Client::Then then) { client.submit(gid, wait, std::move(then)); });
  }
  Asking abort(std::string gid, std::string reason = {}, Wait wait = {}) const {
    return ask([gid = std::move(gid), reason = std::move(reason), wait](Client& client, Client::Then then) {
      client.abort(gid, reason, wait, std::move(then));
    });
  }
  Asking query(std::string gid) const {
    return ask([gid = std::move(gid)](Client& client, Client::Then then) { client.query(gid, std::move(then)); });
  }
  Asking wait(std::string gid, Wait until) const {
    return ask(
        [gid = std::move(gid), until](Client& client, Client::Then then) { client.wait(gid, until, std::move(then)); });
  }
  template <typename Branch>
  Asking enlist(std::string gid, Branch branch) const {
    return ask([gid = std::move(gid), branch = std::move(branch)](Client& client, Client::Then then) {
      client.enlist(gid, branch, std::move(then));
    });
  }
  Asking report(std::string gid, std::string branch, Report what) const {
    return ask([gid = std::move(gid), branch = std::move(branch), what = std::move(what)](
                   Client& client, Client::Then then) { client.report(gid, branch, what, std::move(then)); });
  }
  /// TccScope::complete(). `scope` outlives the request.
  Asking complete(TccScope& scope, Wait wait = {}) const {
    return ask([scope = &scope, wait](Client&, Client::Then then) { scope->complete(wait, std::move(then)); });
  }

 private:
  template <typename How>
  Asking ask(How how) const {
    return {[client = client_, how = std::move(how)](Client::Then then) { how(*client, std::move(then)); }, resume_on_};
  }

  Client* client_;
  Asking::Executor resume_on_;
};

}  // namespace settle
