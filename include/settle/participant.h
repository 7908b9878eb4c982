#pragma once

#include <settle/barrier.h>
#include <settle/effect.h>
#include <settle/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The side of those who take part: a function from an HTTP request to a response, on plain structs, so that it can be
/// mounted into any server; ParticipantServer for those who have none.
namespace settle {

class Client;

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// What your HTTP server received.
struct ParticipantRequest {
  std::string method;
  std::string path;    ///< with or without a query
  HeaderList headers;  ///< names in any case
  std::string body;

  /// The first one of that name, in any case; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// What it should send.
struct ParticipantResponse {
  int status = 500;
  std::string content_type = "application/json";
  std::string body;
  HeaderList headers;  ///< besides content-type
};

/// Which op of which branch is asked for.
struct BranchCall {
  std::string gid;
  std::string branch;  ///< "00" for a check-back
  std::string op;      ///< action, compensate, deliver, check, try, confirm, cancel, prepare, commit, rollback
  std::string tid;     ///< the barrier wants it
  std::string pattern;
  std::int64_t attempt = 1;
  std::string trace_parent;
  std::string body;     ///< the branch's input, as the client wrote it
  HeaderList headers;   ///< all of them
  bool enlist = false;  ///< the caller leaves it to us to enlist this branch; see TccScope

  [[nodiscard]] barrier::Call for_barrier() const { return {gid, branch, op, tid, barrier::digest_of(body)}; }

  /// Within a try of a TccScope: the headers with which the next service is called, as branch "OURS.name". The same
  /// name for every repeat of the same call, another one for every other call. kInvalid: the id gets too long, or the
  /// call is no try.
  [[nodiscard]] Result<HeaderList> headers_for(std::string_view name) const;
};

/// The call that a request makes. kInvalid: it is none of the daemon's; what is missing stands in the message.
Result<BranchCall> parse_call(const ParticipantRequest& request);

/// What a participant says. Only done and refused say something about what happened.
class BranchAnswer {
 public:
  /// It is done, durably. `result` is kept by the daemon: at most 64 KiB, JSON if a later step binds parts of it.
  static BranchAnswer done(std::string result = {}) { return {200, std::move(result)}; }
  /// It did not and will not happen. Only action, deliver, try and prepare can be refused.
  static BranchAnswer refused(std::string reason) { return {409, std::move(reason)}; }
  /// Still at it: ask again, not before `retry_after`, or hear a report.
  static BranchAnswer running(std::chrono::seconds retry_after = {});
  /// May or may not have happened: ask again.
  static BranchAnswer unknown(std::string reason) { return {500, std::move(reason)}; }
  /// To prepare: done, and there is nothing to commit. A rollback may still come.
  static BranchAnswer read_only() { return {200, R"({"vote":"read-only"})"}; }
  /// To a check-back.
  static BranchAnswer committed() { return {200, R"({"state":"committed"})"}; }
  static BranchAnswer aborted() { return {200, R"({"state":"aborted"})"}; }
  static BranchAnswer undecided() { return {200, R"({"state":"running"})"}; }
  /// What the barrier makes of a call.
  static BranchAnswer of(const barrier::Reply& reply);

  [[nodiscard]] bool is_refusal() const { return status_ == 409; }
  [[nodiscard]] ParticipantResponse response() const;

 private:
  BranchAnswer(int status, std::string body) : status_(status), body_(std::move(body)) {}
  int status_;
  std::string body_;
  std::chrono::seconds retry_after_{0};
};

/// Runs `business` behind the barrier of your database, on your connection. For a check-back no business is needed.
template <typename Handle>
BranchAnswer through_barrier(Handle* handle, const BranchCall& call, const barrier::Business& business,
                             const barrier::Options& options = {}) {
  return BranchAnswer::of(barrier::run(handle, call.for_barrier(), business, options));
}
/// The same for an effect outside of the database.
template <typename Handle>
BranchAnswer effect_through_barrier(Handle* handle, const BranchCall& call, const barrier::Effect& effect,
                                    const barrier::Options& options = {}) {
  return BranchAnswer::of(barrier::run_effect(handle, call.for_barrier(), effect, options));
}
/// A check-back: has the local transaction of send() committed? If not, it never will.
template <typename Handle>
BranchAnswer check_back(Handle* handle, const BranchCall& call) {
  if (call.op != "check") return BranchAnswer::unknown("only check-backs come here");
  return through_barrier(handle, call, [](barrier::Work) { return barrier::Made::done(); });
}

/// Called at the same time on as many threads as your server has; an exception counts as unknown.
using BranchHandler = std::function<BranchAnswer(const BranchCall&)>;

/// Which handler answers which path. Build it, then let any thread call handle().
class ParticipantRouter {
 public:
  /// All ops that come to `path`, which begins with '/' and is compared as it is written.
  ParticipantRouter& on(std::string path, BranchHandler handler);

  /// A try that enlists itself when it is called within a TccScope: the daemon hears of the branch with these URLs, and
  /// remembers it, before the handler runs. A refusal of the handler is reported, so that the scope cannot complete.
  /// `client` outlives the router.
  ParticipantRouter& on_try(std::string path, Client& client, std::string confirm_url, std::string cancel_url,
                            BranchHandler handler);

  /// Blocks as long as the handler does. Nothing is thrown.
  [[nodiscard]] ParticipantResponse handle(const ParticipantRequest& request) const;

 private:
  struct Route {
    std::string path;
    BranchHandler handler;
  };
  [[nodiscard]] const Route* find(std::string_view path) const;

  std::vector<Route> routes_;
};

struct ParticipantServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: the kernel chooses
  std::size_t threads = 4;
  std::size_t waiting_max = 256;  ///< calls that wait for a thread; one more hears 503
  std::size_t body_bytes_max = std::size_t{1024} * 1024;
};

/// A small HTTP/1.1 server around a router: one thread for the network, `threads` for the handlers. Without TLS.
class ParticipantServer {
 public:
  /// Listens and serves when it returns. kUnavailable: that address cannot be listened on.
  static Result<ParticipantServer> start(ParticipantRouter router, const ParticipantServerOptions& options = {});
  /// Handlers that run are waited for; who waits for a thread hears 503.
  ~ParticipantServer();
  ParticipantServer(ParticipantServer&&) noexcept;
  ParticipantServer& operator=(ParticipantServer&&) noexcept;

  [[nodiscard]] std::uint16_t port() const;
  /// "http://HOST:PORT" + path
  [[nodiscard]] std::string url(std::string_view path) const;

 private:
  class Impl;
  explicit ParticipantServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace settle
