#include "api/http/problem.h"

#include <array>

#include "base/assert.h"
#include "wire/json_writer.h"

namespace settle::api {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";
constexpr std::string_view kRetryAfter = "retry-after: 1\r\n";

constexpr std::array<ErrorKind, kErrorNames> kKinds{{
    {ErrorName::kMalformed, 400, "/errors/malformed", "the body is no JSON"},
    {ErrorName::kInvalid, 400, "/errors/invalid", "the request asks for something that cannot be"},
    {ErrorName::kUnknownRoute, 404, "/errors/unknown-route", "no such path"},
    {ErrorName::kMethodNotAllowed, 405, "/errors/method-not-allowed", "this path has other methods"},
    {ErrorName::kUnknownGid, 404, "/errors/unknown-gid", "no such transaction here"},
    {ErrorName::kUnknownBranch, 404, "/errors/unknown-branch", "no such branch in this transaction"},
    {ErrorName::kPruned, 410, "/errors/pruned", "ended long ago"},
    {ErrorName::kGidReused, 409, "/errors/gid-reused", "this gid has another plan"},
    {ErrorName::kBranchReused, 409, "/errors/branch-reused", "this branch exists with other content"},
    {ErrorName::kWrongPhase, 409, "/errors/wrong-phase", "not in this phase"},
    {ErrorName::kContradiction, 409, "/errors/contradiction", "another outcome was told before"},
    {ErrorName::kDeadlinePassed, 409, "/errors/deadline-passed", "the deadline is over"},
    {ErrorName::kEpochClosed, 409, "/errors/epoch-closed", "this begin was never remembered"},
    {ErrorName::kTooLarge, 413, "/errors/too-large", "too large"},
    {ErrorName::kTooMany, 422, "/errors/too-many", "too many"},
    {ErrorName::kOverloaded, 503, "/errors/overloaded", "too much at the moment"},
    {ErrorName::kStoreFull, 507, "/errors/store-full", "the disk is nearly full"},
    {ErrorName::kStoreUnknown, 503, "/errors/store-unknown", "whether it was stored is unknown"},
    {ErrorName::kAuditUnavailable, 503, "/errors/audit-unavailable", "the audit cannot be written"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i].name != static_cast<ErrorName>(i)) return false;
  }
  return true;
}
static_assert(in_order());

Rendered document(std::string_view type, std::string_view title, int status, std::string_view detail,
                  std::string_view gid, std::string_view phase) {
  Rendered out;
  out.status = status;
  out.content_type = kProblemType;
  wire::JsonWriter json(out.body);
  json.begin_object();
  json.plain_member("type", type);
  if (!title.empty()) json.plain_member("title", title);
  json.key("status");
  json.number(status);
  if (!detail.empty()) json.member("detail", detail);
  if (!gid.empty()) json.member("gid", gid);
  if (!phase.empty()) json.plain_member("phase", phase);
  json.end_object();
  return out;
}

}  // namespace

const ErrorKind& kind_of(ErrorName name) { return kKinds[static_cast<std::size_t>(name)]; }

Rendered render_problem(ErrorName name, std::string_view detail, std::string_view gid, std::string_view phase) {
  const ErrorKind& kind = kind_of(name);
  Rendered out = document(kind.type, kind.title, kind.status, detail, gid, phase);
  if (kind.status == 503) out.extra_headers = kRetryAfter;
  return out;
}

Rendered render_problem(const Refusal& refusal) {
  return render_problem(refusal.name, refusal.pointer.empty() ? refusal.text : refusal.pointer + ": " + refusal.text);
}

void add_gid(Rendered& problem, std::string_view gid) {
  SETTLE_ASSERT(problem.body.ends_with('}'));
  problem.body.pop_back();
  wire::JsonWriter json(problem.body);
  json.member("gid", gid);
  json.end_object();
}

Rendered render_transport_problem(int status, std::string_view detail) {
  switch (status) {
    case 400:
      return document("/errors/malformed", "the request is no HTTP", status, detail, {}, {});
    case 413:
    case 414:
    case 431:
      return document("/errors/too-large", kind_of(ErrorName::kTooLarge).title, status, detail, {}, {});
    default:
      return document("about:blank", {}, status, detail, {}, {});
  }
}

std::string excerpt(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t size = bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U) --size;
  return std::string(text.substr(0, size)) + "…";
}

}  // namespace settle::api
