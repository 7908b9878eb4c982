#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "cli/shell.h"
#include "settle/result.h"

namespace settle::cli {

struct HttpRequest {
  std::string_view method;
  std::string target;     ///< path and query, already escaped
  std::string_view body;  ///< sent verbatim as application/json
  std::string headers{};  ///< more lines, as net::append_header() writes them
};

struct HttpAnswer {
  int status = 0;
  std::string content_type;
  std::string retry_after;  ///< empty: none
  std::string body;
};

/// `host:port` or `http://host:port`. Errors: kInvalid with what is wrong.
Result<Endpoint> parse_endpoint(std::string_view text, std::string_view origin);

/// Sends one request on a connection of its own and waits for the answer, at most `patience` for all of it.
///
/// Errors
///   kUnavailable     no connection; nothing was sent
///   kUnknownOutcome  sent, or begun to be sent, but no answer came: the daemon may have acted on it
///   kCorrupt         what answered does not speak HTTP
Result<HttpAnswer> exchange(const Endpoint& to, const HttpRequest& request, std::chrono::milliseconds patience);

/// `text` as one segment of a path or one value of a query.
std::string escaped(std::string_view text);

}  // namespace settle::cli
