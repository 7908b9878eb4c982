#include "alert/sender.h"

#include <algorithm>

#include "base/log.h"
#include "net/http_fields.h"

namespace settle::alert {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::string seconds_of(Instant at) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count());
}

/// The receiver understands the request and will never take it.
bool is_final(int status) { return status >= 400 && status < 500 && status != 408 && status != 429; }

}  // namespace

Sender::Sender(net::Loop& loop, SenderOptions options)
    : loop_(loop),
      options_(std::move(options)),
      client_(loop, {}, [this](const net::HttpAnswer& answer) { answered(answer); }) {}

Sender::Counts Sender::counts() const {
  return {sent_.load(kRelaxed), dropped_.load(kRelaxed), failed_attempts_.load(kRelaxed),
          count_waiting_.load(kRelaxed)};
}

void Sender::raise(const Alert& alert) {
  if (waiting_.size() >= options_.waiting_max) {
    dropped_.fetch_add(1, kRelaxed);
    log(LogLevel::kWarn, "an alert is dropped: too many wait", {{"alert", id_of(alert)}});
    return;
  }
  waiting_.push_back({body_of(alert), id_of(alert), loop_.now()});
  count_waiting_.store(waiting_.size(), kRelaxed);
  if (!under_way_) send();
}

void Sender::send() {
  under_way_ = true;
  const Waiting& next = waiting_.front();
  const std::string timestamp = seconds_of(loop_.now());
  net::HttpCall call;
  call.url = options_.url;
  std::string headers = "content-type: application/json\r\nsettle-timestamp: " + timestamp + "\r\n";
  headers += "settle-signature: " + signature_of(options_.secret, timestamp, next.body) + "\r\n";
  call.headers = headers;
  call.body = next.body;
  call.deadline = loop_.now() + options_.timeout;
  (void)client_.call(call);
}

void Sender::answered(const net::HttpAnswer& answer) {
  if (answer.failure == net::HttpFailure::kNone && answer.status >= 200 && answer.status < 300) {
    sent_.fetch_add(1, kRelaxed);
    return done();
  }
  failed_attempts_.fetch_add(1, kRelaxed);
  if (answer.failure == net::HttpFailure::kNone && is_final(answer.status)) return give_up("it was refused");
  if (loop_.now() - waiting_.front().since >= options_.keep) return give_up("it could not be delivered in time");
  pause_ = pause_ == Duration{0} ? options_.pause : std::min(pause_ * 2, options_.pause_max);
  (void)loop_.at(loop_.now() + pause_, [this] { send(); });
}

void Sender::give_up(std::string_view why) {
  dropped_.fetch_add(1, kRelaxed);
  log(LogLevel::kWarn, "an alert is dropped", {{"alert", waiting_.front().id}, {"why", why}});
  done();
}

void Sender::done() {
  pause_ = Duration{0};
  under_way_ = false;
  waiting_.pop_front();
  count_waiting_.store(waiting_.size(), kRelaxed);
  if (!waiting_.empty()) send();
}

}  // namespace settle::alert
