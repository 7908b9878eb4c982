#include "settled.h"

#include <poll.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "bare_http.h"

namespace settle::bench {
namespace {

// Of /metrics.
constexpr std::string_view kSyncs = "settle_store_syncs_total";
constexpr std::string_view kSaves = "settle_store_saves_total";
constexpr std::string_view kGroups = "settle_store_groups_total";
constexpr std::string_view kCommitSeconds = "settle_store_commit_seconds_total";
constexpr std::string_view kForced = R"(settle_saves_total{durability="forced"})";

/// GET, waiting for the answer; kUnavailable if there is none or it is no 200.
Result<std::string> get(std::uint16_t port, const std::string& path) {
  const Error nothing{ErrorCode::kUnavailable, "no good answer to GET " + path};
  const net::Fd fd = connect_to_loopback(port);
  if (!fd.open() || !send_all(fd, "GET " + path + " HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")) return nothing;
  const auto inbox = std::make_unique<Inbox>();
  std::string data;
  for (;;) {
    pollfd ready{fd.get(), POLLIN, 0};
    if (poll(&ready, 1, 5000) != 1 || inbox->receive(fd) != Inbox::Got::kBytes) return nothing;
    data += inbox->data();
    inbox->clear();
    Message answer;
    if (!read_message(data, answer)) continue;
    if (!data.starts_with("HTTP/1.1 200")) return nothing;
    return std::string(answer.body(data));
  }
}

// `name` with its labels; negative if there is no such metric.
double metric_in(const std::string& text, std::string_view name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name) && line[name.size()] == ' ') return std::strtod(line.c_str() + name.size(), nullptr);
  }
  return -1;
}

}  // namespace

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string path_beside(const std::string& name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}

std::uint16_t port_in(const std::string& line, const std::string& word) {
  const std::size_t begin = line.find(word);
  const std::size_t colon = begin == std::string::npos ? begin : line.find(':', begin);
  std::uint16_t port = 0;
  if (colon != std::string::npos) (void)std::from_chars(line.data() + colon + 1, line.data() + line.size(), port);
  return port;
}

Settled::Settled(DataDirectory data, const Options& options)
    : data_(std::move(data)),
      command_{options.settled.empty() ? path_beside("settled") : options.settled, "--api.http=127.0.0.1:0",
               "--admin.http=127.0.0.1:0", "--store=embedded:" + directory() + "/store"} {
  if (options.workers > 0) command_.push_back("--workers=" + std::to_string(options.workers));
  std::istringstream more(options.settled_flags);
  for (std::string flag; more >> flag;) command_.push_back(flag);
}

Result<std::unique_ptr<Settled>> Settled::start(const Options& options) {
  auto data = DataDirectory::make(options.data);
  if (!data) return data.error();
  std::unique_ptr<Settled> settled(new Settled(std::move(*data), options));
  if (auto launched = settled->launch(std::chrono::seconds(10)); !launched) return launched.error();
  return settled;
}

Result<void> Settled::launch(std::chrono::seconds patience) {
  auto child = Child::start(command_, [&](pid_t pid) { meter_ = std::make_unique<Meter>(pid, directory()); });
  if (!child) return child.error();
  child_ = std::move(*child);
  auto line = child_->line_with("listening api=");
  if (!line) return line.error();
  api_port_ = port_in(*line, "api=");
  admin_port_ = port_in(*line, "admin=");
  return wait_until_ready(patience);
}

Result<void> Settled::restart_after_kill(std::chrono::seconds patience) {
  child_.reset();
  return launch(patience);
}

Result<void> Settled::wait_until_ready(std::chrono::seconds patience) const {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto answer = get(admin_port_, "/readyz");
    if (answer) return {};
    if (std::chrono::steady_clock::now() > give_up) return answer.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Result<double> Settled::metric(const std::string& name) const {
  const auto text = get(admin_port_, "/metrics");
  if (!text) return text.error();
  const double value = metric_in(*text, name);
  if (value < 0) return Error{ErrorCode::kUnavailable, "settled has no metric " + name};
  return value;
}

double Settled::resident_bytes() const {
  std::ifstream status("/proc/" + std::to_string(pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) * 1024;
  }
  return 0;
}

Coordinated Settled::coordinated() const {
  Coordinated coordinated;
  coordinated.port = api_port_;
  coordinated.meter = meter_.get();
  coordinated.own_counts = [port = admin_port_]() -> Result<OwnCounts> {
    const auto text = get(port, "/metrics");
    if (!text) return text.error();
    return OwnCounts{.syncs = metric_in(*text, kSyncs),
                     .saves = metric_in(*text, kSaves),
                     .forced = metric_in(*text, kForced),
                     .groups = metric_in(*text, kGroups),
                     .commit_seconds = metric_in(*text, kCommitSeconds)};
  };
  return coordinated;
}

}  // namespace settle::bench
