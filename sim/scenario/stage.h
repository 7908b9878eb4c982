#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/worker.h"
#include "store/sim_store.h"

namespace settle::sim {

/// One worker with everything around it in the hands of a script. What comes out is written down as text.
class Stage final : public engine::Outputs {
 public:
  Stage();

  /// Performs one line of a script; returns what is wrong with it, or nothing.
  std::string perform(std::string_view line);

  /// What came out since the last call, one line each.
  std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }

  // engine::Outputs
  void save(Save&& save) override;
  void call(const Call& call) override;
  void reply(engine::Token token, engine::AnswerKind kind, const engine::View* view) override;
  void look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) override;
  void dropped(ShardNo shard, Epoch epoch) override;
  void event(engine::EventLevel level, std::string_view what, std::string_view gid, std::string_view branch_id,
             Op op) override;
  void pass_ended(std::string_view gid) override { line("  pass of " + std::string(gid) + " has ended"); }

 private:
  using Words = std::vector<std::string_view>;
  struct Open {
    std::uint64_t id = 0;
    Tid tid;
    Op op = Op::kAction;
    std::int32_t branch = -1;
    Instant limit = kNoInstant;
    std::string name;  ///< "gid/branch"
  };
  struct Question {
    ShardNo shard = 0;
    std::uint64_t lookup = 0;
    std::string gid;
  };

  std::string own(const Words& words);
  std::string acquire(const Words& words);
  void load();
  std::string crash(const Words& words);
  std::string begin(const Words& words);
  std::string many(const Words& words);
  std::string verb(const Words& words);
  static std::string read_verb(const Words& words, engine::Request& request, std::size_t& next);
  static std::string read_report(const Words& words, engine::Request& request, std::size_t& next);
  std::string answer(const Words& words);
  std::string write(const Words& words);
  std::string limit(const Words& words);
  std::string advance(std::string_view span);
  void give(engine::Input&& input);
  void answer_questions();
  void commit_waiting();
  void end(const Open& open, CallEnded&& ended);
  void time_out_calls();
  [[nodiscard]] Instant next_event() const;
  void line(std::string text) {
    if (!is_silent_) lines_.push_back(std::move(text));
  }

  Instant now_;
  SimStore store_;
  engine::WorkerOptions options_;
  std::unique_ptr<engine::Worker> worker_;
  Epoch epoch_ = 0;
  engine::Token tokens_ = 0;
  bool is_writing_ = true;  ///< saves reach the disk at once
  bool is_silent_ = false;
  std::vector<Save> waiting_;
  std::vector<Question> questions_;
  std::map<std::uint64_t, Open> calls_;
  std::map<engine::Token, std::string> clients_;
  std::size_t count_calls_ = 0;
  std::size_t count_replies_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace settle::sim
