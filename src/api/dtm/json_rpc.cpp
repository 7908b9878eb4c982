#include "api/dtm/json_rpc.h"

#include <algorithm>
#include <array>

#include "wire/json_writer.h"

namespace settle::api::dtm {
namespace {

constexpr int kParseError = -32700, kBadRequest = -32600, kNoMethod = -32601, kInternalError = -32603, kFailed = -32901;
constexpr std::string_view kNull = "null";

Rendered answer(int status, std::string_view id, std::string_view error, std::string_view result) {
  Rendered out;
  out.status = status;
  out.content_type = "application/json; charset=utf-8";
  wire::JsonWriter json(out.body);
  json.begin_object();
  json.key("error");
  json.raw(error);
  json.key("id");
  json.raw(id);
  json.plain_member("jsonrpc", "2.0");
  json.key("result");
  json.raw(result);
  json.end_object();
  return out;
}

Rendered problem(std::string_view id, int code, std::string_view message) {
  std::string error;
  wire::JsonWriter json(error);
  json.begin_object();
  json.key("code");
  json.number(code);
  json.member("message", message);
  json.end_object();
  return answer(code == kParseError ? 400 : 200, id, error, code == kFailed ? "{}" : kNull);
}

std::string text_at(const Json& object, std::string_view name) {
  const Json* const found = member(object, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::optional<RpcCall> read_call(std::string_view text, Rendered& answer) {
  const auto refuse = [&](std::string_view id, int code, const std::string& message) {
    answer = problem(id, code, message);
    return std::nullopt;
  };
  const Json body = parse(text);
  if (body.is_discarded()) return refuse(kNull, kParseError, "Parse json error: the body is no JSON");
  if (!body.is_object()) return refuse(kNull, kParseError, "Parse json error: an object is expected");
  RpcCall call;
  const Json* const id = member(body, "id");
  const bool is_named =
      id != nullptr && ((id->is_string() && !id->get_ref<const std::string&>().empty()) || id->is_number());
  call.id = is_named ? id->dump() : std::string(kNull);
  if (!is_named) return refuse(kNull, kBadRequest, "Invalid request: no id");
  if (text_at(body, "jsonrpc") != "2.0") return refuse(call.id, kBadRequest, "Invalid request: jsonrpc is not 2.0");
  call.method = text_at(body, "method");
  constexpr std::array<std::string_view, 5> kMethods{"newGid", "prepare", "submit", "abort", "registerBranch"};
  if (std::find(kMethods.begin(), kMethods.end(), call.method) == kMethods.end())
    return refuse(call.id, kNoMethod, "Method not found: " + call.method);
  if (const Json* const params = member(body, "params")) call.params = *params;
  return call;
}

Rendered as_rpc(const std::string& id, Rendered&& rendered) {
  const Json body = parse(rendered.body);
  if (!body.is_object()) return problem(id, kInternalError, rendered.body);
  if (body.contains("jsonrpc")) return std::move(rendered);  // another daemon has answered
  if (rendered.status != 200)
    return problem(id, rendered.status == 409 ? kFailed : kInternalError, text_at(body, "message"));
  const std::string gid = text_at(body, "gid");
  return answer(200, id, kNull, gid.empty() ? std::string(kNull) : R"({"gid":")" + gid + R"("})");
}

}  // namespace settle::api::dtm
