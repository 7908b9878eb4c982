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

constexpr std::uint64_t kWake = 0;
constexpr std::uint64_t kFirstListener = 1;
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
constexpr std::size_t kLetters = 26;
constexpr std::size_t kTransactionsMax = 100'000'000;

std::optional<std::size_t> index_of(std::string_view gid, std::string_view run) {
  if (gid.size() != run.size() + 10 || !gid.starts_with(run)) return std::nullopt;
  std::size_t index = 0;
  const auto [end, problem] = std::from_chars(gid.data() + run.size(), gid.data() + gid.size(), index);
  if (problem != std::errc{} || end != gid.data() + gid.size() || index >= kTransactionsMax) return std::nullopt;
  return index;
}

std::size_t branch_of(std::string_view id) {
  if (id.size() == 1) return static_cast<std::size_t>(id[0] - 'a');
  std::size_t branch = kLetters;
  const auto [end, problem] = std::from_chars(id.data(), id.data() + id.size(), branch);
  return problem == std::errc{} && end == id.data() + id.size() ? branch : std::size_t{0} - 1;
}

std::vector<net::Fd> listeners(std::uint32_t ports) {
  std::vector<net::Fd> out;
  std::uint16_t port = 0;
  while (out.size() < ports) out.push_back(listen_on_loopback(port));
  return out;
}

std::vector<net::Fd> only(net::Fd listener) {
  std::vector<net::Fd> out;
  out.push_back(std::move(listener));
  return out;
}

}  // namespace

std::string branch_id(std::size_t branch) {
  return branch < kLetters ? std::string(1, static_cast<char>('a' + branch)) : std::to_string(branch);
}

std::string told(const Verdict& verdict) {
  return "effects: " + std::to_string(verdict.missing) + " missing, " + std::to_string(verdict.doubled) + " doubled, " +
         std::to_string(verdict.strange) + " strange";
}

Participant::Participant(Expected expected, std::uint32_t ports) : Participant(std::move(expected), listeners(ports)) {}

Participant::Participant(Expected expected, net::Fd listener)
    : Participant(std::move(expected), only(std::move(listener))) {}

Participant::Participant(Expected expected, std::vector<net::Fd> listeners)
    : expected_(std::move(expected)), listeners_(std::move(listeners)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  poll_.add(wake_, kWake);
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    poll_.add(listeners_[i], kFirstListener + i);
    ports_.push_back(port_of(listeners_[i]));
  }
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
      if (number == kWake) return;
      const auto which = static_cast<std::size_t>(number - kFirstListener);
      if (which < listeners_.size()) {
        accept_all(listeners_[which]);
      } else {
        serve(which - listeners_.size());
      }
    });
  }
}

void Participant::accept_all(const net::Fd& listener) {
  for (net::Fd fd = accept_from(listener); fd.open(); fd = accept_from(listener)) {
    auto connection = std::make_unique<Connection>();
    connection->fd = std::move(fd);
    poll_.add(connection->fd, kFirstListener + listeners_.size() + connections_.size());
    connections_.push_back(std::move(connection));
  }
}

void Participant::serve(std::size_t number) {
  auto& place = connections_[number];
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
  const std::size_t branch = branch_of(message.branch);
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
