#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_client.h"
#include "net/loop.h"
#include "settle/result.h"

namespace settle::example {

struct Reply {
  int status = 0;
  std::string body;
};

/// One HTTP call at a time: sends it and turns its loop until the answer is there.
class Client {
 public:
  Client();

  /// `headers`: lines that end with CR LF, sent besides the content type.
  ///
  /// Errors
  ///   kUnavailable     nobody listens there; nothing was sent
  ///   kUnknownOutcome  no whole answer came: the other side may have acted on the request or not
  Result<Reply> call(std::string_view method, const std::string& url, std::string_view body = {},
                     std::chrono::milliseconds patience = std::chrono::seconds(20), std::string_view headers = {});
  Result<Reply> get(const std::string& url) { return call("GET", url); }
  Result<Reply> post(const std::string& url, std::string_view body) { return call("POST", url, body); }

 private:
  net::Loop loop_;
  std::optional<Result<Reply>> answer_;
  net::HttpClient client_;
};

}  // namespace settle::example
