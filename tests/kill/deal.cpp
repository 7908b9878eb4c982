#include "kill/deal.h"

#include <algorithm>

#include "live/client.h"

namespace settle::kill {

std::uint64_t Dice::next() {
  // Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

std::string_view name_of(Shape shape) {
  switch (shape) {
    case Shape::kList:
      return "list";
    case Shape::kConcurrent:
      return "concurrent";
    case Shape::kGraph:
      return "graph";
    case Shape::kDirect:
      return "direct";
    case Shape::kTwoStep:
      return "two-step";
  }
  return "";
}

bool Deal::refused_somewhere() const { return std::ranges::any_of(shares, &Share::refuses); }

std::vector<std::size_t> Deal::before(std::size_t index) const {
  if (shape == Shape::kGraph) return shares[index].after;
  if (shape == Shape::kList && index > 0) return {index - 1};
  return {};
}

Json to_json(const Deal& deal) {
  Json shares = Json::array();
  for (const Share& share : deal.shares) {
    shares.push_back({{"branch", share.branch},
                      {"place", share.place},
                      {"amount", share.amount},
                      {"refuses", share.refuses},
                      {"loses", share.loses},
                      {"slow_ms", share.slow_ms},
                      {"after", share.after}});
  }
  const Production& production = deal.production;
  return {{"gid", deal.gid},
          {"shape", deal.shape},
          {"shares", shares},
          {"place", production.place},
          {"commits", production.commits},
          {"silent", production.silent},
          {"hold_ms", production.hold_ms},
          {"dies", production.dies},
          {"repeats_undo_input", deal.repeats_undo_input},
          {"aborts", deal.aborts}};
}

Deal deal_of(const Json& json) {
  Deal deal;
  deal.gid = json.at("gid").get<std::string>();
  deal.shape = json.at("shape").get<Shape>();
  for (const Json& one : json.at("shares")) {
    deal.shares.push_back({one.at("branch").get<std::string>(), one.at("place").get<std::size_t>(),
                           one.at("amount").get<std::int64_t>(), one.at("refuses").get<bool>(),
                           one.at("loses").get<bool>(), one.at("slow_ms").get<unsigned>(),
                           one.at("after").get<std::vector<std::size_t>>()});
  }
  deal.production = {json.at("place").get<std::size_t>(), json.at("commits").get<bool>(), json.at("silent").get<bool>(),
                     json.at("hold_ms").get<unsigned>(), json.at("dies").get<std::string>()};
  deal.repeats_undo_input = json.at("repeats_undo_input").get<bool>();
  deal.aborts = json.at("aborts").get<bool>();
  return deal;
}

namespace {

void make_shares(Dice& dice, Deal& deal, std::size_t places) {
  const std::size_t count = deal.shape == Shape::kGraph ? 4 : 2 + dice.below(3);
  for (std::size_t i = 0; i < count; ++i) {
    Share share;
    // Short names and long ones that begin with them; also one participant with two branches of the same deal.
    share.branch = i % 2 == 0 ? "b" + std::to_string(i / 2) : "b" + std::to_string(i / 2) + "-more";
    share.place = dice.below(places);
    share.amount = static_cast<std::int64_t>(1 + dice.below(1'000'000));
    share.loses = dice.percent(8);
    share.slow_ms = dice.percent(15) ? static_cast<unsigned>(dice.below(60)) : 0;
    deal.shares.push_back(std::move(share));
  }
  if (deal.shape == Shape::kGraph) {
    deal.shares[1].after = {0};
    deal.shares[2].after = {0};
    deal.shares[3].after = {1, 2};
  }
}

}  // namespace

Deal make_deal(Dice& dice, std::string gid, std::size_t places) {
  Deal deal;
  deal.gid = std::move(gid);
  const std::uint64_t kind = dice.below(100);
  deal.shape = kind < 25   ? Shape::kList
               : kind < 40 ? Shape::kConcurrent
               : kind < 60 ? Shape::kGraph
               : kind < 70 ? Shape::kDirect
                           : Shape::kTwoStep;
  make_shares(dice, deal, places);
  if (deal.is_saga()) {
    if (dice.percent(35)) deal.shares[dice.below(deal.shares.size())].refuses = true;
    deal.repeats_undo_input = dice.percent(50);
    deal.aborts = dice.percent(8);
  }
  if (deal.shape == Shape::kTwoStep) {
    Production& production = deal.production;
    production.place = dice.below(places);
    production.commits = dice.percent(70);
    production.silent = dice.percent(15);
    production.hold_ms = dice.percent(15) ? static_cast<unsigned>(150 + dice.below(250)) : 0;
    if (dice.percent(2)) production.dies = kDeathPoints[dice.below(std::size(kDeathPoints))];
  }
  return deal;
}

Json plan_of(const Deal& deal, const std::vector<std::uint16_t>& ports) {
  // Quick pauses: what matters is that things are repeated, not how long one waits before.
  const Json retry{{"base_ms", 50}, {"factor", 2}, {"cap_ms", 800}, {"jitter", 0.3}};
  Json plan{{"gid", deal.gid}, {"retry", retry}, {"attempt_timeout_ms", 1500}, {"labels", {{"test", "kill"}}}};
  plan["pattern"] = deal.is_saga() ? "saga" : "message";
  Json branches = Json::array();
  for (const Share& share : deal.shares) {
    const std::uint16_t port = ports[share.place];
    Json input{{"amount", share.amount}};
    if (share.refuses) input["refuse"] = true;
    if (share.loses) input["lose"] = true;
    if (share.slow_ms != 0) input["slow_ms"] = share.slow_ms;
    Json branch{{"id", share.branch}};
    if (deal.is_saga()) {
      branch["action"] = live::url(port, "/act");
      branch["compensate"] = live::url(port, "/undo");
      if (deal.repeats_undo_input) branch["compensate_input"] = {{"amount", share.amount}, {"undo", true}};
      if (!share.after.empty()) {
        branch["after"] = Json::array();
        for (const std::size_t other : share.after) branch["after"].push_back(deal.shares[other].branch);
      }
    } else {
      branch["url"] = live::url(port, "/deliver");
      if (deal.shape == Shape::kTwoStep) input["producer"] = deal.production.place;
    }
    branch["input"] = std::move(input);
    branches.push_back(std::move(branch));
  }
  plan[deal.is_saga() ? "steps" : "targets"] = std::move(branches);
  if (deal.shape == Shape::kConcurrent) plan["concurrent"] = true;
  if (deal.shape == Shape::kTwoStep) {
    plan["check"] = live::url(ports[deal.production.place], "/check");
    plan["check_after_ms"] = 100;
  }
  return plan;
}

}  // namespace settle::kill
