#include "kill/participant.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

namespace settle::kill {
namespace {

constexpr live::milliseconds kSettledPatience{3000};

live::Said said(const Answer& answer) { return {answer.status, answer.body, {}, live::Said::How::kAnswer}; }

[[noreturn]] void die() {
  (void)::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

}  // namespace

Participant::Participant(const ParticipantOptions& options)
    : books_(options.folder, options.index, options.sabotage),
      journal_(options.folder + "/producer-" + std::to_string(options.index) + ".journal"),
      settled_(options.settled, kSettledPatience) {}

live::Said Participant::on_request(const live::Message& request) {
  return request.target == "/produce" ? on_produce(request) : on_op(request);
}

live::Said Participant::on_op(const live::Message& request) {
  const std::string gid = request.header("settle-gid");
  const std::string branch = request.header("settle-branch");
  const std::string op = request.header("settle-op");
  const auto complain = [&](const std::string& what) {
    books_.complain(gid, branch, request.target + ": " + what);
    return live::Said{500, what, {}, live::Said::How::kAnswer};
  };
  const std::string target = op == "action" ? "/act" : op == "compensate" ? "/undo" : "/" + op;
  if (gid.empty() || branch.empty() || target != request.target) return complain("headers of another op: " + op);
  if (op == "check") return branch == "00" ? said(books_.check(gid)) : complain("check of branch " + branch);

  const Json input = Json::parse(request.body, nullptr, false);
  if (!input.is_object() || !input.contains("amount")) return complain("no such input was planned: " + request.body);
  const std::int64_t amount = input.at("amount").get<std::int64_t>();
  if (op == "compensate") return said(books_.undo(gid, branch, amount));
  if (op == "deliver" && input.contains("producer") && !books_.has_order(input.at("producer"), gid)) {
    return complain("delivered, and the producer's local transaction is not committed");
  }
  std::this_thread::sleep_for(live::milliseconds{input.value("slow_ms", 0)});
  const Answer answer = books_.act(gid, branch, amount, input.value("refuse", false));
  // Not for ever, even where a sabotage makes every attempt a fresh one.
  const bool is_early = std::atoi(request.header("settle-attempt").c_str()) < 3;
  if (answer.fresh && is_early && input.value("lose", false)) return {0, {}, {}, live::Said::How::kCut};
  return said(answer);
}

bool Participant::prepare(const Deal& deal, const std::string& plan) {
  journal_.write("send", deal.gid);
  const live::Reply reply = settled_.post("/v1/transactions", plan);
  if (reply.end == live::Exchange::End::kUnsent) journal_.write("unsent", deal.gid);
  if (!reply.ok()) return false;
  journal_.write("ack", deal.gid);
  journal_.note(deal.gid, reply.body);
  return true;
}

live::Said Participant::on_produce(const live::Message& request) {
  const Json order = Json::parse(request.body);
  const Deal deal = deal_of(order.at("deal"));
  const Production& production = deal.production;
  const auto dies_if = [&](std::string_view point) {
    if (production.dies == point && order.at("may_die").get<bool>()) die();
  };

  // Without the daemon's word that the message is kept, the business does not begin.
  if (!prepare(deal, order.at("plan").dump())) return {503, "not prepared", {}, live::Said::How::kAnswer};
  dies_if("prepared");
  const Answer local = books_.local(deal.gid, production.commits, [&] {
    std::this_thread::sleep_for(live::milliseconds{production.hold_ms});
    dies_if("open");
  });
  dies_if("committed");
  // 425 says nothing: then the check-back finds out.
  if (!production.silent && local.status != 425) {
    const live::Reply reply = local.status == 200 ? settled_.submit(deal.gid) : settled_.abort(deal.gid);
    if (reply.ok()) journal_.note(deal.gid, reply.body);
  }
  dies_if("submitted");
  return said(local);
}

}  // namespace settle::kill
