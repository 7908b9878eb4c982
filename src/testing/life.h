#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/http/face.h"
#include "api/http/ports.h"
#include "base/random.h"
#include "engine/save_queue.h"
#include "engine/worker.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "participant/http/http_participant.h"
#include "storage/memory/memory_store.h"

namespace settle::testing {

/// One life of a coordinator between two crashes: a worker that owns all shards, its listener and its calls, around a
/// store that outlives it. On the loop's thread only, but for what is said otherwise.
class Life final : private engine::Outputs, private api::Ports, public std::enable_shared_from_this<Life> {
 public:
  /// `skew` is what the engine's clock is ahead of the loop's.
  Life(net::Loop& loop, MemoryStore& store, const Duration& skew);

  Result<std::uint16_t> listen(std::uint16_t port) { return server_.listen("127.0.0.1", port); }
  /// Takes all shards and loads what is open.
  void begin();
  /// Something may be due: the clock was moved.
  void tick() { worker_.on(engine::Tick{}, now()); }
  /// At the end of every turn of the loop.
  void end_turn();

 private:
  struct Answer {
    engine::Token token;
    api::Rendered rendered;
  };

  // engine::Outputs
  void save(Save&& save) override { saves_.push(save); }
  void call(const Call& call) override;
  void reply(engine::Token token, engine::AnswerKind kind, const engine::View* view) override;
  void look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) override;
  void dropped(ShardNo shard, Epoch epoch) override;
  void event(engine::EventLevel level, std::string_view what, std::string_view gid, std::string_view branch_id,
             Op op) override;

  // api::Ports
  void send(engine::Input&& input) override { worker_.on(std::move(input), now()); }
  bool read_store(std::function<void(Store&)> read, std::function<void()> then) override;
  std::string fresh_gid() override;
  [[nodiscard]] std::uint8_t thread_index() const override { return 0; }
  [[nodiscard]] Instant now() const override { return saturating_add(loop_.now(), skew_); }

  /// Runs `task` in the next turn, unless this life is over.
  void post(std::function<void()> task);
  void commit();
  void deliver();
  void arm_timer();

  net::Loop& loop_;
  MemoryStore& store_;
  const Duration& skew_;
  participant::HttpParticipant participant_;
  engine::Worker worker_;
  api::Face face_;
  net::HttpServer server_;
  Random random_;

  engine::SaveQueue saves_;
  engine::SaveBatch group_;
  std::vector<Answer> answers_;
  std::uint64_t last_fresh_ = 0;
  Instant armed_ = kNever;
  net::Loop::TimerId timer_ = 0;
};

}  // namespace settle::testing
