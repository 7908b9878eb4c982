#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/admin/admin.h"
#include "api/dtm/face.h"
#include "api/dtm/hooks.h"
#include "api/http/face.h"
#include "api/http/ports.h"
#include "audit/log.h"
#include "daemon/config.h"
#include "daemon/directory.h"
#include "daemon/forwarder.h"
#include "daemon/pauses.h"
#include "engine/save_batch.h"
#include "engine/worker.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "participant/http/http_participant.h"

namespace settle::daemon {

class Alerts;
class Reader;
class WorkerThread;
class Writer;

/// What a worker thread knows of the process around it. Filled before the threads start, constant from then on.
struct Surroundings {
  const Config* config = nullptr;
  Writer* writer = nullptr;
  Reader* reader = nullptr;
  const Directory* directory = nullptr;
  std::string address;  ///< where others reach this daemon
  Pauses* pauses = nullptr;
  Alerts* alerts = nullptr;            ///< null: nobody wants any
  audit::Log* audit = nullptr;         ///< on the reader's thread
  std::vector<WorkerThread*> threads;  ///< by index; shard s belongs to threads[s % size]
  std::function<void(Lease)> dropped;  ///< any thread: a worker dropped this shard
  std::function<void()> idle_changed;  ///< any thread, during a drain
  /// Asks every thread for its numbers; `then` runs on `loop`. Any thread.
  std::function<void(net::Loop& loop, std::function<void(const api::MetricsSnapshot&)> then)> collect;
  std::function<void(net::Loop& loop, std::function<void(api::DestinationsSnapshot&&)> then)> collect_destinations;
};

/// A thread with its loop, its listeners, its shards and its connections to participants: the shell around a
/// engine::Worker, which performs what the worker wants done.
///
/// Everything that a turn of the loop collects leaves together at its end: saves to the writer in one hand-over, inputs
/// and answers for other threads in one post each.
class WorkerThread final : private engine::Outputs,
                           private api::Ports,
                           private api::AdminPorts,
                           private api::dtm::HookPorts {
 public:
  WorkerThread(std::uint8_t index, Surroundings& around);
  ~WorkerThread() override;
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  /// Before start(): listens; the port that was given or chosen. `admin` is for one thread of the process.
  Result<std::uint16_t> listen_api(const Endpoint& endpoint);
  Result<std::uint16_t> listen_admin(const Endpoint& endpoint);
  Result<std::uint16_t> listen_dtm(const Endpoint& endpoint);
  Result<std::uint16_t> listen_hooks(const Endpoint& endpoint);

  /// Before start(): feeds the worker at once.
  void give_now(std::vector<engine::Input>&& inputs);
  void start();
  void join();

  // ---- any thread

  /// Feeds the worker, in order. `taken` is called on this thread afterwards.
  void give(std::vector<engine::Input>&& inputs, std::function<void()> taken = {});
  [[nodiscard]] net::Loop& loop() { return loop_; }
  /// Every shard that belongs here is owned and loaded.
  [[nodiscard]] bool is_loaded() const { return loaded_.load(std::memory_order_relaxed); }
  /// Closes the listeners and, one by one, what is idle. The worker is to be drained before.
  void stop_accepting();
  /// Not accepting, and nothing is left that somebody waits for.
  [[nodiscard]] bool is_idle() const { return idle_.load(std::memory_order_acquire); }
  void stop() { loop_.stop(); }

  /// On this thread.
  [[nodiscard]] std::vector<engine::DestinationFigures> destinations() const { return worker_.destinations(); }
  /// On this thread: adds what it counts.
  void add_figures(api::MetricsSnapshot& sum) const;

 private:
  struct Answer {
    engine::Token token;
    api::Rendered rendered;
  };
  /// What goes to another thread at the end of the turn.
  struct Mail {
    std::vector<engine::Input> inputs;
    std::vector<Answer> answers;
  };

  // engine::Outputs
  void save(Save&& save) override;
  void call(const Call& call) override;
  void reply(engine::Token token, engine::AnswerKind kind, const engine::View* view) override;
  void look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) override;
  void dropped(ShardNo shard, Epoch epoch) override;
  void event(engine::EventLevel level, std::string_view what, std::string_view gid, std::string_view branch_id,
             Op op) override;
  void incident(const engine::IncidentNotice& notice) override;
  void pass_ended(std::string_view gid) override;
  void destination_changed(const engine::DestinationFigures& figures, bool is_down) override;

  // api::Ports
  void send(engine::Input&& input) override;
  bool read_store(std::function<void(Store&)> read, std::function<void()> then) override;
  std::string fresh_gid() override;
  [[nodiscard]] std::uint8_t thread_index() const override { return index_; }
  [[nodiscard]] Instant now() const override { return loop_.now(); }

  // api::dtm::HookPorts
  void feed_hook(engine::Input&& input) override { feed(std::move(input)); }
  [[nodiscard]] std::string_view first_pass_due(Instant until) const override { return worker_.first_pass_due(until); }
  [[nodiscard]] std::size_t open_transactions() const override { return worker_.open(); }

  // api::AdminPorts; `after` also api::dtm::HookPorts
  void collect(std::function<void(const api::MetricsSnapshot&)> then) override;
  void after(Duration pause, std::function<void()> then) override;
  bool audit(audit::Record&& record, std::function<void(const Result<std::uint64_t>&)> then) override;
  bool set_paused(audit::Record&& record, bool paused, std::function<void(const api::PauseResult&)> then) override;
  void collect_destinations(std::function<void(api::DestinationsSnapshot&&)> then) override;
  api::NodesSnapshot nodes() override;
  bool read_audit(std::uint64_t from, std::size_t limit, std::function<void(const Result<std::string>&)> then) override;

  std::function<Result<std::uint64_t>()> writing(audit::Record&& record);
  void on_api_request(const net::HttpRequest& request, net::ResponseSlot slot);
  bool forward(ShardNo shard, engine::Token token, Duration wait);
  void name_owner(const Directory::Owner& owner, engine::Token token);
  void feed(engine::Input&& input);
  void on_call_ended(CallEnded&& ended);
  void end_turn();
  void deliver_answers();
  void deliver_to_dtm(Answer&& answer);
  [[nodiscard]] net::HttpServerOptions api_server_options();
  [[nodiscard]] net::HttpServerOptions dtm_server_options();
  [[nodiscard]] net::HttpServerOptions hooks_server_options();
  [[nodiscard]] api::Respond dtm_respond();
  void post_mail();
  void arm_timer();
  void update_loaded();
  void update_idle();
  [[nodiscard]] std::size_t thread_of_shard(ShardNo shard) const { return shard % around_.threads.size(); }

  const std::uint8_t index_;
  Surroundings& around_;
  net::Loop loop_;
  participant::HttpParticipant participant_;
  engine::Worker worker_;
  api::Face face_;
  api::AdminFace admin_face_;
  api::dtm::Face dtm_face_;
  std::optional<api::dtm::Hooks> hooks_;  // nothing: they are off
  net::HttpServer api_server_;
  net::HttpServer admin_server_;
  net::HttpServer dtm_server_;    // without a listener if DTM's clients come to api_server_, or to none
  net::HttpServer hooks_server_;  // likewise
  Forwarder forwarder_;
  const net::HttpRequest* request_ = nullptr;  // the one that the face is looking at, if others may have to answer it

  engine::SaveBatch saves_;         // of this turn
  std::vector<Answer> answers_;     // of this turn, for this thread's clients
  std::vector<Answer> delivering_;  // likewise, on their way out
  std::vector<Mail> outbox_;        // of this turn, by thread
  bool feeding_ = false;
  bool call_left_ = false;   // of this turn; for failpoints
  bool check_left_ = false;  // likewise
  Instant armed_ = kNever;
  net::Loop::TimerId timer_ = 0;
  std::uint64_t last_fresh_gid_ = 0;
  Random random_;

  bool is_closing_ = false;
  std::atomic<bool> idle_{false};
  std::atomic<bool> loaded_{false};
  std::thread thread_;
};

}  // namespace settle::daemon
