#include "live/client.h"

namespace settle::live {

std::string Reply::text(std::string_view pointer) const {
  const Json::json_pointer at{std::string(pointer)};
  if (!body.contains(at) || !body.at(at).is_string()) return {};
  return body.at(at).get<std::string>();
}

std::string Reply::problem() const {
  constexpr std::string_view kFamily = "/errors/";
  const std::string type = text("/type");
  if (!type.starts_with(kFamily) || header("content-type") != "application/problem+json") return {};
  return type.substr(kFamily.size());
}

std::string Reply::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

Reply reply_of(Exchange&& exchange) {
  Reply reply{exchange.end, exchange.answer.status, nullptr, std::move(exchange.answer.headers)};
  reply.body = Json::parse(exchange.answer.body, nullptr, false);
  if (reply.body.is_discarded()) reply.body = nullptr;
  return reply;
}

Reply Client::ask(std::string_view method, std::string_view target, std::string_view body,
                  const Headers& headers) const {
  Headers all = headers;
  if (!body.empty()) all.emplace_back("content-type", "application/json");
  return reply_of(exchange(port_, method, target, body, patience_, all));
}

Reply Client::begin(const Json& plan, const Headers& headers) const {
  return ask("POST", "/v1/transactions", plan.dump(), headers);
}

Reply Client::show(std::string_view gid, std::string_view query) const {
  return get("/v1/transactions/" + std::string(gid) + std::string(query));
}

Reply Client::submit(std::string_view gid) const {
  return post("/v1/transactions/" + std::string(gid) + "/submit", {});
}

Reply Client::abort(std::string_view gid) const {
  return post("/v1/transactions/" + std::string(gid) + "/abort", R"({"reason":"the test says so"})");
}

Reply Client::ended(std::string_view gid) const {
  Reply reply;
  (void)eventually(kPatience, [&] {
    reply = show(gid, "?wait_ms=1000&timeline=1");
    return reply.text("/phase") == "ended";
  });
  return reply;
}

std::vector<Json> Client::list(const std::string& query) const {
  std::vector<Json> all;
  std::string cursor;
  do {
    const Reply page = get("/v1/transactions?limit=1000" + (query.empty() ? "" : "&" + query) +
                           (cursor.empty() ? "" : "&cursor=" + cursor));
    if (!page.ok()) return all;
    for (const Json& document : page.body.value("transactions", Json::array())) all.push_back(document);
    cursor = page.text("/next_cursor");
  } while (!cursor.empty());
  return all;
}

std::string url(std::uint16_t port, std::string_view path) {
  return "http://127.0.0.1:" + std::to_string(port) + std::string(path);
}

}  // namespace settle::live
