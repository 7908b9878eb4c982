#include "cli/ask.h"

#include <ostream>

#include "cli/json.h"
#include "cli/printable.h"
#include "net/http_fields.h"

namespace settle::cli {
namespace {

std::string url_of(const Endpoint& to, const HttpRequest& request) {
  return std::string(request.method) + " http://" + to.text() + request.target;
}

void explain_where(Shell& shell, const Endpoint& to, const HttpRequest& request) {
  const bool admin = &to == &shell.admin;
  shell.err << "  tried     " << url_of(to, request) << "\n"
            << "  address   from " << to.origin << "\n"
            << "  start it  settled            (or, in a checkout: ./run serve)\n"
            << "  elsewhere settlectl "
            << (admin ? "--admin HOST:PORT …, or SETTLE_ADMIN" : "--api HOST:PORT …, or SETTLE_API") << "=HOST:PORT\n";
}

int no_answer(Shell& shell, const Endpoint& to, const HttpRequest& request, const Error& error) {
  shell.err << "settlectl: ";
  switch (error.code) {
    case ErrorCode::kUnknownOutcome:
      shell.err << "the answer did not come: " << error.message << "\n";
      shell.err << "  asked     " << url_of(to, request) << "\n";
      if (request.method != "GET") {
        shell.err << "  The daemon may have acted on it or not. Asking again with the same gid is safe.\n";
      }
      break;
    case ErrorCode::kCorrupt:
      shell.err << "what listens at " << to.text() << " is not settled: " << error.message << "\n";
      explain_where(shell, to, request);
      break;
    default:
      shell.err << "no daemon answers at " << to.text() << ": " << error.message << "\n";
      explain_where(shell, to, request);
  }
  return kNoDaemon;
}

/// A problem document of RFC 9457 in words; whatever else came, cut to a line.
int refused(Shell& shell, const Endpoint& to, const HttpRequest& request, const HttpAnswer& answer) {
  const bool is_problem = answer.content_type.starts_with("application/problem+json");
  if (shell.json && is_problem) {
    print_json(shell, answer.body);
    return kRefused;
  }
  const Json problem = is_problem ? parse_json(answer.body) : Json();
  shell.err << "settlectl: refused with " << answer.status;
  if (!problem.is_object()) {
    shell.err << " and no word why\n  asked     " << url_of(to, request) << "\n";
    if (!answer.body.empty()) shell.err << "  answer    " << printable(answer.body.substr(0, 200)) << "\n";
    return kRefused;
  }
  const std::string type = text_at(problem, "type");
  const std::string name = type.substr(type.rfind('/') + 1);
  shell.err << " " << printable(name) << ": " << printable(text_at(problem, "title")) << "\n";
  if (const std::string detail = text_at(problem, "detail"); !detail.empty()) {
    shell.err << "  " << printable(detail) << "\n";
  }
  for (const char* key : {"gid", "phase"}) {
    if (const std::string value = text_at(problem, key); !value.empty()) {
      shell.err << "  " << key << (std::string_view(key) == "gid" ? "       " : "     ") << printable(value) << "\n";
    }
  }
  if (!answer.retry_after.empty()) shell.err << "  again in  " << printable(answer.retry_after) << " s\n";
  if (!name.empty()) shell.err << "  more      docs/errors/" << printable(name) << ".md\n";
  return kRefused;
}

/// Orders on the admin listener say whose they are; a name that is no header value is left out.
HttpRequest signed_by_operator(const Shell& shell, const Endpoint& to, HttpRequest request) {
  if (&to != &shell.admin || request.method == "GET" || shell.operator_name.empty()) return request;
  std::string line;
  if (net::append_header(line, "settle-operator", shell.operator_name)) request.headers += line;
  return request;
}

}  // namespace

Asked ask(Shell& shell, const Endpoint& to, const HttpRequest& request, std::chrono::milliseconds wait) {
  Result<HttpAnswer> answer = exchange(to, signed_by_operator(shell, to, request), kPatience + wait);
  if (!answer) return {std::nullopt, no_answer(shell, to, request, answer.error())};
  if (answer->status < 200 || answer->status > 299) return {std::nullopt, refused(shell, to, request, *answer)};
  return {std::move(answer->body), kOk};
}

std::string transaction_path(std::string_view gid, std::string_view under) {
  std::string path = "/v1/transactions/" + escaped(gid);
  if (!under.empty()) path.append("/").append(under);
  return path;
}

std::string reason_body(std::string_view reason) {
  // Words from a terminal may be no UTF-8; JSON must be.
  return Json{{"reason", reason}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

int usage_error(Shell& shell, std::string_view command, std::string_view what) {
  shell.err << "settlectl: " << what << "\n  see  settlectl help" << (command.empty() ? "" : " ") << command << "\n";
  return kUsage;
}

void print_json(Shell& shell, std::string_view body) {
  shell.out << body;
  if (!body.ends_with('\n')) shell.out << "\n";
}

}  // namespace settle::cli
