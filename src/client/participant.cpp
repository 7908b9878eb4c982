#include "settle/participant.h"

#include <algorithm>
#include <charconv>
#include <exception>

#include "client/scope_headers.h"
#include "settle/client.h"
#include "settle/ids.h"
#include "wire/json_reader.h"

namespace settle {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

Error no_call(std::string_view what) {
  return {ErrorCode::kInvalid, "this is no call of a coordinator: " + std::string(what)};
}

ParticipantResponse plain(int status, std::string body) { return {status, "text/plain", std::move(body), {}}; }

/// What enlisting means to whoever calls the try: nothing was tried, and it is known or not whether the daemon will
/// call.
BranchAnswer not_enlisted(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kUnknownOutcome:
      return BranchAnswer::unknown("this branch could not be enlisted: " + error.message);
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kFenced:
    case ErrorCode::kCorrupt:
    case ErrorCode::kTooLarge:
      break;
  }
  return BranchAnswer::refused("this branch cannot be enlisted: " + error.message);
}

/// Enlists, then tries.
struct EnlistingTry {
  Client* client;
  std::string confirm_url;
  std::string cancel_url;
  BranchHandler handler;

  BranchAnswer operator()(const BranchCall& call) const {
    if (!call.enlist || call.op != "try") return handler(call);
    TccBranch branch(call.branch, confirm_url, cancel_url);
    // Confirm and cancel hear what the try heard, as they do when the daemon calls all of them.
    if (!wire::check_json(call.body)) branch.input(call.body);
    if (const Result<Transaction> enlisted = client->enlist(call.gid, branch); !enlisted) {
      return not_enlisted(enlisted.error());
    }
    BranchAnswer answer = handler(call);
    // Nobody may confirm what was never tried. If the report is lost, the caller still has the refusal.
    if (answer.is_refusal()) (void)client->report(call.gid, call.branch, Report::refused("try", "the try was refused"));
    return answer;
  }
};

}  // namespace

std::string_view ParticipantRequest::header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (same_name(known, name)) return value;
  }
  return {};
}

Result<BranchCall> parse_call(const ParticipantRequest& request) {
  BranchCall call;
  call.gid = request.header("settle-gid");
  call.branch = request.header("settle-branch");
  call.op = request.header("settle-op");
  call.tid = request.header("settle-tid");
  call.pattern = request.header("settle-pattern");
  call.trace_parent = request.header("traceparent");
  call.enlist = request.header(client::kEnlistHeader) == client::kEnlistSelf;
  if (!is_gid(call.gid)) return no_call("settle-gid is missing, or no gid");
  if (!is_branch_id(call.branch)) return no_call("settle-branch is missing, or no branch id");
  if (call.op.empty()) return no_call("settle-op is missing");
  if (!call.tid.empty() && !Tid::parse(call.tid)) return no_call("settle-tid is no tid");
  if (const std::string_view attempt = request.header("settle-attempt"); !attempt.empty()) {
    const auto [end, wrong] = std::from_chars(attempt.data(), attempt.data() + attempt.size(), call.attempt);
    if (wrong != std::errc{} || end != attempt.data() + attempt.size()) return no_call("settle-attempt is no number");
  }
  call.headers = request.headers;
  call.body = request.body;
  return call;
}

Result<HeaderList> BranchCall::headers_for(std::string_view name) const {
  if (op != "try") return Error{ErrorCode::kInvalid, "only a try calls other services within its scope, not " + op};
  return client::try_headers(gid, tid, branch + "." + std::string(name), trace_parent);
}

BranchAnswer BranchAnswer::running(std::chrono::seconds retry_after) {
  BranchAnswer out(425, {});
  out.retry_after_ = retry_after;
  return out;
}

BranchAnswer BranchAnswer::of(const barrier::Reply& reply) {
  switch (reply.answer) {
    case barrier::Answer::kDone:
      return done(reply.body);
    case barrier::Answer::kRefused:
      return refused(reply.reason);
    case barrier::Answer::kRunning:
      return running();
    case barrier::Answer::kCommitted:
      return committed();
    case barrier::Answer::kAborted:
      return aborted();
    case barrier::Answer::kConflict:
    case barrier::Answer::kUnknown:
      break;
  }
  return unknown(reply.reason);
}

ParticipantResponse BranchAnswer::response() const {
  ParticipantResponse out;
  out.status = status_;
  const bool is_json = !body_.empty() && !wire::check_json(body_);
  if (!is_json) out.content_type = "text/plain";
  out.body = body_;
  if (retry_after_ > std::chrono::seconds{0}) {
    out.headers.emplace_back("retry-after", std::to_string(retry_after_.count()));
  }
  return out;
}

ParticipantRouter& ParticipantRouter::on(std::string path, BranchHandler handler) {
  routes_.push_back({std::move(path), std::move(handler)});
  return *this;
}

ParticipantRouter& ParticipantRouter::on_try(std::string path, Client& client, std::string confirm_url,
                                             std::string cancel_url, BranchHandler handler) {
  return on(std::move(path), EnlistingTry{&client, std::move(confirm_url), std::move(cancel_url), std::move(handler)});
}

const ParticipantRouter::Route* ParticipantRouter::find(std::string_view path) const {
  const auto at = std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) { return route.path == path; });
  return at == routes_.end() ? nullptr : &*at;
}

ParticipantResponse ParticipantRouter::handle(const ParticipantRequest& request) const {
  const std::string_view path = std::string_view(request.path).substr(0, request.path.find('?'));
  const Route* const route = find(path);
  if (route == nullptr) return plain(404, "no such path");
  if (request.method != "POST") return plain(405, "every op is a POST");
  const Result<BranchCall> call = parse_call(request);
  if (!call) return plain(400, call.error().message);
  try {
    return route->handler(*call).response();
  } catch (const std::exception& thrown) {
    return plain(500, std::string("the handler threw: ") + thrown.what());
  } catch (...) {
    return plain(500, "the handler threw");
  }
}

}  // namespace settle
