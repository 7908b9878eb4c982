#include "participant/http/dtm_dialect.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "net/http_fields.h"
#include "participant/http/answer.h"
#include "wire/dtm_words.h"
#include "wire/json_reader.h"
#include "wire/json_writer.h"

namespace settle::participant::dtm {
namespace {

constexpr std::string_view kOngoing = "ONGOING";
constexpr std::string_view kFailure = "FAILURE";
constexpr std::int64_t kFailureCode = -32901, kOngoingCode = -32902;

bool is_unreserved(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == '~';
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(c)) {
      out.push_back(c);
    } else {
      out.append({'%', kHex[byte >> 4U], kHex[byte & 15U]});
    }
  }
}

bool is_content_type(std::string_view name) {
  constexpr std::string_view kName = "content-type";
  return std::equal(name.begin(), name.end(), kName.begin(), kName.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

/// Value of the query parameter `method`; empty: there is none.
std::string_view method_in(std::string_view url) {
  constexpr std::string_view kName = "method=";
  std::string_view query = url.substr(std::min(url.find('?'), url.size()));
  while (!query.empty()) {
    query.remove_prefix(1);
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with(kName)) return pair.substr(kName.size());
    query.remove_prefix(pair.size());
  }
  return {};
}

struct Parameter {
  std::string_view name;
  std::string_view value;
};

std::array<Parameter, 4> parameters_of(const Call& call) {
  return {Parameter{"branch_id", call.branch_id}, Parameter{"gid", call.gid}, Parameter{"op", wire::dtm_word(call.op)},
          Parameter{"trans_type", wire::dtm_word(call.pattern)}};
}

/// The members of the payload, if it is an object, and ours.
void append_params(wire::JsonWriter& json, const Call& call) {
  const auto parameters = parameters_of(call);
  json.begin_object();
  wire::JsonReader payload;
  payload.open(call.payload);
  std::string_view key;
  if (wire::check_json(call.payload) == std::nullopt && payload.enter_object()) {
    while (payload.next_member(key)) {
      const std::string name(key);
      const std::string_view value = payload.raw();
      const bool is_ours = std::any_of(parameters.begin(), parameters.end(),
                                       [&](const Parameter& parameter) { return parameter.name == name; });
      if (is_ours) continue;
      json.escaped_key(name);
      json.raw(value);
    }
  }
  for (const Parameter& parameter : parameters) json.member(parameter.name, parameter.value);
  json.end_object();
}

/// What the member `error` of a JSON-RPC answer says; kDone: there is none.
Outcome outcome_of_error(std::string_view body) {
  wire::JsonReader json;
  json.open(body);
  std::string_view key;
  if (wire::check_json(body) || !json.enter_object()) return Outcome::kUnknown;
  Outcome outcome = Outcome::kDone;
  while (json.next_member(key)) {
    if (key != "error" || json.peek() == wire::JsonType::kNull) {
      (void)json.raw();
      continue;
    }
    outcome = Outcome::kUnknown;
    if (json.peek() != wire::JsonType::kObject) {
      (void)json.raw();
      continue;
    }
    (void)json.enter_object();
    while (json.next_member(key)) {
      const bool is_code = key == "code" && json.peek() == wire::JsonType::kNumber;
      const auto code = is_code ? wire::whole_number(json.number()) : std::nullopt;
      if (code == kFailureCode) outcome = Outcome::kRefused;
      if (code == kOngoingCode) outcome = Outcome::kRunning;
      if (!is_code) (void)json.raw();
    }
  }
  return outcome;
}

Outcome outcome_of(const net::HttpAnswer& answer) {
  if (answer.status == 425 || answer.body.find(kOngoing) != std::string_view::npos) return Outcome::kRunning;
  if (answer.status == 409 || answer.body.find(kFailure) != std::string_view::npos) return Outcome::kRefused;
  return outcome_of_http(answer.status) == Outcome::kDone ? Outcome::kDone : Outcome::kUnknown;
}

/// A check-back is answered by what it finds: done is "committed", refused "rolled back".
void as_check(CallEnded& ended) {
  if (ended.outcome == Outcome::kDone) ended.check = CheckState::kCommitted;
  if (ended.outcome == Outcome::kRefused) ended.check = CheckState::kAborted;
  if (ended.outcome == Outcome::kRefused) ended.outcome = Outcome::kDone;
}

}  // namespace

bool is_by_json_rpc(const Call& call) { return call.dialect == Dialect::kDtmJsonRpc && !method_in(call.url).empty(); }

std::string_view method_of(const Call& call) {
  return call.payload.empty() && call.pattern != Pattern::kTwoPhase ? "GET" : "POST";
}

void build(const Call& call, Random& random, std::string& url, std::string& body) {
  url.assign(call.url);
  body.clear();
  if (is_by_json_rpc(call)) {
    wire::JsonWriter json(body);
    json.begin_object();
    json.member("id", std::to_string(random.next()));
    json.plain_member("jsonrpc", "2.0");
    json.member("method", method_in(call.url));
    json.key("params");
    append_params(json, call);
    json.end_object();
    return;
  }
  char mark = url.find('?') == std::string::npos ? '?' : '&';
  for (const Parameter& parameter : parameters_of(call)) {
    url.push_back(mark);
    url.append(parameter.name).push_back('=');
    append_escaped(url, parameter.value);
    mark = '&';
  }
}

bool append_headers(std::string& lines, const Call& call) {
  bool fine = true;
  bool has_type = false;
  if (call.headers != nullptr) {
    for (const auto& [name, value] : *call.headers) {
      fine = net::append_header(lines, name, value) && fine;
      has_type = has_type || is_content_type(name);
    }
  }
  if (!has_type) lines.append("content-type: application/json\r\n");
  return fine;
}

CallEnded ended_of(const net::HttpAnswer& answer, Op op, bool by_json_rpc) {
  CallEnded ended;
  ended.op = op;
  if (answer.failure != net::HttpFailure::kNone) {
    ended.answer = code_of(answer.failure);
    ended.reached = answer.bytes_written;
    ended.result = answer_text(ended.answer);
    return ended;
  }
  ended.answer = static_cast<AnswerCode>(answer.status);
  ended.outcome = outcome_of(answer);
  if (by_json_rpc && ended.outcome == Outcome::kDone) ended.outcome = outcome_of_error(answer.body);
  if (ended.outcome != Outcome::kDone) ended.result = answer.body;  // nobody asks for the body of a success
  if (op == Op::kCheck) as_check(ended);
  return ended;
}

CallEnded ended_without_url(Op op) {
  CallEnded ended;
  ended.op = op;
  if (op != Op::kCheck) ended.outcome = Outcome::kDone;
  ended.answer = op == Op::kCheck ? kAnswerRefused : AnswerCode{200};
  ended.reached = op != Op::kCheck;
  return ended;
}

}  // namespace settle::participant::dtm
