#include "producer.h"

#include <nlohmann/json.hpp>

namespace settle::example {

using nlohmann::json;

Producer::Producer(net::Loop& loop, Database& database, ProducerOptions options, std::string own_url,
                   std::function<void()> die)
    : loop_(loop),
      database_(database),
      options_(std::move(options)),
      own_url_(std::move(own_url)),
      die_(std::move(die)),
      client_(loop, net::HttpClientOptions{}, [this](const net::HttpAnswer& answer) { on_answer(answer); }) {}

void Producer::place(std::string gid, OrderLine line, Fault fault, std::function<void(Answer)> answer) {
  const std::uint64_t id = ++last_id_;
  Placing& placing = placings_[id];
  placing.gid = std::move(gid);
  placing.line = std::move(line);
  placing.fault = fault;
  placing.answer = std::move(answer);
  send(id, placing, Step::kPrepare, "/v1/transactions", plan_of(placing));
}

std::string Producer::plan_of(const Placing& placing) const {
  const json input = json::parse(to_json(placing.line));
  return json{{"pattern", "message"},
              {"gid", placing.gid},
              {"targets",
               {{{"id", "stock"}, {"url", options_.stock_url}, {"input", input}},
                {{"id", "points"}, {"url", options_.points_url}, {"input", input}}}},
              {"check", own_url_ + "/check"},
              {"check_after_ms", options_.check_after_ms},
              {"retry", {{"base_ms", 200}, {"cap_ms", 1000}}}}
      .dump();
}

void Producer::on_answer(const net::HttpAnswer& answer) {
  const auto found = placings_.find(answer.cookie);
  if (found == placings_.end()) return;
  Placing& placing = found->second;
  const bool is_fine = answer.failure == net::HttpFailure::kNone && answer.status >= 200 && answer.status < 300;
  if (placing.step == Step::kPrepare) {
    if (is_fine) return prepared(answer.cookie, placing);
    return finish(answer.cookie, {503, "the message could not be prepared, so nothing was begun"});
  }
  // An answer to submit or abort that did not come changes nothing: the check-back finds the same truth.
  finish(answer.cookie, placing.outcome);
}

void Producer::prepared(std::uint64_t id, Placing& placing) {
  const Answer local = local_transaction(placing);
  const std::string path = "/v1/transactions/" + placing.gid;
  placing.outcome = local;
  if (local.status == kDone) return send(id, placing, Step::kSubmit, path + "/submit", "{}");
  if (local.status != kRefused) return finish(id, local);  // unknown: only the check-back may decide
  // Saying `abort` vouches that the local transaction cannot commit any more: first the tombstone, then the word.
  if (check_back(database_, placing.gid).body.find("aborted") == std::string::npos) return finish(id, local);
  send(id, placing, Step::kAbort, path + "/abort", json{{"reason", local.body}}.dump());
}

Answer Producer::local_transaction(const Placing& placing) {
  const barrier::Call call{placing.gid, kProducerBranch, "local", {}};
  const barrier::Reply reply = barrier::run(database_.handle(), call, [&](barrier::Work) {
    barrier::Made placed = kOrder.act(database_, placing.gid, placing.line);
    if (placing.fault == Fault::kDieBeforeCommit) die_();
    return placing.fault == Fault::kRefuse ? barrier::Made::refused("told to refuse") : placed;
  });
  if (placing.fault == Fault::kDieAfterCommit) die_();
  return answer_of(reply);
}

void Producer::send(std::uint64_t id, Placing& placing, Step step, const std::string& path, const std::string& body) {
  placing.step = step;
  net::HttpCall call;
  const std::string url = options_.settle_url + path;
  call.url = url;
  call.headers = "content-type: application/json\r\n";
  call.body = body;
  call.deadline = loop_.now() + std::chrono::seconds(15);
  call.cookie = id;
  client_.call(call);
}

void Producer::finish(std::uint64_t id, const Answer& answer) {
  const auto node = placings_.extract(id);
  if (!node.empty()) node.mapped().answer(answer);
}

}  // namespace settle::example
