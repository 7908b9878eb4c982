#include "participant.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/assert.h"

namespace settle::bench {
namespace {

constexpr std::uint64_t kListener = 0;
constexpr std::uint64_t kWake = 1;
constexpr std::uint64_t kFirstConnection = 2;
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
constexpr std::size_t kTransactionsMax = 100'000'000;

std::optional<std::size_t> index_of(std::string_view gid, std::string_view run) {
  if (gid.size() != run.size() + 10 || !gid.starts_with(run)) return std::nullopt;
  std::size_t index = 0;
  const auto [end, problem] = std::from_chars(gid.data() + run.size(), gid.data() + gid.size(), index);
  if (problem != std::errc{} || end != gid.data() + gid.size() || index >= kTransactionsMax) return std::nullopt;
  return index;
}

}  // namespace

Participant::Participant(Expected expected)
    : expected_(std::move(expected)),
      listener_(listen_on_loopback(port_)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  poll_.add(listener_, kListener);
  poll_.add(wake_, kWake);
  thread_ = std::thread([this] { run(); });
}

Participant::~Participant() { stop(); }

void Participant::stop() {
  if (!thread_.joinable()) return;
  stop_.store(true);
  SETTLE_ASSERT(eventfd_write(wake_.get(), 1) == 0);
  thread_.join();
}

double Participant::request_bytes() const {
  return requests_ == 0 ? 0 : static_cast<double>(request_bytes_) / static_cast<double>(requests_);
}

void Participant::run() {
  while (!stop_.load(std::memory_order_relaxed)) {
    poll_.wait(-1, [this](std::uint64_t number) {
      if (number == kListener) {
        accept_all();
      } else if (number != kWake) {
        serve(number);
      }
    });
  }
}

void Participant::accept_all() {
  for (net::Fd fd = accept_from(listener_); fd.open(); fd = accept_from(listener_)) {
    auto connection = std::make_unique<Connection>();
    connection->fd = std::move(fd);
    poll_.add(connection->fd, kFirstConnection + connections_.size());
    connections_.push_back(std::move(connection));
  }
}

void Participant::serve(std::uint64_t number) {
  auto& place = connections_[static_cast<std::size_t>(number - kFirstConnection)];
  if (place == nullptr) return;
  Connection& connection = *place;
  if (connection.inbox.receive(connection.fd) == Inbox::Got::kEnd) {
    place.reset();
    return;
  }
  answers_.clear();
  for (Message message; read_message(connection.inbox.data(), message); connection.inbox.drop(message.bytes)) {
    count(message);
    answers_ += kAnswer;
  }
  if (!answers_.empty() && !send_all(connection.fd, answers_)) place.reset();
}

void Participant::count(const Message& message) {
  ++requests_;
  request_bytes_ += message.bytes;
  const auto index = index_of(message.gid, expected_.run);
  const auto branch = message.branch.size() == 1 ? static_cast<std::size_t>(message.branch[0] - 'a') : std::size_t{99};
  const auto op = std::find(expected_.ops.begin(), expected_.ops.end(), message.op);
  if (!index || branch >= expected_.branches || op == expected_.ops.end()) {
    ++strange_;
    return;
  }
  const auto which = static_cast<std::size_t>(op - expected_.ops.begin());
  const std::size_t place = *index * calls_each() + branch * expected_.ops.size() + which;
  if (place >= calls_.size()) calls_.resize(std::max(place + 1, calls_.size() * 2));
  if (calls_[place] < 255) ++calls_[place];
}

Verdict Participant::judge(const std::vector<bool>& committed) const {
  Verdict verdict;
  verdict.strange = strange_;
  const std::size_t places = std::max(calls_.size(), committed.size() * calls_each());
  for (std::size_t place = 0; place < places; ++place) {
    const unsigned calls = place < calls_.size() ? calls_[place] : 0;
    const std::size_t index = place / calls_each();
    if (calls > 1) ++verdict.doubled;
    if (index >= committed.size() || !committed[index]) continue;
    verdict.effects += calls;
    if (calls == 0) ++verdict.missing;
  }
  return verdict;
}

}  // namespace settle::bench
