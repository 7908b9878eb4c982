#include "cli/rehearsal.h"

#include <algorithm>
#include <charconv>
#include <latch>
#include <random>
#include <thread>

#include "net/http_fields.h"
#include "settle/ids.h"

namespace settle::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kUnknownAsksMax = 3;
constexpr milliseconds kPause{50};  ///< before an unknown answer is asked again
constexpr milliseconds kRetryAfterMax{1000};
constexpr std::size_t kBodyBytesTold = 40;
constexpr std::size_t kTracedMax = 8;  ///< repeats of one call are told once

/// `count` characters of the alphabet that tids are shown in.
std::string random_text(std::size_t count) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::random_device machine;
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text.push_back(kAlphabet[machine() % kAlphabet.size()]);
  return text;
}

Heard heard_of_status(int status) {
  if (status >= 200 && status < 300) return Heard::kDone;
  if (status == 409) return Heard::kRefused;
  if (status == 425) return Heard::kRunning;
  return Heard::kUnknown;
}

/// The pause that a `running` asks for, within reason for somebody who waits at a terminal.
milliseconds pause_of(const std::string& retry_after) {
  int seconds = 0;
  const auto [end, error] = std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  if (error != std::errc{} || seconds <= 0) return kPause;
  return std::min<milliseconds>(std::chrono::seconds(std::min(seconds, 60)), kRetryAfterMax);
}

std::string text_of(std::string_view op, const OpAnswer& answer) {
  if (answer.status == 0) return std::string(op) + " " + answer.body;
  std::string text = std::string(op) + " " + std::to_string(answer.status);
  // Of a result as much as shows that another one is another one.
  if (answer.heard == Heard::kDone && !answer.body.empty()) text += " " + answer.body.substr(0, kBodyBytesTold);
  return text;
}

/// As settle would have named a transaction that begins now: a barrier takes what began too long ago for pruned.
std::string tid_of_now() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  std::random_device machine;
  Tid tid;
  tid.sequence = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count());
  tid.cluster = 1;
  tid.epoch = machine();
  return tid.text();
}

}  // namespace

TrialBranch Rehearsal::fresh() { return {"verify-" + random_text(16), tid_of_now()}; }

void Rehearsal::record(std::string_view op, const OpAnswer& answer) {
  const std::lock_guard held(lock_);
  std::string text = text_of(op, answer);
  if (answer.status != 0) answered_ = true;
  if (answer.status >= 300 && answer.status < 400 && redirect_.empty()) redirect_ = text;
  if (answer.is_late && late_.empty()) late_ = text;
  trace_.push_back(std::move(text));
}

OpAnswer Rehearsal::send(const TrialBranch& branch, std::string_view op, int attempt) {
  const OpTarget& target = subject_.targets.find(op)->second;
  const bool is_check = op == "check";
  HttpRequest request{"POST", target.path, is_check ? std::string_view() : std::string_view(subject_.input)};
  bool fine = net::append_header(request.headers, "settle-gid", branch.gid);
  fine = fine && net::append_header(request.headers, "settle-tid", branch.tid);
  fine = fine && net::append_header(request.headers, "settle-branch", is_check ? std::string_view("00") : branch.id);
  fine = fine && net::append_header(request.headers, "settle-op", op);
  fine = fine && net::append_header(request.headers, "settle-pattern", subject_.roles.pattern);
  fine = fine && net::append_header(request.headers, "settle-attempt", std::to_string(attempt));
  OpAnswer answer;
  if (!fine) {
    answer.body = "the headers cannot be written";
    return answer;
  }
  const Clock::time_point sent = Clock::now();
  Result<HttpAnswer> got = exchange(target.endpoint, request, subject_.answer_limit);
  if (got) {
    answer.status = got->status;
    answer.heard = heard_of_status(got->status);
    answer.body = answer.heard == Heard::kRunning ? std::move(got->retry_after) : std::move(got->body);
  } else {
    answer.is_unreachable = got.error().code == ErrorCode::kUnavailable;
    answer.is_late = !answer.is_unreachable && Clock::now() - sent >= subject_.answer_limit;
    answer.body = answer.is_late ? "without an answer in " + std::to_string(subject_.answer_limit.count()) + " ms"
                                 : "without an answer: " + got.error().message;
  }
  record(op, answer);
  return answer;
}

OpAnswer Rehearsal::ask(const TrialBranch& branch, std::string_view op) {
  const Clock::time_point give_up = Clock::now() + subject_.running_limit;
  int unknown = 0;
  for (int attempt = 1;; ++attempt) {
    OpAnswer answer = send(branch, op, attempt);
    switch (answer.heard) {
      case Heard::kDone:
      case Heard::kRefused:
        return answer;
      case Heard::kRunning:
        if (Clock::now() >= give_up) return answer;
        std::this_thread::sleep_for(pause_of(answer.body));
        break;
      case Heard::kUnknown:
        // A redirect or a call that hangs is not better a second time; a 503 may be.
        if (answer.is_late || answer.is_unreachable || ++unknown >= kUnknownAsksMax) return answer;
        if (answer.status >= 300 && answer.status < 400) return answer;
        std::this_thread::sleep_for(kPause);
        break;
    }
  }
}

std::vector<OpAnswer> Rehearsal::ask_together(const TrialBranch& branch, const std::vector<std::string_view>& ops) {
  std::vector<OpAnswer> answers(ops.size());
  std::latch ready(static_cast<std::ptrdiff_t>(ops.size()));
  {
    std::vector<std::jthread> callers;
    for (std::size_t i = 0; i < ops.size(); ++i) {
      callers.emplace_back([&, i] {
        ready.arrive_and_wait();
        answers[i] = ask(branch, ops[i]);
      });
    }
  }
  return answers;
}

std::string Rehearsal::take_trace() {
  const std::lock_guard held(lock_);
  std::string text;
  std::size_t told = 0;
  for (std::size_t i = 0; i < trace_.size();) {
    std::size_t end = i;
    while (end < trace_.size() && trace_[end] == trace_[i]) ++end;
    if (told++ == kTracedMax) {
      text += ", …";
      break;
    }
    text += (text.empty() ? "" : ", ") + trace_[i];
    if (end - i > 1) text += " (" + std::to_string(end - i) + " times)";
    i = end;
  }
  trace_.clear();
  return text;
}

}  // namespace settle::cli
