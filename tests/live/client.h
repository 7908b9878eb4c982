#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "live/http.h"

namespace settle::live {

using Json = nlohmann::json;

/// What a client hears. `status` 0: nothing (see `end`).
struct Reply {
  Exchange::End end = Exchange::End::kUnsent;
  int status = 0;
  Json body;  ///< null if the answer was no JSON
  Headers headers;

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
  /// The text at a JSON pointer of the body; empty if there is none.
  [[nodiscard]] std::string text(std::string_view pointer) const;
  [[nodiscard]] std::string outcome() const { return text("/outcome"); }
  /// "invalid" for a problem document of type "/errors/invalid"; empty for anything else.
  [[nodiscard]] std::string problem() const;
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// What an exchange means to a client.
Reply reply_of(Exchange&& exchange);

/// A user of `/v1`. A connection of its own for every request; any thread.
class Client {
 public:
  explicit Client(std::uint16_t port, milliseconds patience = kPatience) : port_(port), patience_(patience) {}

  [[nodiscard]] Reply get(std::string_view target) const { return ask("GET", target, {}); }
  [[nodiscard]] Reply post(std::string_view target, std::string_view body) const { return ask("POST", target, body); }
  [[nodiscard]] Reply ask(std::string_view method, std::string_view target, std::string_view body,
                          const Headers& headers = {}) const;

  [[nodiscard]] Reply begin(const Json& plan, const Headers& headers = {}) const;
  [[nodiscard]] Reply show(std::string_view gid, std::string_view query = {}) const;
  [[nodiscard]] Reply submit(std::string_view gid) const;
  [[nodiscard]] Reply abort(std::string_view gid) const;
  /// The document once the transaction has ended, or what was known after kPatience.
  [[nodiscard]] Reply ended(std::string_view gid) const;
  /// All pages of GET /v1/transactions?`query`.
  [[nodiscard]] std::vector<Json> list(const std::string& query) const;

 private:
  std::uint16_t port_;
  milliseconds patience_;
};

/// "http://127.0.0.1:PORT/PATH"
std::string url(std::uint16_t port, std::string_view path);

}  // namespace settle::live
