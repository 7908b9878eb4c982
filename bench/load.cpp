#include "load.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/assert.h"

namespace settle::bench {
namespace {

constexpr std::string_view kNumber = "0000000000";
constexpr std::chrono::seconds kPatience{30};
constexpr std::int64_t kLookAroundNs = 20'000'000;

void write_number(char* at, std::size_t number) {
  for (std::size_t i = kNumber.size(); i-- > 0; number /= 10) at[i] = static_cast<char>('0' + number % 10);
}

int status_of(std::string_view answer) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  int status = 0;
  if (answer.starts_with(kVersion)) {
    const char* at = answer.data() + kVersion.size();
    (void)std::from_chars(at, at + 3, status);
  }
  return status;
}

}  // namespace

Job make_job(std::string_view path, std::string body, const std::string& run, std::string committed_word) {
  Job job;
  const std::string gid = run + std::string(kNumber);
  const std::size_t place = body.find("GID");
  SETTLE_ASSERT(place != std::string::npos);
  body.replace(place, 3, gid);
  job.request.append("POST ").append(path).append(" HTTP/1.1\r\nhost: 127.0.0.1\r\n");
  job.request.append("content-type: application/json\r\ncontent-length: ").append(std::to_string(body.size()));
  job.request.append("\r\n\r\n");
  job.number_at = job.request.size() + place + run.size();
  job.request += body;
  job.committed_word = std::move(committed_word);
  return job;
}

Load::Load(LoadOptions options, std::vector<Job> jobs) : options_(options), jobs_(std::move(jobs)) {
  SETTLE_ASSERT(!jobs_.empty());
  for (std::size_t number = 0; number < options_.connections; ++number) {
    connections_.push_back(std::make_unique<Connection>());
    reconnect(number);
  }
  thread_ = std::thread([this] { run(); });
}

Load::~Load() { finish(); }

void Load::finish() {
  if (!thread_.joinable()) return;
  phase_.store(Phase::kFinishing);
  thread_.join();
}

void Load::complete(std::chrono::seconds patience) {
  const auto give_up = Clock::now() + patience;
  while (ended_.load(std::memory_order_relaxed) < options_.total && Clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  finish();
}

double Load::answer_bytes() const {
  return answers_ == 0 ? 0 : static_cast<double>(answer_bytes_) / static_cast<double>(answers_);
}

void Load::run() {
  start_ = Clock::now();
  Clock::time_point give_up = Clock::time_point::max();
  for (;;) {
    if (const Phase phase = phase_.load(std::memory_order_relaxed); phase != seen_) enter(phase);
    begin_due();
    if (seen_ == Phase::kFinishing && give_up == Clock::time_point::max()) give_up = Clock::now() + kPatience;
    const bool is_over = seen_ == Phase::kFinishing && idle_.size() + refused_ == connections_.size();
    if (is_over || Clock::now() > give_up) break;
    poll_.wait(pause_ns(give_up), [this](std::uint64_t number) { receive(static_cast<std::size_t>(number)); });
  }
  for (std::size_t number = 0; number < connections_.size(); ++number) {
    if (connections_[number]->busy) failed(number, "no answer within 30 s");
  }
}

void Load::enter(Phase phase) {
  const Clock::time_point now = Clock::now();
  if (seen_ < Phase::kMeasuring) measuring_since_ = now;
  seen_ = phase;
  if (phase >= Phase::kMeasured && measured_at_ == Clock::time_point::max()) {
    measured_at_ = now;
    count_those_behind();
  }
}

// Closed loop: what ends in the measured time. Open loop: what was due in it, whenever it ends.
bool Load::is_sample(Clock::time_point begin) const {
  if (options_.rate <= 0) return seen_ == Phase::kMeasuring;
  return seen_ >= Phase::kMeasuring && begin >= measuring_since_ && begin < measured_at_;
}

Load::Clock::time_point Load::due(std::size_t transaction) const {
  return start_ +
         std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(transaction) * 1e9 / options_.rate));
}

// Looks around now and then, so that a change of phase is seen without traffic.
std::int64_t Load::pause_ns(Clock::time_point give_up) const {
  if (options_.rate <= 0 || idle_.empty() || !may_begin() || give_up != Clock::time_point::max()) return kLookAroundNs;
  return std::clamp<std::int64_t>(std::chrono::nanoseconds(due(begun_) - Clock::now()).count(), 0, kLookAroundNs);
}

bool Load::may_begin() const {
  return seen_ < (options_.rate > 0 ? Phase::kMeasured : Phase::kFinishing) &&
         (options_.total == 0 || begun_ < options_.total);
}

void Load::begin_due() {
  while (!idle_.empty() && may_begin()) {
    Clock::time_point since = Clock::now();
    if (options_.rate > 0) {
      const Clock::time_point wanted = due(begun_);
      if (wanted > since) return;
      since = wanted;
    }
    const std::size_t number = idle_.back();
    idle_.pop_back();
    begin_one(number, since);
  }
}

void Load::begin_one(std::size_t number, Clock::time_point since) {
  Connection& connection = *connections_[number];
  connection.busy = true;
  connection.begin = since;
  connection.transaction = begun_++;
  Job& job = job_of(connection);
  write_number(job.request.data() + job.number_at, connection.transaction);
  if (!send_all(connection.fd, job.request)) failed(number, "the request could not be sent");
}

void Load::receive(std::size_t number) {
  Connection& connection = *connections_[number];
  switch (connection.inbox.receive(connection.fd)) {
    case Inbox::Got::kNothing:
      return;
    case Inbox::Got::kEnd:
      failed(number, "the connection was closed");
      return;
    case Inbox::Got::kBytes:
      break;
  }
  const std::string_view data = connection.inbox.data();
  Message answer;
  if (!read_message(data, answer)) return;
  if (!connection.busy) return failed(number, "an answer without a request");
  ++answers_;
  answer_bytes_ += answer.bytes;
  const int status = status_of(data);
  const bool good = status >= 200 && status < 300 &&
                    answer.body(data).find(job_of(connection).committed_word) != std::string_view::npos;
  if (!good && first_error_.empty()) first_error_ = data.substr(0, answer.bytes);
  connection.inbox.drop(answer.bytes);
  ended(number, good);
}

void Load::ended(std::size_t number, bool good) {
  Connection& connection = *connections_[number];
  connection.busy = false;
  ended_.fetch_add(1, std::memory_order_relaxed);
  if (good) {
    if (connection.transaction >= committed_.size())
      committed_.resize(std::max(connection.transaction + 1, committed_.size() * 2));
    committed_[connection.transaction] = true;
  } else {
    ++errors_;
  }
  if (good && seen_ == Phase::kMeasuring) ++completed_;
  if (good && is_sample(connection.begin))
    latencies_.add(static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - connection.begin).count()));
  // In a closed loop at once, so that begin_due() has nothing to look for.
  if (options_.rate <= 0 && may_begin()) {
    begin_one(number, Clock::now());
  } else {
    idle_.push_back(number);
  }
}

void Load::failed(std::size_t number, const std::string& why) {
  Connection& connection = *connections_[number];
  if (first_error_.empty()) first_error_ = why;
  ++errors_;
  if (connection.busy) ended_.fetch_add(1, std::memory_order_relaxed);
  connection.busy = false;
  poll_.remove(connection.fd);
  reconnect(number);
}

void Load::reconnect(std::size_t number) {
  Connection& connection = *connections_[number];
  connection.inbox.clear();
  connection.fd = connect_to_loopback(options_.port);
  if (!connection.fd.open()) {
    // Without a coordinator there is nothing to measure; the number of connections shrinks, the error is told.
    if (first_error_.empty()) first_error_ = "the coordinator refuses connections";
    ++errors_;
    ++refused_;
    return;
  }
  poll_.add(connection.fd, number);
  idle_.push_back(number);
}

void Load::count_those_behind() {
  if (options_.rate <= 0) return;
  for (std::size_t transaction = begun_; due(transaction) < measured_at_; ++transaction) {
    ++behind_;
    latencies_.add(static_cast<std::uint64_t>(std::chrono::nanoseconds(measured_at_ - due(transaction)).count()));
  }
}

}  // namespace settle::bench
