#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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
/// "wait=5s", "wait=5s:decision" or "wait=5s:pass".
bool parse_wait(std::string_view word, engine::Wait& out);
/// "action", "try", "rollback", …: the names that documents use.
std::optional<Op> op_named(std::string_view name);

/// A plan in one line of a script:
///
///   saga [concurrent|graph] [forward] pay ship! bill<pay,ship@bank …
///   message [concurrent] [two-step] a b:compensate c:park,degrade|letter …
///   tcc|two_phase [client] a b …
///   [passes] [undoes-refused] [first-to-last|last-to-first]: options of faces with rules of their own
///   with retries= lock= deadline= timeout= base= cap= factor= jitter= attempts= for= check-after= delay= wait=
///
/// A branch is ID, then in this order and all optional: `!` nothing undoes it, `*` pivot, `?` optional; `:` what is
/// done about a refusal, and after a comma about a used-up bound; `|` what takes its place; `<` what it comes after;
/// `@` its destination. `+ID` and `-ID` hang on a commit and on an abort. `bind:STEP/FROM>STEP/INTO` puts a part of one
/// step's result into another's input, `bind-back:` into the input of its compensation.
///
/// Without more words: list order, time limit 1 s, pauses 100 ms, 200 ms … 1 s, no jitter. A message has a `compensate`
/// URL exactly where a policy asks for it.
class PlanText {
 public:
  /// Reads from words[from] on; returns what is wrong, or nothing.
  std::string parse(const std::vector<std::string_view>& words, std::size_t from);
  /// One branch that a client enlists into a transaction of that pattern.
  std::string parse_enlisted(std::string_view pattern, const std::vector<std::string_view>& words, std::size_t from);
  [[nodiscard]] OwnedPlan encode() const;

  engine::Wait wait;

 private:
  struct Branch {
    std::string id, destination, degrade;
    std::vector<std::string> after;
    bool has_back = true, pivot = false, optional = false;
    Role role = Role::kMain;
    Policy on_refused = Policy::kPark, on_exhausted = Policy::kPark;
  };
  struct Part {
    bool back = false;
    std::string source, from, branch, into;
  };
  std::string pattern(std::string_view name);
  std::string word(std::string_view text);
  bool flag(std::string_view text);
  std::string option(std::string_view key, std::string_view value);
  std::string branch(std::string_view text);
  std::string part(std::string_view text, bool back);
  void followers_last();
  [[nodiscard]] std::int32_t index_of(std::string_view id) const;
  [[nodiscard]] Plan built(std::vector<std::unique_ptr<std::string>>& texts) const;

  Plan plan_;
  RetryPolicy retry_{milliseconds{100}, milliseconds{1000}, 2000, 0, 0, Duration{0}};
  Duration timeout_ = milliseconds{1000};
  std::vector<Branch> branches_;
  std::vector<Part> parts_;
};

}  // namespace settle::sim
