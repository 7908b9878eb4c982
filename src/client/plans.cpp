#include <sys/random.h>

#include <array>
#include <charconv>

#include "base/assert.h"
#include "settle/message.h"
#include "settle/saga.h"
#include "settle/tcc.h"
#include "settle/two_phase.h"
#include "wire/json_reader.h"
#include "wire/json_writer.h"

namespace settle {
namespace {

using sdk_detail::Fields;

template <typename Parts>
std::string array_of(const Parts& parts, Fields& whole) {
  std::string out = "[";
  for (const auto& part : parts) {
    if (out.size() > 1) out += ",";
    whole.take_problem(part.fields().problem());
    out += part.fields().object();
  }
  return out + "]";
}

std::string object_of(const std::vector<std::pair<std::string, std::string>>& texts) {
  Fields fields;
  for (const auto& [name, value] : texts) fields.text(name, value);
  return fields.object();
}

void add_bind(std::string& list, std::string_view step, std::string_view from, std::string_view into) {
  Fields bind;
  bind.text("step", step);
  bind.text("from", from);
  bind.text("into", into);
  list += (list.empty() ? "" : ",") + bind.object();
}

}  // namespace

std::string fresh_gid() {
  std::array<char, Tid::kBytes> bits{};
  SETTLE_ASSERT(::getrandom(bits.data(), bits.size(), 0) == static_cast<ssize_t>(bits.size()));
  // A tid's text names a shard to the daemon; ours is nobody's tid, so it must not look like one.
  return "g-" + Tid::from_bytes(std::string_view(bits.data(), bits.size())).text();
}

namespace sdk_detail {

void Fields::text(std::string_view name, std::string_view value) {
  std::string json;
  wire::JsonWriter(json).string(value);
  raw(name, std::move(json));
}

void Fields::json(std::string_view name, std::string_view value) {
  if (const auto wrong = wire::check_json(value)) {
    take_problem("\"" + std::string(name) + "\" is no JSON: " + std::string(wrong->text) + " at byte " +
                 std::to_string(wrong->offset));
    return;
  }
  raw(name, std::string(value));
}

void Fields::raw(std::string_view name, std::string value) {
  for (auto& [known, old] : members_) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  members_.emplace_back(name, std::move(value));
}

void Fields::decimal(std::string_view name, double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  json(name, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void Fields::take_problem(const std::string& problem) {
  if (problem_.empty()) problem_ = problem;
}

std::string Fields::object() const {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  for (const auto& [name, value] : members_) {
    json.escaped_key(name);
    json.raw(value);
  }
  json.end_object();
  return out;
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
  return out;
}

}  // namespace sdk_detail

TransactionPlan::TransactionPlan(std::string_view pattern, std::string_view gid)
    : gid_(gid.empty() ? fresh_gid() : std::string(gid)) {
  fields_.text("pattern", pattern);
  fields_.text("gid", gid_);
  if (!is_gid(gid_)) {
    fields_.take_problem("\"" + gid_ + "\" is no gid: 1 to 128 characters of A-Z a-z 0-9 . _ : - are");
  }
}

Result<std::string> TransactionPlan::json() const {
  Fields whole = fields_;
  complete(whole);
  if (!on_commit_.empty()) whole.raw("on_commit", array_of(on_commit_, whole));
  if (!on_abort_.empty()) whole.raw("on_abort", array_of(on_abort_, whole));
  if (!labels_.empty()) whole.raw("labels", object_of(labels_));
  if (!headers_.empty()) whole.raw("headers", object_of(headers_));
  if (!whole.problem().empty()) return Error{ErrorCode::kInvalid, gid_ + ": " + whole.problem()};
  return whole.object();
}

SagaStep& SagaStep::after(std::string_view id) {
  after_.emplace_back(id);
  fields_.raw("after", sdk_detail::json_list(after_));
  return *this;
}

SagaStep& SagaStep::degrade(const FollowUp& instead) {
  fields_.take_problem(instead.fields().problem());
  fields_.raw("degrade", instead.fields().object());
  return *this;
}

SagaStep& SagaStep::bind(std::string_view step, std::string_view from, std::string_view into) {
  add_bind(bind_, step, from, into);
  fields_.raw("bind", "[" + bind_ + "]");
  return *this;
}

SagaStep& SagaStep::compensate_bind(std::string_view step, std::string_view from, std::string_view into) {
  add_bind(compensate_bind_, step, from, into);
  fields_.raw("compensate_bind", "[" + compensate_bind_ + "]");
  return *this;
}

void Saga::complete(Fields& fields) const { fields.raw("steps", array_of(steps_, fields)); }

void Tcc::complete(Fields& fields) const { fields.raw("branches", array_of(branches_, fields)); }

void TwoPhase::complete(Fields& fields) const { fields.raw("branches", array_of(branches_, fields)); }

MessageTarget& MessageTarget::degrade(const FollowUp& instead) {
  fields_.take_problem(instead.fields().problem());
  fields_.raw("degrade", instead.fields().object());
  return *this;
}

void Message::complete(Fields& fields) const { fields.raw("targets", array_of(targets_, fields)); }

}  // namespace settle
