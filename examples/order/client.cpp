#include "client.h"

#include <utility>

namespace settle::example {
namespace {

Result<Reply> reply_of(const net::HttpAnswer& answer) {
  switch (answer.failure) {
    case net::HttpFailure::kNone:
      return Reply{answer.status, std::string(answer.body)};
    case net::HttpFailure::kRefused:
    case net::HttpFailure::kUnresolved:
    case net::HttpFailure::kBadCall:
      return Error{ErrorCode::kUnavailable, "nobody listens there"};
    default:
      return Error{ErrorCode::kUnknownOutcome, "no answer came"};
  }
}

net::HttpClientOptions options() {
  net::HttpClientOptions options;
  options.limits.body_bytes = 4 * 1024 * 1024;
  return options;
}

}  // namespace

Client::Client()
    : client_(loop_, options(), [this](const net::HttpAnswer& answer) {
        answer_ = reply_of(answer);
        loop_.stop();
      }) {}

Result<Reply> Client::call(std::string_view method, const std::string& url, std::string_view body,
                           std::chrono::milliseconds patience, std::string_view headers) {
  // Between calls the loop stands still, so a connection kept from the last one may be long dead.
  client_.close_idle();
  answer_.reset();
  net::HttpCall call;
  call.url = url;
  call.method = method;
  const std::string lines = "content-type: application/json\r\n" + std::string(headers);
  call.headers = lines;
  call.body = body;
  call.deadline = net::engine_now() + patience;
  client_.call(call);
  loop_.run();
  std::optional<Result<Reply>> answer = std::exchange(answer_, std::nullopt);
  if (!answer) return Error{ErrorCode::kUnknownOutcome, "no answer came"};
  return std::move(*answer);
}

}  // namespace settle::example
