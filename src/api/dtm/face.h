#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/dtm/plan.h"
#include "api/dtm/render.h"
#include "api/http/face.h"
#include "api/http/pending.h"
#include "api/http/ports.h"
#include "base/random.h"
#include "net/http_server.h"

namespace settle::api::dtm {

/// `/api/dtmsvr` and `/api/json-rpc` on one worker thread: decodes a request, calls one verb, and answers in DTM's
/// words when the engine has replied. One instance per thread; everything runs there. It must outlive the reads that it
/// gave to `Ports::read_store`.
class Face {
 public:
  /// `seed`: of the gids that it makes; another one for each instance.
  Face(Ports& ports, const Settings& settings, std::uint64_t seed, Respond respond);

  /// DTM's paths and those of /v1 have no prefix in common.
  static bool is_its_path(std::string_view path) { return path.starts_with("/api/"); }

  void on_request(const net::HttpRequest& request, net::ResponseSlot slot);

  /// The engine's reply to a token that `is_for_dtm`. One that is not open any more is ignored.
  void on_reply(engine::Token token, Rendered&& rendered);

  /// The connection of this slot is gone: nobody waits for its answers any more.
  void on_gone(net::ResponseSlot slot);

 private:
  /// Who asked, and how.
  struct Caller {
    net::ResponseSlot slot;
    std::string rpc_id;  ///< JSON text; empty: by plain HTTP
  };
  /// Several verbs for one request.
  struct Batch {
    Caller caller;
    std::size_t open = 0;
    std::size_t succeeded = 0;
    bool has_more = false;
  };

  void get(std::string_view name, std::string_view query, const Caller& caller);
  bool read_topics_request(std::string_view name, std::string_view query, const Caller& caller);
  bool operate(std::string_view name, const Json& body, const Caller& caller);
  void json_rpc(std::string_view body, net::ResponseSlot slot);

  void prepare_or_submit(const Json& body, bool announced, const Caller& caller);
  void begin(const TransRequest& request, bool announced, const Topics& topics, const Caller& caller);
  void abort(const Json& body, const Caller& caller);
  void enlist(const Json& body, const Caller& caller);
  void verb_of_gid(const Json& body, engine::Verb verb, Asked asked, const Caller& caller);
  void query(std::string_view query, const Caller& caller);
  void list(std::string_view query, const Caller& caller);
  void reset_clocks(std::string_view query, const Caller& caller);
  void change_topic(std::function<Result<void>(Store&)> change, const Caller& caller);

  engine::Token open(Asked asked, const std::string& gid, const Caller& caller);
  void ask(engine::Request&& request, Asked asked, const Caller& caller);
  /// Runs `read` where it may block, then answers with what it said.
  void read(std::function<Rendered(Store&)> read, const Caller& caller);
  void answer(const Caller& caller, Rendered&& rendered);
  void count(std::uint64_t number, bool succeeded);

  Ports& ports_;
  const Settings settings_;
  Respond respond_;
  Random random_;
  PendingReplies pending_;
  std::unordered_map<std::uint64_t, std::string> rpc_ids_;             // of those that came by JSON-RPC, by number
  std::unordered_map<std::uint64_t, std::shared_ptr<Batch>> batches_;  // of those that are a part of one, by number
};

}  // namespace settle::api::dtm
