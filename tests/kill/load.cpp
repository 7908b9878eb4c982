#include "kill/load.h"

namespace settle::kill {
namespace {

using live::Exchange;
using live::milliseconds;
using live::Reply;

constexpr milliseconds kPatience{4000};
constexpr milliseconds kPauseWithoutDaemon{15};

}  // namespace

struct Load::Hand {
  Hand(std::uint64_t seed, const std::vector<std::uint16_t>& ports, std::size_t first)
      : dice(seed), daemons(ports), at(first % ports.size()), line(ports[at]) {}

  Dice dice;
  const std::vector<std::uint16_t>& daemons;
  std::size_t at;
  live::KeptLine line;
  std::vector<std::string> known;  ///< gids of which the daemon has said that it has them

  Reply ask(const std::string& method, const std::string& target, const std::string& body) {
    Reply reply = live::reply_of(line.exchange(method, target, body, kPatience));
    if (reply.status == 0 && daemons.size() > 1) {
      at = (at + 1) % daemons.size();
      line = live::KeptLine(daemons[at]);
    }
    return reply;
  }
};

Load::Load(LoadOptions options, Journal& journal) : options_(std::move(options)), journal_(journal) {
  for (std::size_t i = 0; i < options_.clients; ++i) {
    threads_.emplace_back([this, i] { drive(i); });
  }
}

void Load::stop() {
  stopped_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Load::drive(std::size_t index) {
  Hand hand(options_.seed * 1000 + index, options_.daemons, index);
  const auto pause = std::chrono::microseconds{1'000'000} * options_.clients / options_.per_second;
  // The number stands last, so that many gids begin with another one.
  for (std::size_t number = 1; !stopped_; ++number) {
    const live::Clock::time_point next = live::Clock::now() + pause;
    const std::string gid =
        "k" + std::to_string(options_.seed) + "-" + std::to_string(index) + "-" + std::to_string(number);
    const Deal deal = make_deal(hand.dice, gid, options_.participants.size());
    journal_.write(deal);
    if (deal.shape == Shape::kTwoStep) {
      produce(hand, deal);
    } else {
      begin(hand, deal);
    }
    if (hand.dice.percent(30)) ask_again(hand);
    std::this_thread::sleep_until(next);
  }
}

void Load::begin(Hand& hand, const Deal& deal) {
  Json plan = plan_of(deal, options_.participants);
  // Some clients give up when there is no answer: then nobody knows whether there is such a transaction.
  const unsigned tries = hand.dice.percent(70) ? 200 : 1;
  for (unsigned i = 0; i < tries; ++i) {
    if (!begin_once(hand, deal, plan)) continue;
    hand.known.push_back(deal.gid);
    if (deal.aborts) abort(hand, deal);
    return;
  }
}

/// True: acknowledged.
bool Load::begin_once(Hand& hand, const Deal& deal, Json& plan) {
  const std::uint64_t wait = hand.dice.below(4);
  plan.erase("wait_ms");
  plan.erase("wait_for");
  if (wait == 1) plan["wait_ms"] = 100;
  if (wait >= 2) plan["wait_ms"] = 1500;
  if (wait == 3) plan["wait_for"] = "decision";

  journal_.write("send", deal.gid);
  const Reply reply = hand.ask("POST", "/v1/transactions", plan.dump());
  if (reply.end == Exchange::End::kUnsent) {
    journal_.write("unsent", deal.gid);
    std::this_thread::sleep_for(kPauseWithoutDaemon);
    return false;
  }
  if (reply.ok()) journal_.write("ack", deal.gid);
  understand(deal.gid, reply);
  return reply.ok();
}

void Load::understand(std::string_view gid, const Reply& reply) {
  if (reply.ok()) {
    journal_.note(gid, reply.body);
  } else if (reply.problem() == "overloaded") {
    journal_.write({{"what", "refused"}, {"gid", gid}, {"why", reply.body}});
    std::this_thread::sleep_for(kPauseWithoutDaemon);
  } else if (reply.status != 0 && reply.problem() != "store-unknown" && reply.problem() != "wrong-phase") {
    // Nothing that these clients ask is wrong.
    journal_.write({{"what", "incident"}, {"gid", gid}, {"why", reply.status}, {"body", reply.body}});
  }
}

void Load::abort(Hand& hand, const Deal& deal) {
  std::this_thread::sleep_for(milliseconds{hand.dice.below(30)});
  journal_.write("abort", deal.gid);
  understand(deal.gid, hand.ask("POST", "/v1/transactions/" + deal.gid + "/abort", R"({"reason":"changed my mind"})"));
}

void Load::produce(Hand& hand, const Deal& deal) {
  Json order{{"deal", to_json(deal)}, {"plan", plan_of(deal, options_.participants)}, {"may_die", true}};
  const std::uint16_t port = options_.participants[deal.production.place];
  const unsigned tries = hand.dice.percent(40) ? 5 : 1;
  for (unsigned i = 0; i < tries; ++i) {
    const Reply reply = live::reply_of(live::exchange(port, "POST", "/produce", order.dump(), kPatience));
    if (reply.status == 200 || reply.status == 409) {
      hand.known.push_back(deal.gid);
      return;
    }
    order["may_die"] = false;
    std::this_thread::sleep_for(kPauseWithoutDaemon * 4);
  }
}

void Load::ask_again(Hand& hand) {
  if (hand.known.empty()) return;
  const std::string gid = hand.known[hand.dice.below(hand.known.size())];
  const std::string query = hand.dice.percent(30) ? "?wait_ms=300" : "";
  const Reply reply = hand.ask("GET", "/v1/transactions/" + gid + query, {});
  if (reply.problem() == "unknown-gid") {
    journal_.write("missing", gid);
  } else {
    understand(gid, reply);
  }
}

}  // namespace settle::kill
