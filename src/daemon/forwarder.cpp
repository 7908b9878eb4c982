#include "daemon/forwarder.h"

#include <utility>

#include "api/http/render.h"
#include "base/assert.h"

namespace settle::daemon {
namespace {

constexpr std::string_view kForwarded = "x-settle-forwarded-by";
constexpr Duration kMargin = std::chrono::seconds(10);  // on top of what the client waits for
constexpr std::uint32_t kAnswerBytesMax = 64U << 20U;

net::HttpClientOptions client_options() {
  net::HttpClientOptions options;
  options.limits.body_bytes = kAnswerBytesMax;
  options.connections_per_destination_max = 512;
  return options;
}

void add_line(std::string& to, std::string_view name, std::string_view value) {
  to.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

Forwarder::Forwarder(net::Loop& loop, std::string self, OnAnswer on_answer)
    : loop_(loop),
      self_(std::move(self)),
      on_answer_(std::move(on_answer)),
      client_(loop, client_options(), [this](const net::HttpAnswer& answer) { answered(answer); }) {}

bool Forwarder::is_forwarded(const net::HttpRequest& request) { return request.header(kForwarded).has_value(); }

void Forwarder::forward(const net::HttpRequest& request, std::string_view address, engine::Token token, Duration wait) {
  std::string url = "http://";
  url.append(address).append(request.target);
  std::string headers;
  add_line(headers, kForwarded, self_);
  for (const std::string_view name : {"content-type", "traceparent", "tracestate"}) {
    if (const auto value = request.header(name)) add_line(headers, name, *value);
  }
  const std::uint64_t cookie = ++last_cookie_;
  tokens_.emplace(cookie, Open{token, request.method == "GET"});
  net::HttpCall call;
  call.url = url;
  call.method = request.method;
  call.headers = headers;
  call.body = request.body;
  call.deadline = saturating_add(loop_.now(), wait + kMargin);
  call.cookie = cookie;
  (void)client_.call(call);
}

void Forwarder::answered(const net::HttpAnswer& answer) {
  const auto found = tokens_.find(answer.cookie);
  SETTLE_ASSERT(found != tokens_.end());
  const Open open = found->second;
  tokens_.erase(found);
  if (answer.failure != net::HttpFailure::kNone) {
    const bool is_unknown = answer.bytes_written && !open.changes_nothing;
    const auto kind = is_unknown ? engine::AnswerKind::kStoreUnknown : engine::AnswerKind::kNotOwner;
    return on_answer_(open.token, api::render(open.token, kind, nullptr));
  }
  api::Rendered rendered;
  rendered.status = answer.status;
  rendered.body = answer.body;
  const auto type = answer.header("content-type");
  if (type && type->starts_with("application/problem+json")) rendered.content_type = "application/problem+json";
  for (const std::string_view name : {"location", "retry-after"}) {
    if (const auto value = answer.header(name)) add_line(rendered.extra_headers, name, *value);
  }
  on_answer_(open.token, std::move(rendered));
}

}  // namespace settle::daemon
