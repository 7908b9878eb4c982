#include "daemon/alerts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace settle::daemon {
namespace {

constexpr std::size_t kSecretBytesMin = 16;
constexpr std::size_t kSecretBytesMax = 4096;

}  // namespace

Alerts::Alerts(Options options, Collect collect)
    : options_(std::move(options)), collect_(std::move(collect)), sender_(loop_, options_.sender) {}

Alerts::~Alerts() { stop(); }

void Alerts::start() {
  if (options_.oldest > Duration{0}) loop_.post([this] { watch_oldest(); });
  thread_ = std::thread([this] { loop_.run(); });
}

void Alerts::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
  if (const std::uint64_t left = sender_.counts().waiting; left > 0) {
    log(LogLevel::kWarn, "alerts were not delivered before the end", {{"alerts", std::to_string(left)}});
  }
}

// The bound of the queue holds for what is on its way to it, too.
void Alerts::post(std::function<void()> task) {
  if (posted_.fetch_add(1, std::memory_order_relaxed) >= options_.sender.waiting_max) {
    posted_.fetch_sub(1, std::memory_order_relaxed);
    not_posted_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  loop_.post([this, task = std::move(task)] {
    posted_.fetch_sub(1, std::memory_order_relaxed);
    task();
  });
}

void Alerts::raise(alert::Alert&& alert) {
  alert.node = options_.node;
  sender_.raise(alert);
}

void Alerts::incident(const engine::IncidentNotice& notice, Instant now) {
  alert::Alert alert;
  alert.kind = notice.opened ? alert::Kind::kIncidentOpened : alert::Kind::kIncidentClosed;
  alert.at = now;
  alert.gid = notice.gid;
  alert.branch = notice.branch_id;
  if (notice.opened) alert.cause = name_of(notice.cause);
  alert.since = notice.since;
  alert.again = notice.again;
  post([this, alert]() mutable { raise(std::move(alert)); });
}

void Alerts::destination(const engine::DestinationFigures& figures, bool is_down, Instant now) {
  alert::Alert alert;
  alert.kind = is_down ? alert::Kind::kDestinationDown : alert::Kind::kDestinationBack;
  alert.at = now;
  alert.destination = figures.name;
  if (is_down) alert.last_error = answer_text(figures.last_error);
  post([this, alert, is_down]() mutable {
    const auto known = down_.try_emplace(alert.destination, 0).first;
    const int before = known->second;
    const int after = known->second = std::max(0, before + (is_down ? 1 : -1));
    if (after == 0) down_.erase(known);
    if (is_down ? before == 0 : before == 1) raise(std::move(alert));
  });
}

// Not at every moment: a bound of an hour that is noticed some seconds late is noticed.
void Alerts::watch_oldest() {
  const Duration pause = std::clamp<Duration>(options_.oldest / 10, milliseconds{100}, std::chrono::seconds{30});
  loop_.at(loop_.now() + pause, [this] {
    collect_(loop_, [this](const api::MetricsSnapshot& figures) {
      look_at_oldest(figures.oldest_open);
      watch_oldest();
    });
  });
}

void Alerts::look_at_oldest(Instant oldest) {
  const bool is_over = oldest != kNever && loop_.now() - oldest >= options_.oldest;
  if (is_over == is_over_) return;
  is_over_ = is_over;
  alert::Alert alert;
  alert.kind = is_over ? alert::Kind::kOldestOverBound : alert::Kind::kOldestBackBelow;
  alert.at = loop_.now();
  if (is_over) alert.since = oldest;
  alert.bound = options_.oldest;
  raise(std::move(alert));
}

void Alerts::add_figures(api::MetricsSnapshot& sum) const {
  const alert::Sender::Counts counts = sender_.counts();
  sum.alerts_sent = counts.sent;
  sum.alerts_dropped = counts.dropped + not_posted_.load(std::memory_order_relaxed);
  sum.alerts_failed_attempts = counts.failed_attempts;
  sum.alerts_waiting = counts.waiting + posted_.load(std::memory_order_relaxed);
}

Result<std::string> read_secret(const std::string& path) {
  const auto refuse = [&path](const std::string& why) {
    return Error{ErrorCode::kInvalid, "alert.secret-file: " + path + ": " + why};
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return refuse(std::strerror(errno));
  struct stat found{};
  std::array<char, kSecretBytesMax> bytes{};
  const bool looked = ::fstat(fd, &found) == 0;
  const ssize_t got = ::read(fd, bytes.data(), bytes.size());
  (void)::close(fd);
  if (!looked || got < 0) return refuse("cannot be read");
  if ((found.st_mode & 077U) != 0) return refuse("others than its owner can use it; chmod 600 it");
  std::string secret(bytes.data(), static_cast<std::size_t>(got));
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  if (secret.size() < kSecretBytesMin) {
    return refuse("holds less than " + std::to_string(kSecretBytesMin) + " bytes; write random ones there");
  }
  return secret;
}

}  // namespace settle::daemon
