#include "service.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "net/socket.h"

namespace settle::example {
namespace {

constexpr const char* kHost = "127.0.0.1";
/// Nobody else keeps this database's lock for long, and while we wait the loop stands still.
constexpr std::chrono::milliseconds kLockPatience{50};
/// Longer than any transaction of this example lives, and than settle remembers it.
constexpr std::chrono::hours kHorizon{24 * 7};

std::string header_of(const net::HttpRequest& request, std::string_view name) {
  return std::string(request.header(name).value_or(""));
}

std::string text_of(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Service::Service(net::Loop& loop, ServiceOptions options) : loop_(loop), options_(std::move(options)) {}
Service::~Service() = default;

Result<std::uint16_t> Service::start() {
  Result<Database> database = Database::open(options_.database_path, kLockPatience);
  if (!database) return database.error();
  database_ = std::make_unique<Database>(std::move(*database));
  if (Result<void> made = barrier::install(database_->handle(), kHorizon); !made) return made.error();
  if (Result<void> made = database_->run(options_.role->schema); !made) return made.error();
  if (options_.port != 0) {
    if (Result<void> free = net::check_port_free(kHost, options_.port); !free) return free.error();
  }
  const Result<std::uint16_t> port = listen(options_.port);
  if (!port) return port.error();
  port_ = *port;
  if (options_.role == &kOrder) {
    const std::string own_url = std::string("http://") + kHost + ":" + std::to_string(port_);
    producer_ = std::make_unique<Producer>(loop_, *database_, options_.producer, own_url, options_.die);
  }
  return port_;
}

Result<std::uint16_t> Service::listen(std::uint16_t port) {
  server_ = std::make_unique<net::HttpServer>(
      loop_, net::HttpServerOptions{},
      [this](const net::HttpRequest& request, net::ResponseSlot slot) { on_request(request, slot); });
  return server_->listen(kHost, port);
}

void Service::on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
  if (request.path == "/faults") return on_faults(request, slot);
  if (request.method != "POST") return respond(slot, {405, "POST only"});
  if (request.path == options_.role->act_path || request.path == options_.role->undo_path) {
    return on_branch_op(request, slot);
  }
  if (producer_ && request.path == "/check") {
    const std::string gid = header_of(request, "settle-gid");
    if (gid.empty()) return respond(slot, {400, "settle-gid is missing"});
    return respond(slot, check_back(*database_, gid, header_of(request, "settle-tid")));
  }
  if (producer_ && request.path == "/orders") {
    Result<OrderLine> line = parse_order_line(request.body);
    const std::string gid = text_of(nlohmann::json::parse(request.body, nullptr, false), "gid");
    if (!line || gid.empty()) return respond(slot, {400, line ? "no order: gid must be text" : line.error().message});
    return producer_->place(gid, std::move(*line), std::exchange(fault_, Fault::kNone),
                            [this, slot](const Answer& answer) { respond(slot, answer); });
  }
  respond(slot, {404, "no such path"});
}

void Service::on_branch_op(const net::HttpRequest& request, net::ResponseSlot slot) {
  const barrier::Call call{header_of(request, "settle-gid"), header_of(request, "settle-branch"),
                           header_of(request, "settle-op"), header_of(request, "settle-tid")};
  if (call.gid.empty() || call.branch.empty()) return respond(slot, {400, "settle-gid and settle-branch are missing"});
  const bool is_act = request.path == options_.role->act_path;
  if (is_act ? call.op != "action" && call.op != "deliver" : call.op != "compensate") {
    return respond(slot, {400, "settle-op does not belong to this path"});
  }
  if (is_act) return act(call, request.body, slot);
  respond(slot, answer_of(barrier::run(database_->handle(), call,
                                       [&](barrier::Work) { return options_.role->undo(*database_, call.gid); })));
}

void Service::act(const barrier::Call& call, std::string_view input, net::ResponseSlot slot) {
  const Fault fault = std::exchange(fault_, Fault::kNone);
  if (fault == Fault::kHang) {
    ++hanging_;
    return;
  }
  const barrier::Reply reply = barrier::run(database_->handle(), call, [&](barrier::Work) {
    if (fault == Fault::kRefuse) return barrier::Made::refused("told to refuse");
    const Result<OrderLine> line = parse_order_line(input);
    if (!line) return barrier::Made::refused(line.error().message);
    barrier::Made acted = options_.role->act(*database_, call.gid, *line);
    if (fault == Fault::kDieBeforeCommit) options_.die();
    return acted;
  });
  if (fault == Fault::kDieAfterCommit) options_.die();
  if (fault == Fault::kLoseAnswer) return cut_connections();
  if (fault == Fault::kHangAfterCommit) {
    ++hanging_;
    return;
  }
  respond(slot, answer_of(reply));
}

void Service::on_faults(const net::HttpRequest& request, net::ResponseSlot slot) {
  if (request.method == "POST") {
    const std::optional<Fault> fault = find_fault(request.body);
    if (!fault) {
      std::string names;
      for (const auto& [each, name] : kFaultNames) names.append(names.empty() ? "" : ", ").append(name);
      return respond(slot, {400, "the body is one of: " + names});
    }
    fault_ = *fault;
  }
  respond(slot, {200, nlohmann::json{{"hanging", hanging_}}.dump()});
}

void Service::respond(net::ResponseSlot slot, const Answer& answer) {
  const bool is_json = answer.body.starts_with('{') || answer.body.starts_with('"');
  server_->respond(slot, answer.status, is_json ? "application/json" : "text/plain", answer.body);
}

/// As a network that goes away: all connections end without an answer. Whoever notices and comes back at once finds the
/// port open: the new server listens before the old one's connections end.
void Service::cut_connections() {
  loop_.post([this] {
    server_->stop_accepting();
    const std::unique_ptr<net::HttpServer> cut = std::move(server_);
    if (const Result<std::uint16_t> port = listen(port_); !port) {
      log(LogLevel::kError, "cannot listen again", {{"why", port.error().message}});
      options_.die();
    }
  });
}

}  // namespace settle::example
