#include "model/plan.h"

#include <algorithm>
#include <set>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "model/bytes.h"
#include "settle/ids.h"

// plan record :=  magic: u8 ('P')   major: u8   minor: u8
//                 asked_size: varint (bytes of `asked`)
//                 asked := pattern: u8   order: u8   flags: u8 (1: two-step)
//                          check: text   check_after, delay, deliver_at, deadline: svarint (µs)
//                          retry   attempt_timeout: svarint
//                          headers: pairs
//                          branches: varint (count)  branch*
//                 besides := labels: pairs   trace_parent: text
//                 crc: u32 le (crc32c of everything before)
// retry       :=  base, cap: svarint   factor, jitter: varint (permille)   attempts: varint   lasting: svarint
// pairs       :=  varint (count)  (text text)*
// branch      :=  id, forward, back, input: text   flags: u8 (1: back_input follows)   back_input: text?
//                 after: varint (count) varint*   retry   attempt_timeout: svarint
// text        :=  size: varint  bytes
// The digest of a plan covers `asked` only. Minor versions add bytes behind `besides`; a reader skips what it does not
// know.

namespace settle {
namespace {

constexpr std::uint8_t kMagic = 'P';
constexpr std::uint8_t kMajor = 1;
constexpr std::uint8_t kMinor = 0;
constexpr std::size_t kBranchesMax = 65'535;
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kSlackMax = 128;

void put_duration(ByteWriter& out, Duration value) { out.signed_varint(value.count()); }
Duration take_duration(ByteReader& in) { return Duration{in.signed_varint()}; }

void put_retry(ByteWriter& out, const RetryPolicy& retry) {
  put_duration(out, retry.base);
  put_duration(out, retry.cap);
  out.varint(retry.factor_permille);
  out.varint(retry.jitter_permille);
  out.varint(retry.attempts);
  put_duration(out, retry.lasting);
}

RetryPolicy take_retry(ByteReader& in) {
  RetryPolicy retry;
  retry.base = take_duration(in);
  retry.cap = take_duration(in);
  retry.factor_permille = in.bounded<std::uint32_t>(UINT32_MAX);
  retry.jitter_permille = in.bounded<std::uint32_t>(1000);
  retry.attempts = in.bounded<std::uint32_t>(UINT32_MAX);
  retry.lasting = take_duration(in);
  return retry;
}

using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

void put_pairs(ByteWriter& out, const Pairs& pairs) {
  out.varint(pairs.size());
  for (const auto& [key, value] : pairs) {
    out.text(key);
    out.text(value);
  }
}

Pairs take_pairs(ByteReader& in) {
  Pairs pairs;
  const auto count = in.bounded<std::size_t>(in.left());
  pairs.reserve(std::min<std::size_t>(count, 64));
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view key = in.text();
    const std::string_view value = in.text();
    pairs.emplace_back(key, value);
  }
  return pairs;
}

void put_branch(ByteWriter& out, const BranchPlan& branch) {
  out.text(branch.id);
  out.text(branch.forward);
  out.text(branch.back);
  out.text(branch.input);
  out.u8(branch.has_back_input ? 1 : 0);
  if (branch.has_back_input) out.text(branch.back_input);
  out.varint(branch.after.size());
  for (const std::uint16_t before : branch.after) out.varint(before);
  put_retry(out, branch.retry);
  put_duration(out, branch.attempt_timeout);
}

BranchPlan take_branch(ByteReader& in) {
  BranchPlan branch;
  branch.id = in.text();
  branch.forward = in.text();
  branch.back = in.text();
  branch.input = in.text();
  branch.has_back_input = (in.u8() & 1U) != 0;
  if (branch.has_back_input) branch.back_input = in.text();
  const auto count = in.bounded<std::size_t>(in.left());
  for (std::size_t i = 0; i < count && in.ok(); ++i) branch.after.push_back(in.bounded<std::uint16_t>(kBranchesMax));
  branch.retry = take_retry(in);
  branch.attempt_timeout = take_duration(in);
  return branch;
}

void put_asked(ByteWriter& out, const Plan& plan) {
  out.u8(static_cast<std::uint8_t>(plan.pattern));
  out.u8(static_cast<std::uint8_t>(plan.order));
  out.u8(plan.two_step ? 1 : 0);
  out.text(plan.check);
  put_duration(out, plan.check_after);
  put_duration(out, plan.delay);
  out.signed_varint(micros(plan.deliver_at));
  put_duration(out, plan.deadline);
  put_retry(out, plan.retry);
  put_duration(out, plan.attempt_timeout);
  put_pairs(out, plan.headers);
  out.varint(plan.branches.size());
  for (const BranchPlan& branch : plan.branches) put_branch(out, branch);
}

/// A little more than `plan` takes, as long as its numbers are usual ones.
std::size_t estimated_bytes(const Plan& plan) {
  constexpr std::size_t kBesidesBranches = 96;
  constexpr std::size_t kNumbersOfBranch = 32;
  std::size_t bytes = kBesidesBranches + plan.check.size() + plan.trace_parent.size();
  for (const Pairs* const pairs : {&plan.headers, &plan.labels}) {
    for (const auto& [key, value] : *pairs) bytes += key.size() + value.size() + 4;
  }
  for (const BranchPlan& branch : plan.branches) {
    bytes += branch.id.size() + branch.forward.size() + branch.back.size() + branch.input.size();
    bytes += branch.back_input.size() + 3 * branch.after.size() + kNumbersOfBranch;
  }
  return bytes;
}

bool take_asked(ByteReader& in, Plan& plan) {
  const std::uint8_t pattern = in.u8();
  if (pattern != static_cast<std::uint8_t>(Pattern::kSaga) && pattern != static_cast<std::uint8_t>(Pattern::kMessage)) {
    return false;
  }
  plan.pattern = static_cast<Pattern>(pattern);
  const std::uint8_t order = in.u8();
  if (order > static_cast<std::uint8_t>(Order::kGraph)) return false;
  plan.order = static_cast<Order>(order);
  plan.two_step = (in.u8() & 1U) != 0;
  plan.check = in.text();
  plan.check_after = take_duration(in);
  plan.delay = take_duration(in);
  plan.deliver_at = instant_of(in.signed_varint());
  plan.deadline = take_duration(in);
  plan.retry = take_retry(in);
  plan.attempt_timeout = take_duration(in);
  plan.headers = take_pairs(in);
  const auto count = in.bounded<std::size_t>(std::min(in.left(), kBranchesMax));
  plan.branches.reserve(std::min<std::size_t>(count, 1024));
  for (std::size_t i = 0; i < count && in.ok(); ++i) plan.branches.push_back(take_branch(in));
  return in.ok();
}

/// Orders the branches so that predecessors come first (Kahn 1962). False: a cycle, or an edge out of range.
bool derive_graph(Plan& plan) {
  const std::size_t count = plan.branches.size();
  plan.topological.clear();
  plan.successors.clear();
  plan.topological.reserve(count);
  if (plan.order != Order::kGraph) {
    for (std::size_t i = 0; i < count; ++i) plan.topological.push_back(static_cast<std::uint16_t>(i));
    return true;
  }
  plan.successors.resize(count);
  std::vector<std::size_t> missing(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::uint16_t before : plan.branches[i].after) {
      if (before >= count) return false;
      plan.successors[before].push_back(static_cast<std::uint16_t>(i));
      ++missing[i];
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (missing[i] == 0) plan.topological.push_back(static_cast<std::uint16_t>(i));
  }
  for (std::size_t next = 0; next < plan.topological.size(); ++next) {
    for (const std::uint16_t after : plan.successors[plan.topological[next]]) {
      if (--missing[after] == 0) plan.topological.push_back(after);
    }
  }
  return plan.topological.size() == count;
}

struct Frame {
  std::string_view asked;
  std::string_view besides;
};

Result<void> check_checksum(std::string_view bytes) {
  if (bytes.size() < 3 + 1 + kCrcBytes) return Error{ErrorCode::kCorrupt, "plan record: shorter than its frame"};
  const std::string_view covered = bytes.substr(0, bytes.size() - kCrcBytes);
  ByteReader tail(bytes.substr(covered.size()));
  if (tail.u32() != crc32c(covered)) return Error{ErrorCode::kCorrupt, "plan record: checksum does not match"};
  return {};
}

/// `bytes` have passed `check_checksum`, or have just been written.
Result<Frame> open_frame(std::string_view bytes) {
  const std::string_view covered = bytes.substr(0, bytes.size() - kCrcBytes);
  ByteReader in(covered);
  if (in.u8() != kMagic) return Error{ErrorCode::kCorrupt, "plan record: not a plan"};
  const std::uint8_t major = in.u8();
  if (major != kMajor) {
    return Error{ErrorCode::kInvalid, "plan record: format " + std::to_string(major) +
                                          " is not known to this version, which reads " + std::to_string(kMajor)};
  }
  (void)in.u8();
  const std::string_view asked = in.text();
  if (!in.ok()) return Error{ErrorCode::kCorrupt, "plan record: cut short"};
  return Frame{asked, covered.substr(static_cast<std::size_t>(asked.data() + asked.size() - covered.data()))};
}

PlanDigest digest_of_asked(std::string_view asked) {
  const XXH128_hash_t hash = XXH3_128bits(asked.data(), asked.size());
  PlanDigest digest{};
  for (std::size_t i = 0; i < 8; ++i) {
    digest[i] = static_cast<char>((hash.low64 >> (8U * i)) & 0xffU);
    digest[8 + i] = static_cast<char>((hash.high64 >> (8U * i)) & 0xffU);
  }
  return digest;
}

}  // namespace

OwnedPlan OwnedPlan::encode(const Plan& plan) {
  // The size of `asked` goes before it and is known after it: what leads up to it is written last, into this gap.
  constexpr std::size_t kGap = 16;
  const std::size_t estimate = estimated_bytes(plan);
  std::string bytes;
  bytes.reserve(kGap + estimate);
  bytes.resize(kGap);
  std::size_t asked_bytes = 0;
  {
    ByteWriter out(bytes);
    out.expect(estimate);
    put_asked(out, plan);
    asked_bytes = out.size() - kGap;
    put_pairs(out, plan.labels);
    out.text(plan.trace_parent);
  }
  std::string head;
  {
    ByteWriter before(head);
    before.u8(kMagic);
    before.u8(kMajor);
    before.u8(kMinor);
    before.varint(asked_bytes);
  }
  bytes.replace(0, kGap, head);
  const std::uint32_t checksum = crc32c(bytes);
  ByteWriter(bytes).u32(checksum);
  // A million of these may be open.
  if (bytes.capacity() > bytes.size() + kSlackMax) bytes.shrink_to_fit();

  OwnedPlan owned;
  owned.bytes_ = std::make_shared<const std::string>(std::move(bytes));
  SETTLE_ASSERT(owned.read_views().ok());
  return owned;
}

Result<OwnedPlan> OwnedPlan::decode(std::string bytes) {
  OwnedPlan owned;
  owned.bytes_ = std::make_shared<const std::string>(std::move(bytes));
  if (const Result<void> whole = check_checksum(*owned.bytes_); !whole) return whole.error();
  if (const Result<void> read = owned.read_views(); !read) return read.error();
  return owned;
}

Result<void> OwnedPlan::read_views() {
  const Result<Frame> frame = open_frame(*bytes_);
  if (!frame) return frame.error();
  ByteReader asked(frame->asked);
  if (!take_asked(asked, plan_) || !asked.at_end()) return Error{ErrorCode::kCorrupt, "plan record: bad plan"};
  ByteReader besides(frame->besides);
  plan_.labels = take_pairs(besides);
  plan_.trace_parent = besides.text();
  if (!besides.ok()) return Error{ErrorCode::kCorrupt, "plan record: bad labels"};
  if (!derive_graph(plan_)) return Error{ErrorCode::kCorrupt, "plan record: its graph has a cycle"};
  return {};
}

PlanDigest OwnedPlan::digest() const { return digest_of_plan(*bytes_); }

PlanDigest digest_of_plan(std::string_view bytes) {
  ByteReader in(bytes);
  (void)in.raw(3);
  return digest_of_asked(in.text());
}

Result<void> check_plan(const Plan& plan) {
  const auto invalid = [](std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; };
  if (plan.branches.empty()) return invalid("no branches; at least one is needed");
  if (plan.branches.size() > kBranchesMax) return invalid("more than 65535 branches");
  if (plan.two_step == plan.check.empty()) return invalid("a two-step message needs exactly one check URL");
  std::set<std::string_view> ids;
  for (const BranchPlan& branch : plan.branches) {
    if (!is_branch_id(branch.id))
      return invalid("branch id '" + std::string(branch.id) + "' is not [A-Za-z0-9._-]{1,64}");
    if (branch.id == "00") return invalid("branch id '00' is reserved for the check-back");
    if (!ids.insert(branch.id).second) return invalid("branch id '" + std::string(branch.id) + "' appears twice");
    if (branch.forward.empty()) return invalid("branch '" + std::string(branch.id) + "' has no URL");
    for (const std::uint16_t before : branch.after) {
      if (before >= plan.branches.size())
        return invalid("branch '" + std::string(branch.id) + "' comes after one that does not exist");
    }
  }
  Plan graph;
  graph.order = plan.order;
  graph.branches = plan.branches;
  if (!derive_graph(graph)) {
    std::vector<bool> sorted(plan.branches.size(), false);
    for (const std::uint16_t index : graph.topological) sorted[index] = true;
    const auto stuck = static_cast<std::size_t>(std::find(sorted.begin(), sorted.end(), false) - sorted.begin());
    return invalid("branch '" + std::string(plan.branches[stuck].id) + "' is on or behind a cycle of `after`");
  }
  return {};
}

}  // namespace settle
