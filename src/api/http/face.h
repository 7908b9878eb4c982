#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/http/body_reader.h"
#include "api/http/http_figures.h"
#include "api/http/pending.h"
#include "api/http/plan_json.h"
#include "api/http/ports.h"
#include "api/http/query_string.h"
#include "api/http/render.h"
#include "api/http/route.h"
#include "net/http_server.h"

namespace settle::api {

/// `HttpServer::respond`, or what a test puts in its place.
using Respond = std::function<void(net::ResponseSlot slot, int status, std::string_view content_type,
                                   std::string_view body, std::string_view extra_headers)>;

/// `/v1` on one worker thread: decodes a request, calls one verb, and answers when the engine has replied. One instance
/// per thread; everything runs there. It must outlive the reads that it gave to `Ports::read_store`.
class Face {
 public:
  Face(Ports& ports, Respond respond);

  void on_request(const net::HttpRequest& request, net::ResponseSlot slot);

  /// The engine's reply to a token of this face. A token that is not open any more is ignored.
  void on_reply(engine::Token token, Rendered&& rendered);

  /// The connection of this slot is gone: nobody waits for its answers any more.
  void on_gone(net::ResponseSlot slot);

  [[nodiscard]] const HttpFigures& figures() const { return figures_; }
  [[nodiscard]] std::size_t open() const { return pending_.size(); }

 private:
  struct Named {
    std::string gid;
    std::string branch;
  };

  void begin(const net::HttpRequest& request, net::ResponseSlot slot);
  void verb(const Place& place, QueryString& query, const net::HttpRequest& request, net::ResponseSlot slot);
  void list(QueryString& query, net::ResponseSlot slot);
  void gids(QueryString& query, net::ResponseSlot slot);
  void no_such_place(const Place& place, const net::HttpRequest& request, net::ResponseSlot slot);

  bool read_verb(const Place& place, QueryString& query, const net::HttpRequest& request, engine::Request& out,
                 std::uint8_t& flags, Refusal& refusal);
  void answer(Route route, Instant since, net::ResponseSlot slot, const Rendered& rendered);

  Ports& ports_;
  Respond respond_;
  PlanReader plan_;
  BodyReader body_;
  PendingReplies pending_;
  HttpFigures figures_;
};

/// The transaction that a path or `?transaction=` names; nothing: `refusal` says why.
std::optional<std::string> transaction_name(std::string_view gid_in_path, QueryString& query, Refusal& refusal);

}  // namespace settle::api
