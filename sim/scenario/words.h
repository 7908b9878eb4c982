#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/worker.h"
#include "model/plan.h"

namespace settle::sim {

std::vector<std::string_view> split(std::string_view line);
/// "250us", "5ms", "2s", "3min".
bool parse_span(std::string_view text, Duration& out);
bool parse_count(std::string_view text, std::uint64_t& out);
/// "wait=5s" or "wait=5s:decision".
bool parse_wait(std::string_view word, engine::Wait& out);

/// A plan in one line of a script:
///
///   saga [concurrent|graph] pay ship! bill<pay,ship@bank …     `!` no compensation, `<` after, `@` destination
///   message [concurrent] [two-step] a b …
///   with deadline= timeout= base= cap= factor= jitter= attempts= for= check-after= delay= wait=
///
/// Without more words: list order, time limit 1 s, pauses 100 ms, 200 ms … 1 s, no jitter.
class PlanText {
 public:
  /// Reads from words[from] on; returns what is wrong, or nothing.
  std::string parse(const std::vector<std::string_view>& words, std::size_t from);
  [[nodiscard]] OwnedPlan encode() const;

  engine::Wait wait;

 private:
  struct Branch {
    std::string id, destination;
    std::vector<std::string> after;
    bool has_back = true;
  };
  std::string option(std::string_view key, std::string_view value);
  std::string branch(std::string_view word);

  Plan plan_;
  RetryPolicy retry_{milliseconds{100}, milliseconds{1000}, 2000, 0, 0, Duration{0}};
  Duration timeout_ = milliseconds{1000};
  std::vector<Branch> branches_;
};

}  // namespace settle::sim
