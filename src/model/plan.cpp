#include "model/plan.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "model/bytes.h"
#include "model/plan_graph.h"

// plan record :=  magic: u8 ('P')   major: u8   minor: u8
//                 asked_size: varint (bytes of `asked`)
//                 asked := pattern: u8   order: u8   flags: u8 (1: two-step, 2: client-driven, 4: forward recovery)
//                          check: text   check_after, delay, deliver_at, deadline: svarint (µs)
//                          retry   attempt_timeout: svarint
//                          headers: pairs
//                          branches: varint (count)  branch*
//                          (binds: varint (count)  bind*)²
//                          (options)³
//                 besides := labels: pairs   trace_parent: text
//                 (enlisted: varint (count)  branch*)²
//                 crc: u32 le (crc32c of everything before)
// retry       :=  base, cap: svarint   factor, jitter: varint (permille)   attempts: varint   lasting: svarint
// pairs       :=  varint (count)  (text text)*
// branch      :=  id, forward, back, input: text
//                 flags: u8 (1: back_input follows, 2: pivot, 4: optional, 8: more follows)   back_input: text?
//                 after: varint (count) varint*   retry   attempt_timeout: svarint
//                 more: (confirm: text   role, on_refused, on_exhausted: u8   degrade: svarint)?
// bind        :=  branch: varint   back: u8   source: varint   from, into: text
// options     :=  dialect, phase_two: u8   flags: u8 (1: undoes_refused, 2: in passes)   lock: svarint
//                 retry_limit: varint
// text        :=  size: varint  bytes
// ²: from major version 2 on, ³: from 3 on. A plan is written in the lowest version that can say it, so that a daemon
// from before can read it; this one reads all. The digest of a plan covers `asked` only. Minor versions add bytes
// before the checksum; a reader skips what it does not know.

namespace settle {
namespace {

constexpr std::uint8_t kMagic = 'P';
constexpr std::uint8_t kMajor = 3;
constexpr std::uint8_t kMinor = 0;
constexpr unsigned kTwoStepFlag = 1, kClientDrivenFlag = 2, kForwardRecoveryFlag = 4;     // of a plan
constexpr unsigned kUndoesRefusedFlag = 1, kInPassesFlag = 2;                             // of its options
constexpr unsigned kBackInputFlag = 1, kPivotFlag = 2, kOptionalFlag = 4, kMoreFlag = 8;  // of a branch
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

bool needs_more(const BranchPlan& branch) {
  return !branch.confirm.empty() || branch.role != Role::kMain || branch.on_refused != Policy::kPark ||
         branch.on_exhausted != Policy::kPark || branch.degrade != kNoBranch;
}

bool needs_version_2(const Plan& plan) {
  const auto is_new = [](const BranchPlan& branch) { return needs_more(branch) || branch.pivot || branch.optional; };
  return plan.pattern == Pattern::kTcc || plan.pattern == Pattern::kTwoPhase || plan.forward_recovery ||
         !plan.binds.empty() || plan.enlisted != 0 || std::any_of(plan.branches.begin(), plan.branches.end(), is_new);
}

bool needs_version_3(const Plan& plan) {
  return plan.dialect != Dialect::kSettle || plan.phase_two != PhaseTwo::kAtOnce || plan.undoes_refused ||
         plan.passes.on;
}

std::uint8_t version_for(const Plan& plan) {
  if (needs_version_3(plan)) return 3;
  return needs_version_2(plan) ? 2 : 1;
}

void put_options(ByteWriter& out, const Plan& plan) {
  out.u8(static_cast<std::uint8_t>(plan.dialect));
  out.u8(static_cast<std::uint8_t>(plan.phase_two));
  out.u8(static_cast<std::uint8_t>((plan.undoes_refused ? kUndoesRefusedFlag : 0U) |
                                   (plan.passes.on ? kInPassesFlag : 0U)));
  put_duration(out, plan.passes.lock);
  out.varint(plan.passes.retry_limit);
}

bool take_options(ByteReader& in, Plan& plan) {
  const std::uint8_t dialect = in.u8();
  const std::uint8_t phase_two = in.u8();
  const std::uint8_t flags = in.u8();
  if (dialect > static_cast<unsigned>(Dialect::kDtmJsonRpc)) return false;
  if (phase_two > static_cast<unsigned>(PhaseTwo::kLastToFirst)) return false;
  plan.dialect = static_cast<Dialect>(dialect);
  plan.phase_two = static_cast<PhaseTwo>(phase_two);
  plan.undoes_refused = (flags & kUndoesRefusedFlag) != 0;
  plan.passes.on = (flags & kInPassesFlag) != 0;
  plan.passes.lock = take_duration(in);
  plan.passes.retry_limit = in.bounded<std::uint32_t>(UINT32_MAX);
  return in.ok();
}

void put_branch(ByteWriter& out, const BranchPlan& branch) {
  out.text(branch.id);
  out.text(branch.forward);
  out.text(branch.back);
  out.text(branch.input);
  const bool more = needs_more(branch);
  out.u8(static_cast<std::uint8_t>((branch.has_back_input ? kBackInputFlag : 0U) | (branch.pivot ? kPivotFlag : 0U) |
                                   (branch.optional ? kOptionalFlag : 0U) | (more ? kMoreFlag : 0U)));
  if (branch.has_back_input) out.text(branch.back_input);
  out.varint(branch.after.size());
  for (const std::uint16_t before : branch.after) out.varint(before);
  put_retry(out, branch.retry);
  put_duration(out, branch.attempt_timeout);
  if (!more) return;
  out.text(branch.confirm);
  out.u8(static_cast<std::uint8_t>(branch.role));
  out.u8(static_cast<std::uint8_t>(branch.on_refused));
  out.u8(static_cast<std::uint8_t>(branch.on_exhausted));
  out.signed_varint(branch.degrade);
}

bool take_more(ByteReader& in, BranchPlan& branch) {
  branch.confirm = in.text();
  const std::uint8_t role = in.u8();
  const std::uint8_t refused = in.u8();
  const std::uint8_t exhausted = in.u8();
  branch.degrade = static_cast<std::int32_t>(in.signed_varint());
  if (role > static_cast<unsigned>(Role::kDegrade) || refused > static_cast<unsigned>(Policy::kDegrade) ||
      exhausted > static_cast<unsigned>(Policy::kDegrade)) {
    return false;
  }
  branch.role = static_cast<Role>(role);
  branch.on_refused = static_cast<Policy>(refused);
  branch.on_exhausted = static_cast<Policy>(exhausted);
  return in.ok();
}

bool take_branch(ByteReader& in, BranchPlan& branch) {
  branch.id = in.text();
  branch.forward = in.text();
  branch.back = in.text();
  branch.input = in.text();
  const std::uint8_t flags = in.u8();
  branch.has_back_input = (flags & kBackInputFlag) != 0;
  branch.pivot = (flags & kPivotFlag) != 0;
  branch.optional = (flags & kOptionalFlag) != 0;
  if (branch.has_back_input) branch.back_input = in.text();
  const auto count = in.bounded<std::size_t>(in.left());
  for (std::size_t i = 0; i < count && in.ok(); ++i) branch.after.push_back(in.bounded<std::uint16_t>(kBranchesMax));
  branch.retry = take_retry(in);
  branch.attempt_timeout = take_duration(in);
  return (flags & kMoreFlag) != 0 ? take_more(in, branch) : in.ok();
}

bool take_branches(ByteReader& in, std::vector<BranchPlan>& branches) {
  const auto count = in.bounded<std::size_t>(std::min(in.left(), kBranchesMax));
  branches.reserve(branches.size() + std::min<std::size_t>(count, 1024));
  for (std::size_t i = 0; i < count; ++i) {
    if (!take_branch(in, branches.emplace_back())) return false;
  }
  return in.ok();
}

void put_bind(ByteWriter& out, const Bind& bind) {
  out.varint(bind.branch);
  out.u8(bind.back ? 1 : 0);
  out.varint(bind.source);
  out.text(bind.from);
  out.text(bind.into);
}

bool take_binds(ByteReader& in, Plan& plan) {
  const auto count = in.bounded<std::size_t>(in.left());
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    Bind& bind = plan.binds.emplace_back();
    bind.branch = in.bounded<std::uint16_t>(kBranchesMax);
    bind.back = (in.u8() & 1U) != 0;
    bind.source = in.bounded<std::uint16_t>(kBranchesMax);
    bind.from = in.text();
    bind.into = in.text();
    if (bind.branch >= plan.branches.size() || bind.source >= plan.branches.size()) return false;
  }
  return in.ok();
}

std::size_t asked_branches(const Plan& plan) { return plan.branches.size() - plan.enlisted; }

void put_asked(ByteWriter& out, const Plan& plan) {
  out.u8(static_cast<std::uint8_t>(plan.pattern));
  out.u8(static_cast<std::uint8_t>(plan.order));
  out.u8(static_cast<std::uint8_t>((plan.two_step ? kTwoStepFlag : 0U) | (plan.client_driven ? kClientDrivenFlag : 0U) |
                                   (plan.forward_recovery ? kForwardRecoveryFlag : 0U)));
  out.text(plan.check);
  put_duration(out, plan.check_after);
  put_duration(out, plan.delay);
  out.signed_varint(micros(plan.deliver_at));
  put_duration(out, plan.deadline);
  put_retry(out, plan.retry);
  put_duration(out, plan.attempt_timeout);
  put_pairs(out, plan.headers);
  const std::size_t branches = asked_branches(plan);
  out.varint(branches);
  for (std::size_t i = 0; i < branches; ++i) put_branch(out, plan.branches[i]);
  const std::uint8_t version = version_for(plan);
  if (version < 2) return;
  out.varint(plan.binds.size());
  for (const Bind& bind : plan.binds) put_bind(out, bind);
  if (version >= 3) put_options(out, plan);
}

void put_enlisted(ByteWriter& out, const Plan& plan) {
  out.varint(plan.enlisted);
  for (std::size_t i = asked_branches(plan); i < plan.branches.size(); ++i) put_branch(out, plan.branches[i]);
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
    bytes += branch.confirm.size() + branch.back_input.size() + 3 * branch.after.size() + kNumbersOfBranch;
  }
  for (const Bind& bind : plan.binds) bytes += bind.from.size() + bind.into.size() + 8;
  return bytes;
}

bool take_asked(ByteReader& in, std::uint8_t major, Plan& plan) {
  const std::uint8_t pattern = in.u8();
  if (pattern < 1 || pattern > kPatterns) return false;
  plan.pattern = static_cast<Pattern>(pattern);
  const std::uint8_t order = in.u8();
  if (order > static_cast<std::uint8_t>(Order::kGraph)) return false;
  plan.order = static_cast<Order>(order);
  const std::uint8_t flags = in.u8();
  plan.two_step = (flags & kTwoStepFlag) != 0;
  plan.client_driven = (flags & kClientDrivenFlag) != 0;
  plan.forward_recovery = (flags & kForwardRecoveryFlag) != 0;
  plan.check = in.text();
  plan.check_after = take_duration(in);
  plan.delay = take_duration(in);
  plan.deliver_at = instant_of(in.signed_varint());
  plan.deadline = take_duration(in);
  plan.retry = take_retry(in);
  plan.attempt_timeout = take_duration(in);
  plan.headers = take_pairs(in);
  if (!take_branches(in, plan.branches)) return false;
  if (major >= 2 && !take_binds(in, plan)) return false;
  return major < 3 || take_options(in, plan);
}

struct Frame {
  std::uint8_t major = 0;
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
  if (major < 1 || major > kMajor) {
    return Error{ErrorCode::kInvalid, "plan record: format " + std::to_string(major) +
                                          " is not known to this version, which reads up to " + std::to_string(kMajor)};
  }
  (void)in.u8();
  const std::string_view asked = in.text();
  if (!in.ok()) return Error{ErrorCode::kCorrupt, "plan record: cut short"};
  return Frame{major, asked, covered.substr(static_cast<std::size_t>(asked.data() + asked.size() - covered.data()))};
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
  const std::uint8_t major = version_for(plan);
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
    if (major >= 2) put_enlisted(out, plan);
  }
  std::string head;
  {
    ByteWriter before(head);
    before.u8(kMagic);
    before.u8(major);
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

OwnedPlan OwnedPlan::with_enlisted(const BranchPlan& branch) const {
  Plan more = plan_;
  more.branches.push_back(branch);
  ++more.enlisted;
  return encode(more);
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
  if (!take_asked(asked, frame->major, plan_) || !asked.at_end())
    return Error{ErrorCode::kCorrupt, "plan record: bad plan"};
  ByteReader besides(frame->besides);
  plan_.labels = take_pairs(besides);
  plan_.trace_parent = besides.text();
  if (!besides.ok()) return Error{ErrorCode::kCorrupt, "plan record: bad labels"};
  if (frame->major >= 2) {
    const std::size_t at_begin = plan_.branches.size();
    if (!take_branches(besides, plan_.branches)) return Error{ErrorCode::kCorrupt, "plan record: bad enlisted branch"};
    plan_.enlisted = plan_.branches.size() - at_begin;
  }
  if (!derive_graph(plan_)) return Error{ErrorCode::kCorrupt, "plan record: its graph has a cycle"};
  return {};
}

PlanDigest OwnedPlan::digest() const { return digest_of_plan(*bytes_); }

PlanDigest digest_of_plan(std::string_view bytes) {
  ByteReader in(bytes);
  (void)in.raw(3);
  return digest_of_asked(in.text());
}

}  // namespace settle
