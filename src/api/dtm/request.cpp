#include "api/dtm/request.h"

#include <algorithm>
#include <cctype>

#include "wire/json_writer.h"

namespace settle::api::dtm {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

bool same_name(std::string_view one, std::string_view lower) {
  return std::equal(one.begin(), one.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

/// Reads members into fields and keeps the first thing that does not fit.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {}

  void text(std::string_view name, std::string& out) {
    const Json* const found = present(name);
    if (found == nullptr) return;
    if (!found->is_string()) return wrong(name, "a string");
    out = found->get<std::string>();
  }
  void seconds(std::string_view name, std::int64_t& out) {
    constexpr std::int64_t kSecondsMax = std::int64_t{400} * 24 * 60 * 60;
    const Json* const found = present(name);
    if (found == nullptr) return;
    if (!found->is_number_integer()) return wrong(name, "a whole number");
    const bool is_huge = found->is_number_unsigned() && found->get<std::uint64_t>() > kSecondsMax;
    out = is_huge ? kSecondsMax : std::clamp<std::int64_t>(found->get<std::int64_t>(), 0, kSecondsMax);
  }
  void flag(std::string_view name, bool& out) {
    const Json* const found = present(name);
    if (found == nullptr) return;
    if (!found->is_boolean()) return wrong(name, "true or false");
    out = found->get<bool>();
  }
  /// An empty array is an empty object: PHP cannot tell them apart.
  void texts(std::string_view name, std::vector<std::pair<std::string, std::string>>& out) {
    const Json* const found = present(name);
    if (found == nullptr || (found->is_array() && found->empty())) return;
    if (!found->is_object()) return wrong(name, "an object of strings");
    for (const auto& [key, value] : found->items()) {
      if (!value.is_string()) return wrong(name, "an object of strings");
      out.emplace_back(key, value.get<std::string>());
    }
  }
  const Json* array(std::string_view name) {
    const Json* const found = present(name);
    if (found == nullptr) return nullptr;
    if (!found->is_array()) wrong(name, "an array");
    return found->is_array() ? found : nullptr;
  }

  void wrong(std::string_view name, std::string_view wanted) {
    if (problem_.empty()) problem_ = std::string(name) + ": " + std::string(wanted) + " is expected";
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  const Json* present(std::string_view name) const {
    const Json* const found = member(object_, name);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  const Json& object_;
  std::string problem_;
};

void read_options(Fields& fields, Options& out) {
  fields.flag("wait_result", out.wait_result);
  fields.seconds("timeout_to_fail", out.timeout_to_fail);
  fields.seconds("request_timeout", out.request_timeout);
  fields.seconds("retry_interval", out.retry_interval);
  fields.texts("branch_headers", out.branch_headers);
  fields.flag("concurrent", out.concurrent);
  fields.seconds("retry_limit", out.retry_limit);
}

/// Very old clients send the body of a step beside its URL.
void read_steps(Fields& fields, TransRequest& out) {
  const Json* const steps = fields.array("steps");
  if (steps == nullptr) return;
  for (const Json& one : *steps) {
    if (!one.is_object()) return fields.wrong("steps", "an array of objects");
    Fields step(one);
    std::string data;
    Step& read = out.steps.emplace_back();
    step.text("action", read.action);
    step.text("compensate", read.compensate);
    step.text("data", data);
    if (!step.problem().empty()) return fields.wrong("steps", step.problem());
    if (!data.empty()) out.payloads.push_back(std::move(data));
  }
}

void read_payloads(Fields& fields, TransRequest& out) {
  const Json* const payloads = fields.array("payloads");
  if (payloads == nullptr) return;
  for (const Json& one : *payloads) {
    if (!one.is_string() && !one.is_null()) return fields.wrong("payloads", "an array of strings");
    out.payloads.push_back(one.is_null() ? std::string() : one.get<std::string>());
  }
}

void strip(std::string& gid) {
  std::erase_if(gid, [](char c) { return c == '\n' || c == '\r' || c == ';'; });
}

}  // namespace

Json parse(std::string_view text) { return Json::parse(text, nullptr, false); }

const Json* member(const Json& object, std::string_view name) {
  const Json* found = nullptr;
  for (const auto& [key, value] : object.items()) {
    if (same_name(key, name)) found = &value;
  }
  return found;
}

Result<TransRequest> read_trans(const Json& body) {
  if (body.is_discarded()) return invalid("the body is no JSON");
  if (!body.is_object()) return invalid("the body is no JSON object");
  TransRequest out;
  Fields fields(body);
  fields.text("gid", out.gid);
  fields.text("trans_type", out.trans_type);
  read_payloads(fields, out);
  read_steps(fields, out);
  fields.text("query_prepared", out.query_prepared);
  fields.text("custom_data", out.custom_data);
  fields.text("protocol", out.protocol);
  fields.text("rollback_reason", out.rollback_reason);
  read_options(fields, out.options);
  if (!fields.problem().empty()) return invalid(fields.problem());
  strip(out.gid);
  if (out.gid.empty()) return invalid("no gid specified");
  if (out.gid.size() > kGidBytesMax) return invalid("gid: more than 128 bytes");
  if (out.steps.size() > kStepsMax) return invalid("steps: more than 256");
  if (out.payloads.size() < out.steps.size()) return invalid("payloads: fewer than steps");
  return out;
}

Result<BranchRequest> read_branch(const Json& body) {
  if (body.is_discarded()) return invalid("the body is no JSON");
  if (!body.is_object()) return invalid("the body is no JSON object");
  BranchRequest out;
  for (const auto& [key, value] : body.items()) {
    if (!value.is_string() && !value.is_null()) return invalid(key + ": a string is expected");
    std::string name = key;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    out[name] = value.is_null() ? std::string() : value.get<std::string>();
  }
  strip(out["gid"]);
  return out;
}

std::string text_of(const Options& options) {
  std::string out;
  wire::JsonWriter json(out);
  const auto seconds = [&](std::string_view name, std::int64_t value) {
    if (value == 0) return;
    json.key(name);
    json.number(value);
  };
  json.begin_object();
  if (options.wait_result) json.key("wait_result"), json.boolean(true);
  seconds("timeout_to_fail", options.timeout_to_fail);
  seconds("request_timeout", options.request_timeout);
  seconds("retry_interval", options.retry_interval);
  if (!options.branch_headers.empty()) {
    json.key("branch_headers");
    json.begin_object();
    for (const auto& [name, value] : options.branch_headers) {
      json.escaped_key(name);
      json.string(value);
    }
    json.end_object();
  }
  json.key("concurrent");
  json.boolean(options.concurrent);
  seconds("retry_limit", options.retry_limit);
  json.end_object();
  return out;
}

Options options_of(std::string_view text) {
  Options out;
  const Json json = parse(text);
  if (!json.is_object()) return out;
  Fields fields(json);
  read_options(fields, out);
  return out;
}

}  // namespace settle::api::dtm
