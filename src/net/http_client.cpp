#include "net/http_client.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include "base/assert.h"
#include "net/chars.h"
#include "net/client_connection.h"
#include "net/http_fields.h"

namespace settle::net {
namespace {

constexpr std::size_t kReadBufferBytes = std::size_t{64} * 1024;
constexpr std::size_t kDestinationsKept = 1024;

bool announces_length(const HttpCall& call) {
  return !call.body.empty() || call.method == "POST" || call.method == "PUT" || call.method == "PATCH";
}

}  // namespace

ClientShared::ClientShared(Loop& the_loop, HttpClientOptions the_options, HttpClient::OnAnswer the_callback)
    : loop(the_loop),
      options(std::move(the_options)),
      on_answer(std::move(the_callback)),
      read_buffer(std::make_unique<char[]>(kReadBufferBytes)),
      resolver(the_loop, options.lookup),
      deadlines(the_loop, [this] { return sweep(); }),
      flush_hook(the_loop.at_flush([this] { flush(); })) {
  SETTLE_ASSERT(are_header_lines(options.headers));
}

ClientShared::~ClientShared() {
  loop.remove_flush(flush_hook);
  loop.forget(*this);
  for (const auto& connection : connections) connection->close();
}

// ---- calls

HttpClient::CallId ClientShared::call(const HttpCall& request) {
  ++stats.calls;
  const Route* const route = route_of(request.url);
  const bool acceptable = route != nullptr && !request.method.empty() && all_of(kTokenChar, request.method) &&
                          (request.headers_are_lines || are_header_lines(request.headers));
  if (!acceptable || request.deadline <= loop.now()) {
    end_later({request.cookie, acceptable ? HttpFailure::kTimedOut : HttpFailure::kBadCall, false, 0});
    return {};
  }
  Destination& destination = *route->destination;
  const std::uint32_t index = new_call(request, destination);
  deadlines.note(request.deadline);
  ClientConnection* const connection = destination.waiting_count == 0 ? take_idle(destination) : nullptr;
  if (connection != nullptr) {
    connection->assign(index);
    append_request(connection->request(), request, destination, route->target);
  } else {
    calls[index].request.clear();
    append_request(calls[index].request, request, destination, route->target);
    wait_in_line(index, false);
  }
  return {index, calls[index].generation};
}

std::uint32_t ClientShared::new_call(const HttpCall& request, Destination& destination) {
  if (free_calls.empty()) {
    free_calls.push_back(static_cast<std::uint32_t>(calls.size()));
    calls.emplace_back();
  }
  const std::uint32_t index = free_calls.back();
  free_calls.pop_back();
  OpenCall& call = calls[index];
  ++call.generation;
  call.cookie = request.cookie;
  call.deadline = request.deadline;
  call.destination = &destination;
  call.connection = nullptr;
  call.head_request = request.method == "HEAD";
  return index;
}

std::uint64_t ClientShared::free_call(std::uint32_t index) {
  OpenCall& call = calls[index];
  const OpenCall::State was = std::exchange(call.state, OpenCall::State::kFree);
  if (was == OpenCall::State::kWaiting) leave_line(*call.destination);
  call.connection = nullptr;
  free_calls.push_back(index);
  return call.cookie;
}

void ClientShared::end_later(const EndedCall& call) {
  if (ended.empty()) loop.again(*this);
  ended.push_back(call);
}

void ClientShared::end_call(std::uint32_t index, HttpFailure failure, bool bytes_written, int status) {
  end_later({free_call(index), failure, bytes_written, status});
}

void ClientShared::cut_off(std::uint32_t index, HttpFailure failure) {
  ClientConnection* const connection = calls[index].connection;
  end_call(index, failure, connection != nullptr && connection->bytes_written(), 0);
  if (connection != nullptr) connection->close();
}

void ClientShared::cancel(HttpClient::CallId id) {
  if (id.index >= calls.size() || calls[id.index].generation != id.generation) return;
  if (calls[id.index].state != OpenCall::State::kFree) cut_off(id.index, HttpFailure::kCancelled);
}

void ClientShared::on_ready(std::uint32_t /*events*/) {
  reporting.swap(ended);
  for (const EndedCall& call : reporting) {
    HttpAnswer answer;
    answer.cookie = call.cookie;
    answer.failure = call.failure;
    answer.bytes_written = call.bytes_written;
    answer.status = call.status;
    on_answer(answer);
  }
  reporting.clear();
}

void ClientShared::append_request(std::string& out, const HttpCall& request, const Destination& destination,
                                  std::string_view target) const {
  out.append(request.method).append(" ").append(target).append(destination.host_line);
  out.append(options.headers).append(request.headers);
  if (announces_length(request)) {
    out.append("content-length: ");
    append_number(out, request.body.size());
    out.append("\r\n");
  }
  out.append("\r\n").append(request.body);
}

void ClientShared::wait_in_line(std::uint32_t index, bool first) {
  OpenCall& call = calls[index];
  Destination& destination = *call.destination;
  call.state = OpenCall::State::kWaiting;
  call.connection = nullptr;
  const HttpClient::CallId id{index, call.generation};
  if (first) {
    destination.waiting.push_front(id);
  } else {
    destination.waiting.push_back(id);
  }
  ++destination.waiting_count;
  want_service(destination);
}

// Takes the first call that still waits out of the line.
std::optional<std::uint32_t> ClientShared::next_waiting(Destination& destination) {
  while (!destination.waiting.empty()) {
    const HttpClient::CallId id = destination.waiting.front();
    destination.waiting.pop_front();
    const OpenCall& call = calls[id.index];
    if (call.generation == id.generation && call.state == OpenCall::State::kWaiting) return id.index;
  }
  return std::nullopt;
}

// After a waiting call has ended or been assigned. Ids of calls that ended by their deadline are swept out when they
// prevail.
void ClientShared::leave_line(Destination& destination) {
  --destination.waiting_count;
  if (destination.waiting.size() <= 2 * destination.waiting_count + 64) return;
  std::erase_if(destination.waiting, [this](const HttpClient::CallId& id) {
    return calls[id.index].generation != id.generation || calls[id.index].state != OpenCall::State::kWaiting;
  });
}

void ClientShared::fail_one_waiting(Destination& destination, HttpFailure failure) {
  if (const std::optional<std::uint32_t> index = next_waiting(destination)) end_call(*index, failure, false, 0);
  want_service(destination);
}

void ClientShared::fail_all_waiting(Destination& destination, HttpFailure failure) {
  while (const std::optional<std::uint32_t> index = next_waiting(destination)) end_call(*index, failure, false, 0);
}

// ---- destinations

const Route* ClientShared::route_of(std::string_view text) {
  Route& route = routes[std::hash<std::string_view>()(text) % routes.size()];
  if (route.destination != nullptr && route.url == text) return &route;
  const Result<Url> url = parse_url(text);
  if (!url.ok() || url->scheme != "http") return nullptr;
  Destination& destination = destination_of(*url);  // may forget others, and with them routes
  route.url = text;
  route.target = url->target;
  route.destination = &destination;
  return &route;
}

Destination& ClientShared::destination_of(const Url& url) {
  if (last_destination != nullptr && last_destination->authority == url.authority) return *last_destination;
  std::string authority(url.authority);
  auto found = destinations.find(authority);
  if (found == destinations.end()) {
    if (destinations.size() >= kDestinationsKept) forget_unused_destinations();
    auto fresh = std::make_unique<Destination>();
    fresh->authority = authority;
    fresh->host = std::string(url.host);
    fresh->port = url.port;
    fresh->host_line = " HTTP/1.1\r\nhost: " + authority + "\r\n";
    found = destinations.emplace(std::move(authority), std::move(fresh)).first;
  }
  last_destination = found->second.get();
  return *last_destination;
}

void ClientShared::forget_unused_destinations() {
  last_destination = nullptr;
  for (Route& route : routes) route.destination = nullptr;
  std::erase_if(destinations, [](const auto& entry) {
    const Destination& each = *entry.second;
    return each.connections == 0 && each.waiting_count == 0 && !each.resolving && !each.queued && !each.starved;
  });
}

// True once there are addresses; if they must be asked for, the destination is served again when they come.
bool ClientShared::has_addresses(Destination& destination) {
  if (destination.addresses_until > loop.now()) return true;
  if (destination.resolving) return false;
  if (same_word(destination.host, "localhost")) {  // RFC 6761: loopback, whatever a resolver says
    destination.addresses.clear();
    for (const char* const loopback : {"127.0.0.1", "::1"}) {
      if (const auto address = literal_address(loopback, destination.port)) destination.addresses.push_back(*address);
    }
  } else if (const auto literal = literal_address(destination.host, destination.port)) {
    destination.addresses = {*literal};
  } else {
    destination.resolving = true;
    resolver.resolve(destination.host, destination.port, [this, &destination](std::vector<SocketAddress> found) {
      resolved(destination, std::move(found));
    });
    return false;
  }
  destination.addresses_until = kNever;
  return true;
}

void ClientShared::resolved(Destination& destination, std::vector<SocketAddress> addresses) {
  destination.resolving = false;
  destination.addresses = std::move(addresses);
  destination.addresses_until = kNoInstant;
  if (destination.addresses.empty()) return fail_all_waiting(destination, HttpFailure::kUnresolved);
  destination.addresses_until = saturating_add(loop.now(), options.address_lifetime);
  want_service(destination);
}

void ClientShared::want_service(Destination& destination) {
  if (destination.queued || destination.waiting_count == 0) return;
  destination.queued = true;
  unserved.push_back(&destination);
}

// Gives waiting calls the idle connections, and opens new ones for those that remain.
void ClientShared::serve(Destination& destination) {
  while (destination.waiting_count > 0) {
    ClientConnection* const connection = take_idle(destination);
    if (connection == nullptr) break;
    assign_waiting(*connection);
  }
  while (destination.waiting_count > destination.connecting) {
    if (destination.connections >= options.connections_per_destination_max) return;
    if (!has_addresses(destination)) return;
    if (!has_room(destination)) return;
    if (!open_connection(destination)) fail_one_waiting(destination, HttpFailure::kRefused);
  }
}

// ---- connections

void ClientShared::assign_waiting(ClientConnection& connection) {
  const std::optional<std::uint32_t> index = next_waiting(connection.destination());
  SETTLE_ASSERT(index.has_value());
  connection.assign(*index);
  leave_line(connection.destination());
  connection.request().swap(calls[*index].request);
}

ClientConnection* ClientShared::take_idle(Destination& destination) {
  while (!destination.idle.empty()) {
    ClientConnection* const connection = destination.idle.back();
    if (connection->still_fresh()) {
      destination.idle.pop_back();
      return connection;
    }
    connection->close();  // also leaves the idle list
  }
  return nullptr;
}

bool ClientShared::has_room(Destination& destination) {
  if (open_connections < options.connections_max || close_oldest_idle()) return true;
  if (!destination.starved) {
    destination.starved = true;
    starved.push_back(&destination);
  }
  return false;
}

bool ClientShared::open_connection(Destination& destination) {
  if (free_connections.empty()) {
    connections.push_back(std::make_unique<ClientConnection>(*this));
    free_connections.push_back(connections.back().get());
  }
  ClientConnection* const connection = free_connections.back();
  if (!connection->connect(destination)) return false;
  free_connections.pop_back();
  ++stats.connections;
  ++open_connections;
  ++destination.connections;
  ++destination.connecting;
  return true;
}

// The connection is free for a next call.
void ClientShared::released(ClientConnection& connection) {
  Destination& destination = connection.destination();
  if (destination.waiting_count > 0) return assign_waiting(connection);
  connection.rest();
  destination.idle.push_back(&connection);
  feed_starved();
}

void ClientShared::connection_closed(ClientConnection& connection) {
  Destination& destination = connection.destination();
  std::erase(destination.idle, &connection);
  --destination.connections;
  --open_connections;
  closed_connections.push_back(&connection);
  want_service(destination);
  feed_starved();
}

void ClientShared::feed_starved() {
  for (Destination* const destination : starved) {
    destination->starved = false;
    want_service(*destination);
  }
  starved.clear();
}

bool ClientShared::close_oldest_idle() {
  ClientConnection* oldest = nullptr;
  for (const auto& connection : connections) {
    if (connection->is_idle() && (oldest == nullptr || connection->idle_since() < oldest->idle_since()))
      oldest = connection.get();
  }
  if (oldest != nullptr) oldest->close();
  return oldest != nullptr;
}

void ClientShared::flush() {
  // Sending may fail and put a call back in line, and serving gives connections something to send.
  while (!unserved.empty() || !unsent.empty()) {
    for (std::size_t i = 0; i < unserved.size(); ++i) {
      unserved[i]->queued = false;
      serve(*unserved[i]);
    }
    unserved.clear();
    for (std::size_t i = 0; i < unsent.size(); ++i) unsent[i]->flush();
    unsent.clear();
  }
  if (closed_connections.empty()) return;
  free_connections.insert(free_connections.end(), closed_connections.begin(), closed_connections.end());
  closed_connections.clear();
}

Instant ClientShared::sweep() {
  const Instant now = loop.now();
  Instant next = kNever;
  for (std::uint32_t index = 0; index < calls.size(); ++index) {
    const OpenCall& call = calls[index];
    if (call.state == OpenCall::State::kFree) continue;
    if (call.deadline <= now) {
      cut_off(index, HttpFailure::kTimedOut);
    } else {
      next = std::min(next, call.deadline);
    }
  }
  for (std::size_t i = 0; i < connections.size(); ++i) next = std::min(next, connections[i]->sweep(now));
  return next;
}

// ---- the face

HttpClient::HttpClient(Loop& loop, HttpClientOptions options, OnAnswer on_answer)
    : shared_(std::make_unique<ClientShared>(loop, std::move(options), std::move(on_answer))) {}

HttpClient::~HttpClient() = default;

HttpClient::CallId HttpClient::call(const HttpCall& call) { return shared_->call(call); }
void HttpClient::cancel(CallId id) { shared_->cancel(id); }

void HttpClient::cancel_all() {
  for (std::uint32_t index = 0; index < shared_->calls.size(); ++index) {
    if (shared_->calls[index].state != OpenCall::State::kFree) shared_->cut_off(index, HttpFailure::kCancelled);
  }
}

void HttpClient::close_idle() {
  while (shared_->close_oldest_idle()) {
  }
}

std::size_t HttpClient::open_calls() const {
  return shared_->calls.size() - shared_->free_calls.size() + shared_->ended.size();
}
std::size_t HttpClient::connections() const { return shared_->open_connections; }
const HttpClientStats& HttpClient::stats() const { return shared_->stats; }

}  // namespace settle::net
