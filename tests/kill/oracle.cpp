#include "kill/oracle.h"

#include <algorithm>
#include <numeric>

#include "kill/books.h"
#include "kill/journal.h"
#include "kill/sqlite.h"

namespace settle::kill {

std::string_view name_of(Check check) {
  constexpr std::array<std::string_view, kChecks> kNames{
      "once",  "one-outcome",  "told-truth", "told-once", "remembered",   "carried-out",  "turned-back",
      "order", "not-invented", "delivered",  "at-rest",   "no-complaint", "books-add-up", "represented"};
  return kNames[static_cast<std::size_t>(check)];
}

std::uint64_t Verdict::checks_in_all() const { return std::accumulate(checks.begin(), checks.end(), std::uint64_t{0}); }

bool Verdict::has(Check check) const {
  return std::ranges::any_of(violations, [&](const Violation& violation) { return violation.check == check; });
}

void Verdict::expect(bool holds, Check check, const std::string& gid, const std::string& text) {
  ++checks[static_cast<std::size_t>(check)];
  if (!holds) violations.push_back({check, gid, text});
}

namespace {

std::int64_t sum_of(const std::vector<std::int64_t>& amounts) {
  return std::accumulate(amounts.begin(), amounts.end(), std::int64_t{0});
}

/// Nothing; the amount; the amount and its undoing, in this order. Anything else is a double or a wrong effect.
bool is_once(const Found& found, std::int64_t amount) {
  const std::vector<std::int64_t>& rows = found.amounts;
  if (rows.empty()) return true;
  if (rows.size() == 1) return rows[0] == amount;
  return rows.size() == 2 && rows[0] == amount && rows[1] == -amount;
}

std::string rows_text(const Found& found) {
  std::string text = "rows:";
  for (const std::int64_t amount : found.amounts) text += " " + std::to_string(amount);
  return text;
}

/// How many shares are effective at last.
std::size_t effective(const Case& one) {
  return static_cast<std::size_t>(
      std::ranges::count_if(one.found, [](const Found& found) { return sum_of(found.amounts) != 0; }));
}

void judge_effects(const Case& one, Verdict& verdict) {
  const std::string& gid = one.deal.gid;
  for (std::size_t i = 0; i < one.deal.shares.size(); ++i) {
    const Share& share = one.deal.shares[i];
    verdict.expect(is_once(one.found[i], share.amount), Check::kOnce, gid,
                   share.branch + " planned " + std::to_string(share.amount) + ", " + rows_text(one.found[i]));
  }
  const std::size_t count = effective(one);
  verdict.expect(count == 0 || count == one.deal.shares.size(), Check::kOneOutcome, gid,
                 std::to_string(count) + " of " + std::to_string(one.deal.shares.size()) + " shares are effective");
}

void judge_order(const Case& one, Verdict& verdict) {
  for (std::size_t i = 0; i < one.deal.shares.size(); ++i) {
    for (const std::size_t earlier : one.deal.before(i)) {
      const Found& first = one.found[earlier];
      const Found& second = one.found[i];
      const std::string pair = one.deal.shares[earlier].branch + " and " + one.deal.shares[i].branch;
      if (second.acted_at != 0) {
        verdict.expect(first.acted_at != 0 && first.acted_at < second.acted_at, Check::kOrder, one.deal.gid,
                       pair + " acted in the wrong order");
      }
      // Only what has acted has an order: a new owner undoes also a step of which it cannot know that nobody was
      // reached, and its predecessor may have been undone by then.
      if (first.undone_at != 0 && second.undone_at != 0 && second.acted_at != 0) {
        verdict.expect(second.undone_at < first.undone_at, Check::kOrder, one.deal.gid,
                       pair + " were undone in the wrong order");
      }
    }
  }
}

void judge_words(const Case& one, Verdict& verdict) {
  const std::string& gid = one.deal.gid;
  const Heard& heard = one.heard;
  const std::size_t count = effective(one);
  if (!heard.verdicts.empty()) {
    verdict.expect(heard.verdicts.size() == 1, Check::kToldOnce, gid, "a client was told commit, and a client abort");
    const bool commit = heard.verdicts.contains("commit");
    verdict.expect(commit ? count == one.deal.shares.size() : count == 0, Check::kToldTruth, gid,
                   "told " + *heard.verdicts.begin() + ", and " + std::to_string(count) + " shares are effective");
  }
  if (heard.acknowledged) {
    verdict.expect(!heard.missing, Check::kRemembered, gid, "acknowledged, and later not known");
  } else if (heard.sends == heard.not_stored) {
    verdict.expect(count == 0, Check::kNotInvented, gid, "it never reached the daemon, and has effects");
  }
  verdict.expect(!heard.open, Check::kAtRest, gid, "it is still running");
  verdict.expect(!heard.incident, Check::kAtRest, gid, "it waits for a person");
}

void judge_promise(const Case& one, Verdict& verdict) {
  const Deal& deal = one.deal;
  const std::size_t count = effective(one);
  const bool happened = count == deal.shares.size();
  if (deal.shape == Shape::kTwoStep) {
    verdict.expect(one.orders <= 1, Check::kDelivered, deal.gid, "the producer committed twice");
    verdict.expect(one.orders == 1 ? happened : count == 0, Check::kDelivered, deal.gid,
                   one.orders == 1 ? "business without its message" : "a message without its business");
    return;
  }
  if (deal.refused_somewhere()) {
    verdict.expect(count == 0, Check::kTurnedBack, deal.gid, "a participant refused, and it has effects");
  } else if (one.heard.acknowledged && !one.heard.abort_asked) {
    verdict.expect(happened, Check::kCarriedOut, deal.gid, "acknowledged, nobody refused, and it did not happen");
  }
}

}  // namespace

void judge(const Case& one, Verdict& verdict) {
  judge_effects(one, verdict);
  judge_order(one, verdict);
  judge_words(one, verdict);
  judge_promise(one, verdict);
  ++verdict.transactions;
  verdict.acknowledged += one.heard.acknowledged ? 1U : 0U;
  (effective(one) == 0 ? verdict.aborted : verdict.committed) += 1;
}

namespace {

using Cases = std::map<std::string, Case>;

void hear(const Json& line, Cases& cases, Verdict& verdict) {
  const std::string what = line.at("what").get<std::string>();
  if (what == "deal") {
    Deal deal = deal_of(line.at("deal"));
    Case& one = cases[deal.gid];
    one.found.resize(deal.shares.size());
    one.deal = std::move(deal);
    return;
  }
  const std::string gid = line.at("gid").get<std::string>();
  const auto found = cases.find(gid);
  if (found == cases.end()) {
    verdict.expect(false, Check::kNotInvented, gid, "nobody planned it, and a journal names it: " + what);
    return;
  }
  Heard& heard = found->second.heard;
  if (what == "send") ++heard.sends;
  if (what == "unsent" || what == "refused") ++heard.not_stored;
  if (what == "ack") heard.acknowledged = true;
  if (what == "abort") heard.abort_asked = true;
  if (what == "told") heard.verdicts.insert(line.at("verdict").get<std::string>());
  if (what == "missing") heard.missing = true;
  if (what == "open") heard.open = true;
  if (what == "incident") heard.incident = true;
}

/// The share of a row in participant `place`'s books; null if nobody planned such a row.
Found* share_of(Cases& cases, std::size_t place, const std::string& gid, const std::string& branch) {
  const auto found = cases.find(gid);
  if (found == cases.end()) return nullptr;
  Case& one = found->second;
  for (std::size_t i = 0; i < one.deal.shares.size(); ++i) {
    if (one.deal.shares[i].place == place && one.deal.shares[i].branch == branch) return &one.found[i];
  }
  return nullptr;
}

void read_books(const std::string& folder, std::size_t place, Cases& cases, Verdict& verdict) {
  Sqlite books(books_path(folder, place), 10'000);
  std::int64_t sum = 0;
  const auto effects = books.run("SELECT gid, branch, amount FROM effects ORDER BY rowid");
  for (const Row& row : *effects) {
    sum += number_of(row.at(2));
    Found* const found = share_of(cases, place, text_of(row.at(0)), text_of(row.at(1)));
    verdict.expect(found != nullptr, Check::kNotInvented, text_of(row.at(0)), "nobody planned this effect");
    if (found != nullptr) found->amounts.push_back(number_of(row.at(2)));
  }
  const std::int64_t balance = number_of(books.run("SELECT balance FROM account")->at(0).at(0));
  verdict.expect(sum == balance, Check::kBooksAddUp, "", "participant " + std::to_string(place));

  const auto barrier = books.run("SELECT gid, branch, acted_at, undone_at FROM barrier WHERE branch <> '00'");
  for (const Row& row : *barrier) {
    Found* const found = share_of(cases, place, text_of(row.at(0)), text_of(row.at(1)));
    verdict.expect(found != nullptr, Check::kNotInvented, text_of(row.at(0)), "nobody planned this call");
    if (found == nullptr) continue;
    found->acted_at = number_of(row.at(2));
    found->undone_at = number_of(row.at(3));
  }
  const auto orders = books.run("SELECT gid FROM orders");
  for (const Row& row : *orders) {
    const auto found = cases.find(text_of(row.at(0)));
    const bool is_planned = found != cases.end() && found->second.deal.shape == Shape::kTwoStep &&
                            found->second.deal.production.place == place;
    verdict.expect(is_planned, Check::kNotInvented, text_of(row.at(0)), "nobody planned this local transaction");
    if (is_planned) ++found->second.orders;
  }
  const auto complaints = books.run("SELECT gid, branch, text FROM complaints");
  verdict.expect(complaints->empty(), Check::kNoComplaint, "", "participant " + std::to_string(place));
  for (const Row& row : *complaints) {
    verdict.expect(false, Check::kNoComplaint, text_of(row.at(0)), text_of(row.at(1)) + " " + text_of(row.at(2)));
  }
}

/// A check that had nothing to look at has not passed.
void judge_the_net(const std::vector<Case>& cases, Verdict& verdict) {
  const auto some = [&](const std::string& what, auto&& is_one) {
    verdict.expect(std::ranges::any_of(cases, is_one), Check::kRepresented, "", "there was no " + what);
  };
  for (const Shape shape : {Shape::kList, Shape::kConcurrent, Shape::kGraph, Shape::kDirect, Shape::kTwoStep}) {
    some(std::string(name_of(shape)), [&](const Case& one) { return one.deal.shape == shape; });
  }
  some("committed saga", [](const Case& one) { return one.deal.is_saga() && effective(one) > 0; });
  some("saga undone after effects", [](const Case& one) {
    return one.deal.is_saga() && std::ranges::any_of(one.found, [](const Found& f) { return f.amounts.size() == 2; });
  });
  some("delivered message", [](const Case& one) { return one.deal.shape == Shape::kTwoStep && one.orders == 1; });
  some("message dropped with its business",
       [](const Case& one) { return one.deal.shape == Shape::kTwoStep && one.orders == 0 && one.heard.acknowledged; });
  some("verdict told", [](const Case& one) { return !one.heard.verdicts.empty(); });
  some("acknowledgement", [](const Case& one) { return one.heard.acknowledged; });
  some("answer that a participant lost",
       [](const Case& one) { return effective(one) > 0 && std::ranges::any_of(one.deal.shares, &Share::loses); });
}

}  // namespace

std::vector<Case> collect(const std::string& folder, std::size_t participants, Verdict& verdict) {
  Cases cases;
  for (const Json& line : read_journal(folder + "/client.journal")) hear(line, cases, verdict);
  for (std::size_t place = 0; place < participants; ++place) {
    const std::string name = "/producer-" + std::to_string(place) + ".journal";
    for (const Json& line : read_journal(folder + name)) hear(line, cases, verdict);
    read_books(folder, place, cases, verdict);
  }
  std::vector<Case> all;
  for (auto& [gid, one] : cases) all.push_back(std::move(one));
  return all;
}

Verdict judge_all(const std::string& folder, std::size_t participants) {
  Verdict verdict;
  const std::vector<Case> cases = collect(folder, participants, verdict);
  for (const Case& one : cases) judge(one, verdict);
  judge_the_net(cases, verdict);
  return verdict;
}

}  // namespace settle::kill
