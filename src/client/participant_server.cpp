#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "net/http_fields.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "settle/participant.h"

namespace settle {
namespace {

ParticipantRequest copy_of(const net::HttpRequest& request) {
  ParticipantRequest out{std::string(request.method), std::string(request.target), {}, std::string(request.body)};
  for (std::size_t i = 0; i < request.head->header_count(); ++i) {
    const auto header = request.head->header_at(i);
    out.headers.emplace_back(header.name, header.value);
  }
  return out;
}

net::HttpServerOptions server_options(const ParticipantServerOptions& options) {
  net::HttpServerOptions out;
  out.limits.body_bytes = static_cast<std::uint32_t>(options.body_bytes_max);
  return out;
}

}  // namespace

class ParticipantServer::Impl {
 public:
  Impl(ParticipantRouter router, const ParticipantServerOptions& options)
      : router_(std::move(router)),
        options_(options),
        server_(loop_, server_options(options),
                [this](const net::HttpRequest& request, net::ResponseSlot slot) { take(request, slot); }) {}

  ~Impl() {
    {
      const std::lock_guard hold(lock_);
      closing_ = true;
      for (const Waiting& left : waiting_) answer(left.slot, {503, "text/plain", "closing", {}});
      waiting_.clear();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    loop_.post([this] {  // behind all answers, which leave with this turn
      server_.stop_accepting();
      loop_.stop();
    });
    if (network_.joinable()) network_.join();
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> start() {
    const Result<std::uint16_t> port = server_.listen(options_.host, options_.port);
    if (!port) return port.error();
    port_ = *port;
    network_ = std::thread([this] { loop_.run(); });
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.threads); ++i) {
      threads_.emplace_back([this] { work(); });
    }
    return {};
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string origin() const {
    const bool ipv6 = options_.host.find(':') != std::string::npos;
    return "http://" + (ipv6 ? "[" + options_.host + "]" : options_.host) + ":" + std::to_string(port_);
  }

 private:
  struct Waiting {
    net::ResponseSlot slot;
    ParticipantRequest request;
  };

  void take(const net::HttpRequest& request, net::ResponseSlot slot) {
    std::unique_lock hold(lock_);
    if (closing_ || waiting_.size() >= options_.waiting_max) {
      hold.unlock();
      server_.respond(slot, 503, "text/plain", "too many calls at the moment", "retry-after: 1\r\n");
      return;
    }
    waiting_.push_back({slot, copy_of(request)});
    hold.unlock();
    changed_.notify_one();
  }

  void work() {
    for (;;) {
      std::unique_lock hold(lock_);
      changed_.wait(hold, [this] { return closing_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      hold.unlock();
      answer(next.slot, router_.handle(next.request));
    }
  }

  /// Any thread.
  void answer(net::ResponseSlot slot, ParticipantResponse response) {
    loop_.post([this, slot, response = std::move(response)] {
      std::string lines;
      for (const auto& [name, value] : response.headers) {
        if (!net::append_header(lines, name, value)) continue;  // a broken one must not break the others
      }
      server_.respond(slot, response.status, response.content_type, response.body, lines);
    });
  }

  const ParticipantRouter router_;
  const ParticipantServerOptions options_;
  net::Loop loop_;
  net::HttpServer server_;
  std::uint16_t port_ = 0;

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;  // guarded by lock_
  bool closing_ = false;         // likewise
  std::vector<std::thread> threads_;
  std::thread network_;
};

ParticipantServer::ParticipantServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ParticipantServer::~ParticipantServer() = default;
ParticipantServer::ParticipantServer(ParticipantServer&&) noexcept = default;
ParticipantServer& ParticipantServer::operator=(ParticipantServer&&) noexcept = default;

Result<ParticipantServer> ParticipantServer::start(ParticipantRouter router, const ParticipantServerOptions& options) {
  auto impl = std::make_unique<Impl>(std::move(router), options);
  if (const Result<void> started = impl->start(); !started) return started.error();
  return ParticipantServer(std::move(impl));
}

std::uint16_t ParticipantServer::port() const { return impl_->port(); }
std::string ParticipantServer::url(std::string_view path) const { return impl_->origin() + std::string(path); }

}  // namespace settle
