#include "settle/client.h"

#include <condition_variable>
#include <mutex>

#include "client/answer.h"
#include "client/line.h"
#include "net/http_fields.h"
#include "wire/json_writer.h"

namespace settle {
namespace {

using client::Ask;
using client::Heard;
using client::Line;

/// One request never asks the daemon to wait for longer; a longer wait is several requests.
constexpr milliseconds kHeldMax{20'000};

constexpr std::string_view kTransactions = "/v1/transactions";

std::string path_of(std::string_view gid, std::string_view below = {}) {
  std::string path(kTransactions);
  path.append("/").append(gid);  // gids and branch ids need no escapes
  return below.empty() ? path : path.append("/").append(below);
}

std::string_view wait_for(const Wait& wait) { return wait.decision_is_enough() ? "decision" : "end"; }

void add_wait(sdk_detail::Fields& fields, const Wait& wait) {
  if (wait.at_most() <= milliseconds{0}) return;
  fields.ms("wait_ms", std::min(wait.at_most(), kHeldMax));
  fields.text("wait_for", wait_for(wait));
}

Duration held(const Wait& wait) { return std::clamp(wait.at_most(), milliseconds{0}, kHeldMax); }

/// Nothing more comes of waiting.
bool is_enough(const Transaction& now, const Wait& wait) {
  if (!now.running() || now.incident) return true;
  return wait.decision_is_enough() && now.decision != Transaction::Decision::kNone;
}

Error no_gid(std::string_view gid) { return {ErrorCode::kInvalid, "\"" + std::string(gid) + "\" is no gid"}; }

}  // namespace

const Transaction::BranchOp* Transaction::find(std::string_view branch, std::string_view op) const {
  for (const BranchOp& known : ops) {
    if (known.branch == branch && known.op == op) return &known;
  }
  return nullptr;
}

Report Report::done(std::string_view op, std::string_view result) {
  Report out;
  out.fields_.text("op", op);
  out.fields_.text("outcome", "done");
  if (!result.empty()) out.fields_.json("result", result);
  return out;
}

Report Report::refused(std::string_view op, std::string_view reason) {
  Report out;
  out.fields_.text("op", op);
  out.fields_.text("outcome", "refused");
  if (!reason.empty()) out.fields_.text("reason", reason);
  return out;
}

Report Report::read_only(std::string_view op) {
  Report out = done(op);
  out.fields_.text("vote", "read-only");
  return out;
}

class Client::Impl {
 public:
  explicit Impl(const ClientOptions& options) : line_(options) {}

  void fail(Error error, Then then) {
    line_.post([error = std::move(error), then = std::move(then)] { then(error); });
  }

  /// Sends, and goes on waiting if the daemon's answer is not enough yet.
  void ask(std::string gid, Ask ask, Wait wait, Then then) {
    if (!is_gid(gid)) return fail(no_gid(gid), std::move(then));
    const Instant until = net::engine_now() + std::chrono::duration_cast<Duration>(wait.at_most());
    ask.held = held(wait);
    line_.ask(std::move(ask),
              [this, gid = std::move(gid), wait, until, then = std::move(then)](Result<Heard> heard) mutable {
                if (!heard) return then(heard.error());
                Result<Transaction> told = client::transaction_of(*heard, gid);
                if (!told || is_enough(*told, wait) || net::engine_now() >= until) return then(std::move(told));
                wait_on(std::move(gid), wait, until, std::move(then));
              });
  }

  void wait_on(std::string gid, Wait wait, Instant until, Then then) {
    const auto left = std::chrono::ceil<milliseconds>(until - net::engine_now());
    const Wait rest = wait.decision_is_enough() ? Wait::for_decision(left) : Wait::for_end(left);
    Ask next;
    next.method = "GET";
    next.target = path_of(gid) + "?wait_ms=" + std::to_string(std::clamp(left, milliseconds{0}, kHeldMax).count()) +
                  "&wait_for=" + std::string(wait_for(wait));
    ask(std::move(gid), std::move(next), rest, std::move(then));
  }

  /// The blocking form of whatever `start` starts.
  template <typename Start>
  Result<Transaction> block(const Start& start) {
    if (line_.is_own_thread()) {
      return Error{ErrorCode::kInvalid, "a blocking call on the client's own thread would wait for itself"};
    }
    struct Meeting {
      std::mutex lock;
      std::condition_variable came;
      bool has_come = false;
      Result<Transaction> told = Error{ErrorCode::kUnavailable, "nothing was told"};
    };
    Meeting meeting;
    start([&meeting](Result<Transaction> told) {
      const std::lock_guard hold(meeting.lock);
      meeting.told = std::move(told);
      meeting.has_come = true;
      meeting.came.notify_one();  // under the lock: the waiter must not be gone before this
    });
    std::unique_lock hold(meeting.lock);
    meeting.came.wait(hold, [&] { return meeting.has_come; });
    return std::move(meeting.told);
  }

 private:
  Line line_;
};

Client::Client(const ClientOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Client::Client(std::string_view address) {
  ClientOptions options;
  options.addresses = {std::string(address)};
  impl_ = std::make_unique<Impl>(options);
}

Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

void Client::begin(const TransactionPlan& plan, Wait wait, Then then) {
  Result<std::string> body = plan.json();
  if (!body) return impl_->fail(body.error(), std::move(then));
  Ask ask;
  ask.method = "POST";
  ask.target = kTransactions;
  ask.body = std::move(*body);
  if (sdk_detail::Fields waiting; wait.at_most() > milliseconds{0}) {
    add_wait(waiting, wait);
    ask.body.back() = ',';  // one object of both
    ask.body.append(waiting.object(), 1);
  }
  if (!plan.trace_parent().empty() && !net::append_header(ask.headers, "traceparent", plan.trace_parent())) {
    return impl_->fail({ErrorCode::kInvalid, plan.gid() + ": the trace parent is no header value"}, std::move(then));
  }
  impl_->ask(plan.gid(), std::move(ask), wait, std::move(then));
}

void Client::submit(std::string_view gid, Wait wait, Then then) {
  sdk_detail::Fields fields;
  add_wait(fields, wait);
  impl_->ask(std::string(gid), {"POST", path_of(gid, "submit"), fields.object(), {}, {}}, wait, std::move(then));
}

void Client::abort(std::string_view gid, std::string_view reason, Wait wait, Then then) {
  sdk_detail::Fields fields;
  if (!reason.empty()) fields.text("reason", reason);
  add_wait(fields, wait);
  impl_->ask(std::string(gid), {"POST", path_of(gid, "abort"), fields.object(), {}, {}}, wait, std::move(then));
}

void Client::query(std::string_view gid, Then then) {
  impl_->ask(std::string(gid), {"GET", path_of(gid), {}, {}, {}}, {}, std::move(then));
}

void Client::wait(std::string_view gid, Wait wait, Then then) {
  if (!is_gid(gid)) return impl_->fail(no_gid(gid), std::move(then));
  const Instant until = net::engine_now() + std::chrono::duration_cast<Duration>(wait.at_most());
  impl_->wait_on(std::string(gid), wait, until, std::move(then));
}

namespace {

/// The body of an enlist or a report, or what is wrong with it.
Result<Ask> verb(std::string_view gid, std::string_view below, const sdk_detail::Fields& fields) {
  if (!fields.problem().empty()) return Error{ErrorCode::kInvalid, std::string(gid) + ": " + fields.problem()};
  return Ask{"POST", path_of(gid, below), fields.object(), {}, {}};
}

}  // namespace

void Client::enlist(std::string_view gid, const TccBranch& branch, Then then) {
  Result<Ask> ask = verb(gid, "branches", branch.fields());
  if (!ask) return impl_->fail(ask.error(), std::move(then));
  impl_->ask(std::string(gid), std::move(*ask), {}, std::move(then));
}

void Client::enlist(std::string_view gid, const TwoPhaseBranch& branch, Then then) {
  Result<Ask> ask = verb(gid, "branches", branch.fields());
  if (!ask) return impl_->fail(ask.error(), std::move(then));
  impl_->ask(std::string(gid), std::move(*ask), {}, std::move(then));
}

void Client::report(std::string_view gid, std::string_view branch, const Report& report, Then then) {
  if (!is_branch_id(branch)) {
    return impl_->fail({ErrorCode::kInvalid, "\"" + std::string(branch) + "\" is no branch id"}, std::move(then));
  }
  Result<Ask> ask = verb(gid, "branches/" + std::string(branch) + "/report", report.fields());
  if (!ask) return impl_->fail(ask.error(), std::move(then));
  impl_->ask(std::string(gid), std::move(*ask), {}, std::move(then));
}

Result<Transaction> Client::begin(const TransactionPlan& plan, Wait wait) {
  return impl_->block([&](Then then) { begin(plan, wait, std::move(then)); });
}

Result<Transaction> Client::submit(std::string_view gid, Wait wait) {
  return impl_->block([&](Then then) { submit(gid, wait, std::move(then)); });
}

Result<Transaction> Client::abort(std::string_view gid, std::string_view reason, Wait wait) {
  return impl_->block([&](Then then) { abort(gid, reason, wait, std::move(then)); });
}

Result<Transaction> Client::query(std::string_view gid) {
  return impl_->block([&](Then then) { query(gid, std::move(then)); });
}

Result<Transaction> Client::wait(std::string_view gid, Wait wait) {
  return impl_->block([&](Then then) { this->wait(gid, wait, std::move(then)); });
}

Result<Transaction> Client::enlist(std::string_view gid, const TccBranch& branch) {
  return impl_->block([&](Then then) { enlist(gid, branch, std::move(then)); });
}

Result<Transaction> Client::enlist(std::string_view gid, const TwoPhaseBranch& branch) {
  return impl_->block([&](Then then) { enlist(gid, branch, std::move(then)); });
}

Result<Transaction> Client::report(std::string_view gid, std::string_view branch, const Report& report) {
  return impl_->block([&](Then then) { this->report(gid, branch, report, std::move(then)); });
}

}  // namespace settle
