#include "resource/barrier/call.h"

#include <settle/ids.h>

#include <algorithm>
#include <limits>

#include "digest/sha256.h"

namespace settle::barrier {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

bool is_digest(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == 64 && std::all_of(text.begin(), text.end(), is_hex);
}

}  // namespace

Result<Checked> check(const Call& call, Mode mode) {
  if (!is_gid(call.gid)) return invalid("the gid must be 1 to 128 characters of [A-Za-z0-9._:-]");
  if (!is_branch_id(call.branch)) return invalid("the branch must be 1 to 64 characters of [A-Za-z0-9._-]");
  const auto* const name = std::find(kOpNames.begin(), kOpNames.end(), std::string_view(call.op));
  if (name == kOpNames.end()) return invalid("there is no op of this name; settle-op says which one it is");
  const auto op = static_cast<protocol::BarrierOp>(name - kOpNames.begin());
  if (mode == Mode::kEffect && !protocol::row_during(op)) return invalid(call.op + " has no effect outside");
  if (!call.digest.empty() && !is_digest(call.digest)) {
    return invalid("the digest must be 64 lower-case hexadecimal digits; digest_of() makes it");
  }
  Checked checked{call.gid, call.branch, op, std::nullopt, call.digest, mode};
  if (call.tid.empty()) return checked;
  const std::optional<Tid> tid = Tid::parse(call.tid);
  if (!tid || tid->sequence > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return invalid("the tid must be the 26 characters of settle-tid");
  }
  checked.began_us = static_cast<std::int64_t>(tid->sequence);
  return checked;
}

std::string digest_of(std::string_view body) { return digest::sha256_hex({body}); }

}  // namespace settle::barrier
