#include "participant/http/http_participant.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "model/ops.h"
#include "net/http_fields.h"
#include "participant/http/answer.h"
#include "participant/http/dtm_dialect.h"
#include "participant/http/payload.h"
#include "wire/trace_context.h"

namespace settle::participant {
namespace {

net::HttpClientOptions guarded(net::HttpClientOptions options, bool loopback_only_wanted) {
  if (loopback_only_wanted) options.lookup = loopback_only(std::move(options.lookup));
  return options;
}

}  // namespace

AnswerCode code_of(net::HttpFailure failure) {
  switch (failure) {
    case net::HttpFailure::kNone:
      break;
    case net::HttpFailure::kRefused:
    case net::HttpFailure::kBadCall:
      return kAnswerRefused;
    case net::HttpFailure::kUnresolved:
      return kAnswerUnresolved;
    case net::HttpFailure::kTimedOut:
      return kAnswerTimeout;
    case net::HttpFailure::kReset:
      return kAnswerReset;
    case net::HttpFailure::kBadAnswer:
    case net::HttpFailure::kTooLarge:
      return kAnswerGarbage;
    case net::HttpFailure::kCancelled:
      return kAnswerCancelled;
  }
  return kAnswerGarbage;
}

namespace {

// Our own names are fixed and fine; a value with a control byte would let its sender write headers of its own.
bool append_value(std::string& lines, std::string_view name, std::string_view value) {
  bool fine = true;
  for (const char c : value) fine &= static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  if (!fine) return false;
  lines.append(name).append(value).append("\r\n");
  return true;
}

char* put_hex(char* out, std::uint64_t value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (unsigned shift = 64; shift > 0;) {
    shift -= 4;
    *out++ = kHex[(value >> shift) & 15U];
  }
  return out;
}

// The calls of a transaction whose client sent no trace stand in one of their own, named by the tid, also after a
// restart.
void append_own_trace(std::string& lines, const Tid& tid, std::uint64_t dice) {
  const std::uint64_t low = (std::uint64_t{tid.cluster} << 48U) | (std::uint64_t{tid.shard} << 32U) | tid.epoch;
  std::array<char, wire::kTraceParentChars> text{};
  char* out = std::copy_n("00-", 3, text.data());
  out = put_hex(put_hex(out, tid.sequence), low);
  *out++ = '-';
  out = put_hex(out, dice | 1U);  // no span is zero
  std::copy_n("-00", 3, out);
  lines.append(text.data(), text.size());
}

void append_trace(std::string& lines, const Call& call, std::uint64_t dice) {
  const auto parent = wire::parse_trace_parent(call.trace_parent);
  if (parent) {
    lines.append(wire::child_trace_parent(*parent, dice));
  } else {
    append_own_trace(lines, call.tid, dice);
  }
}

}  // namespace

CallEnded ended_of(const net::HttpAnswer& answer, Op op, Instant now) {
  CallEnded ended;
  ended.op = op;
  if (answer.failure != net::HttpFailure::kNone) {
    ended.answer = code_of(answer.failure);
    ended.reached = answer.bytes_written;
    return ended;
  }
  ended.answer = static_cast<AnswerCode>(answer.status);
  ended.outcome = outcome_of_http(answer.status);
  if (op == Op::kCheck && ended.outcome == Outcome::kDone) {
    const auto state = parse_check_state(answer.body);
    if (!state) {
      ended.outcome = Outcome::kUnknown;
      ended.answer = kAnswerGarbage;
    }
    ended.check = state.value_or(CheckState::kUndecided);
    return ended;
  }
  // Nobody can refuse to tell what happened.
  if (op == Op::kCheck && ended.outcome == Outcome::kRefused) ended.outcome = Outcome::kUnknown;
  ended.read_only = op == Op::kPrepare && ended.outcome == Outcome::kDone && is_read_only_vote(answer.body);
  if (ended.outcome == Outcome::kDone || ended.outcome == Outcome::kRefused) {
    ended.result = answer.body;
  } else if (const auto after = answer.header("retry-after")) {
    ended.retry_after = parse_retry_after(*after, now);
  }
  return ended;
}

CallEnded ended_unbound(Op op, std::string why) {
  CallEnded ended;
  ended.op = op;
  ended.outcome = is_forward(op) ? Outcome::kRefused : Outcome::kUnknown;
  ended.answer = kAnswerUnbound;
  ended.reached = false;
  if (is_forward(op)) ended.result = std::move(why);
  return ended;
}

HttpParticipant::HttpParticipant(net::Loop& loop, HttpParticipantOptions options, OnEnded on_ended)
    : loop_(loop),
      loopback_only_(options.loopback_only),
      random_(options.seed),
      on_ended_(std::move(on_ended)),
      client_(loop, guarded(std::move(options.client), options.loopback_only),
              [this](const net::HttpAnswer& answer) { on_answer(answer); }) {}

void HttpParticipant::call(const Call& call) {
  net::HttpCall request;
  request.cookie = remember(call);
  request.deadline = saturating_add(call.sent_at, call.timeout);
  std::optional<std::string> unbound;
  if (call.bound != nullptr) unbound = bind_payload(call, payload_);
  if (unbound) {
    log(LogLevel::kWarn, "the payload cannot be made of earlier results; nothing is sent",
        {{"gid", call.gid}, {"branch", call.branch_id}, {"op", name_of(call.op)}, {"reason", *unbound}});
    pending_[request.cookie].unbound = std::move(*unbound);
  } else if (call.dialect != Dialect::kSettle && call.url.empty()) {
    pending_[request.cookie].has_no_url = true;
  } else if (!build(call, request)) {
    log(LogLevel::kError, "a header value holds a control byte; nothing is sent", {{"gid", call.gid}});
  } else if (loopback_only_ && !guard_.permits(call.url)) {
    log(LogLevel::kWarn, "the destination is not on loopback; nothing is sent",
        {{"gid", call.gid}, {"branch", call.branch_id}, {"op", name_of(call.op)}});
  } else {
    request.headers = headers_;
    request.headers_are_lines = true;
  }
  if (request.headers.empty()) request.url = {};
  // Without a URL the client itself reports kBadCall in the next turn: one way for every end of a call.
  (void)client_.call(request);
}

/// False: a header value holds a control byte.
bool HttpParticipant::build(const Call& call, net::HttpCall& request) {
  if (call.dialect == Dialect::kSettle) {
    request.url = call.url;
    request.body = call.bound != nullptr ? std::string_view(payload_) : call.payload;
    return build_headers(call);
  }
  Pending& pending = pending_[request.cookie];
  pending.by_json_rpc = dtm::is_by_json_rpc(call);
  dtm::build(call, random_, url_, payload_);
  request.url = pending.by_json_rpc ? call.url : std::string_view(url_);
  request.body = pending.by_json_rpc ? std::string_view(payload_) : call.payload;
  request.method = pending.by_json_rpc ? "POST" : dtm::method_of(call);
  headers_.assign("traceparent: ");
  append_trace(headers_, call, random_.next());
  headers_.append("\r\n");
  return dtm::append_headers(headers_, call);
}

bool HttpParticipant::build_headers(const Call& call) {
  headers_.assign("content-type: application/json\r\n");
  bool fine = append_value(headers_, "settle-gid: ", call.gid);
  headers_.append("settle-tid: ").append(call.tid.text()).append("\r\n");
  fine = append_value(headers_, "settle-branch: ", call.branch_id) && fine;
  headers_.append("settle-op: ").append(name_of(call.op)).append("\r\n");
  headers_.append("settle-pattern: ").append(name_of(call.pattern)).append("\r\n");
  headers_.append("settle-attempt: ");
  net::append_number(headers_, call.attempt);
  headers_.append("\r\ntraceparent: ");
  append_trace(headers_, call, random_.next());
  headers_.append("\r\n");
  if (call.headers != nullptr) {
    for (const auto& [name, value] : *call.headers) fine = net::append_header(headers_, name, value) && fine;
  }
  return fine;
}

std::uint64_t HttpParticipant::remember(const Call& call) {
  std::uint64_t cookie = pending_.size();
  if (free_.empty()) {
    pending_.emplace_back();
  } else {
    cookie = free_.back();
    free_.pop_back();
  }
  pending_[cookie] = {call.id, call.tid, call.op, call.branch, {}, call.dialect};
  return cookie;
}

void HttpParticipant::on_answer(const net::HttpAnswer& answer) {
  SETTLE_ASSERT(answer.cookie < pending_.size());
  Pending pending = std::move(pending_[answer.cookie]);
  free_.push_back(answer.cookie);
  CallEnded ended;
  if (pending.has_no_url) {
    ended = dtm::ended_without_url(pending.op);
  } else if (!pending.unbound.empty()) {
    ended = ended_unbound(pending.op, std::move(pending.unbound));
  } else if (pending.dialect != Dialect::kSettle) {
    ended = dtm::ended_of(answer, pending.op, pending.by_json_rpc);
  } else {
    ended = ended_of(answer, pending.op, loop_.now());
  }
  ended.id = pending.id;
  ended.tid = pending.tid;
  ended.branch = pending.branch;
  on_ended_(std::move(ended));
}

}  // namespace settle::participant
