#include "cli/waiting.h"

#include <algorithm>
#include <chrono>

#include "cli/ask.h"
#include "cli/document.h"

namespace settle::cli {
namespace {

constexpr std::int64_t kSliceMs = 10'000;

bool is_over(const Json& document, std::string_view until) {
  if (part_at(document, "incident").is_object()) return true;
  if (until == "decision" && text_at(document, "decision") != "none") return true;
  return text_at(document, "outcome") != "running";
}

}  // namespace

Waited wait_for(Shell& shell, std::string_view gid, std::string_view until, std::optional<std::int64_t> for_ms) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  for (;;) {
    const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
    const std::int64_t left = for_ms ? std::max<std::int64_t>(*for_ms - spent, 0) : kSliceMs;
    const std::int64_t slice = std::min(left, kSliceMs);

    const HttpRequest request{
        "GET",
        transaction_path(gid) + "?wait_ms=" + std::to_string(slice) + "&wait_for=" + std::string(until) + "&timeline=1",
        {}};
    Asked asked = ask(shell, shell.api, request, std::chrono::milliseconds(slice));
    if (!asked.body) return {{}, {}, asked.exit};
    Json document = read_document(shell, *asked.body);
    if (document.is_discarded()) return {{}, {}, kNoDaemon};
    if (is_over(document, until) || (for_ms && left <= slice)) {
      return {std::move(*asked.body), std::move(document), kOk};
    }
  }
}

}  // namespace settle::cli
