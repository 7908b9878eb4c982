#include "client/line.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "net/url.h"

namespace settle::client {
namespace {

constexpr std::uint32_t kAnswerBytesMax = 16 * 1024 * 1024;
constexpr int kPauseGrowthMax = 20;

net::HttpClientOptions http_options(const ClientOptions& options) {
  net::HttpClientOptions out;
  out.limits.body_bytes = kAnswerBytesMax;
  out.connections_per_destination_max = std::max<std::size_t>(1, options.connections_max);
  out.connections_max = out.connections_per_destination_max * std::max<std::size_t>(1, options.addresses.size());
  out.headers = "user-agent: settle-client\r\naccept: application/json\r\n";
  return out;
}

/// Seconds; dates do not come from our daemon.
Duration retry_after(const net::HttpAnswer& answer) {
  const std::string_view text = answer.header("retry-after").value_or("");
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, 60)};
}

bool says_overloaded(std::string_view body) { return body.find("\"/errors/overloaded\"") != std::string_view::npos; }

enum class Worth { kTelling, kRepeating, kRepeatingUnknown };

/// 5xx may come from a proxy, from a daemon that is going down, or from one that does not know: ask again. A full store
/// and an overload have done nothing.
Worth worth_of(const net::HttpAnswer& answer) {
  if (answer.status == 429 || answer.status == 507) return Worth::kRepeating;
  if (answer.status == 503 && says_overloaded(answer.body)) return Worth::kRepeating;
  if (answer.status >= 500 || answer.status == 408) return Worth::kRepeatingUnknown;
  return Worth::kTelling;
}

std::string words_for(const net::HttpAnswer& answer) {
  switch (answer.failure) {
    case net::HttpFailure::kNone:
      return "HTTP " + std::to_string(answer.status);
    case net::HttpFailure::kRefused:
      return "no connection";
    case net::HttpFailure::kUnresolved:
      return "the host has no address";
    case net::HttpFailure::kTimedOut:
      return answer.bytes_written ? "no answer in time" : "no connection in time";
    case net::HttpFailure::kReset:
      return "the connection ended before the answer";
    case net::HttpFailure::kBadAnswer:
      return "what answers does not speak HTTP";
    case net::HttpFailure::kTooLarge:
      return "the answer is too large";
    case net::HttpFailure::kCancelled:
      return "the client is closing";
    case net::HttpFailure::kBadCall:
      return "the request cannot be sent";
  }
  return {};
}

}  // namespace

Line::Line(const ClientOptions& options)
    : attempt_timeout_(options.attempt_timeout),
      patience_(options.patience),
      pause_(std::max<Duration>(options.pause, milliseconds{1})),
      http_(loop_, http_options(options), [this](const net::HttpAnswer& answer) { on_answer(answer); }) {
  for (const std::string& address : options.addresses) {
    const std::string origin = address.starts_with("http://") ? address : "http://" + address;
    const Result<net::Url> url = net::parse_url(origin);
    if (!url || url->target != "/" || origin.ends_with('/')) {
      wrong_ = "\"" + address + "\" is no address of a daemon; HOST:PORT is one, for example 127.0.0.1:36789";
    }
    origins_.push_back(origin);
  }
  if (origins_.empty()) wrong_ = "the client has no address of a daemon";
  thread_ = std::thread([this] { loop_.run(); });
}

Line::~Line() {
  loop_.post([this] {
    closing_ = true;
    fail_all();
    loop_.post([this] { loop_.stop(); });  // whoever asks again when told of the end is answered before this
  });
  thread_.join();
}

void Line::fail_all() {
  while (!open_.empty()) {
    const auto first = open_.begin();
    first->second.why = "the client is closing";
    if (first->second.tries > 0) first->second.may_have_run = true;  // an attempt is under way
    end(first->first, Heard{});
  }
}

void Line::ask(Ask ask, Then then) {
  loop_.post([this, ask = std::move(ask), then = std::move(then)]() mutable {
    if (!wrong_.empty()) return then(Error{ErrorCode::kInvalid, wrong_});
    if (closing_) return then(Error{ErrorCode::kUnavailable, "the client is closing"});
    const std::uint64_t id = ++last_id_;
    Open& open = open_[id];
    open.give_up = loop_.now() + patience_ + ask.held;
    open.ask = std::move(ask);
    open.then = std::move(then);
    open.daemon = favourite_;
    open.pause = pause_;
    start(id);
  });
}

void Line::start(std::uint64_t id) {
  const auto at = open_.find(id);
  if (at == open_.end()) return;
  Open& open = at->second;
  ++open.tries;
  const std::string url = origins_[open.daemon] + open.ask.target;
  http_.call({.url = url,
              .method = open.ask.method,
              .headers = open.ask.headers,
              .body = open.ask.body,
              .deadline = std::min(open.give_up, loop_.now() + attempt_timeout_ + open.ask.held),
              .cookie = id});
}

void Line::on_answer(const net::HttpAnswer& answer) {
  const auto at = open_.find(answer.cookie);
  if (at == open_.end()) return;
  Open& open = at->second;
  const bool answered = answer.failure == net::HttpFailure::kNone;
  const Worth worth = answered ? worth_of(answer) : Worth::kRepeating;
  if (worth == Worth::kTelling) {
    favourite_ = open.daemon;
    return end(at->first, Heard{answer.status, std::string(answer.body)});
  }
  open.why = origins_[open.daemon] + ": " + words_for(answer);
  if (worth == Worth::kRepeatingUnknown || (!answered && answer.bytes_written)) open.may_have_run = true;
  if (answer.failure == net::HttpFailure::kBadCall) return end(at->first, Error{ErrorCode::kInvalid, open.why});
  if (answered) open.asked_pause = std::max(open.asked_pause, retry_after(answer));
  again(at->first, open);
}

// The next daemon at once; when all have been asked, a pause.
void Line::again(std::uint64_t id, Open& open) {
  open.daemon = (open.daemon + 1) % origins_.size();
  const bool round_is_over = open.tries % origins_.size() == 0;
  const Duration pause = round_is_over ? std::max(open.pause, open.asked_pause) : Duration{0};
  if (round_is_over) {
    open.pause = std::min(open.pause * 2, pause_ * kPauseGrowthMax);
    open.asked_pause = Duration{0};
  }
  if (loop_.now() + pause >= open.give_up) return end(id, Heard{});
  open.timer = loop_.at(loop_.now() + pause, [this, id] { start(id); });
}

/// A Heard without status: nobody answered.
void Line::end(std::uint64_t id, Result<Heard> how) {
  auto node = open_.extract(id);
  Open& open = node.mapped();
  loop_.cancel(open.timer);
  if (how && how->status == 0) {
    how = open.may_have_run ? Error{ErrorCode::kUnknownOutcome, "whether it happened is not known; " + open.why}
                            : Error{ErrorCode::kUnavailable, "no daemon took it; " + open.why};
  }
  open.then(std::move(how));
}

}  // namespace settle::client
