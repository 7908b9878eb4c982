#include "audit.h"

#include <map>

#include "database.h"

namespace settle::example {
namespace {

Result<std::vector<Row>> ask(const std::string& folder, const char* file, std::string_view question) {
  Result<Database> database = Database::open(folder + "/" + file, std::chrono::seconds(2));
  if (!database) return database.error();
  return database->query(question);
}

Result<std::pair<std::int64_t, std::int64_t>> two_sums(const std::string& folder, const char* file,
                                                       std::string_view question) {
  const Result<std::vector<Row>> rows = ask(folder, file, question);
  if (!rows) return rows.error();
  return std::pair{rows->at(0).integer(0), rows->at(0).integer(1)};
}

/// gid → amount
using Book = std::map<std::string, std::int64_t>;

Result<Book> read_book(const std::string& folder, const char* file, std::string_view question) {
  const Result<std::vector<Row>> rows = ask(folder, file, question);
  if (!rows) return rows.error();
  Book book;
  for (const Row& row : *rows) book[row.text(0)] += row.integer(1);
  return book;
}

Result<void> same(const Book& ordered, const Book& found, const std::string& what) {
  for (const auto& [gid, amount] : ordered) {
    const auto entry = found.find(gid);
    if (entry == found.end()) return Error{ErrorCode::kConflict, "the order " + gid + " stands without its " + what};
    if (entry->second != amount) {
      return Error{ErrorCode::kConflict, "the order " + gid + " has " + std::to_string(entry->second) + " " + what +
                                             " instead of " + std::to_string(amount)};
    }
  }
  for (const auto& [gid, amount] : found) {
    if (!ordered.contains(gid)) {
      return Error{ErrorCode::kConflict,
                   std::to_string(amount) + " " + what + " went out for " + gid + ", which is no order that stands"};
    }
  }
  return {};
}

Result<void> as_many(std::int64_t now, std::int64_t then, const std::string& what) {
  if (now == then) return {};
  return Error{ErrorCode::kConflict,
               "there are " + std::to_string(now) + " " + what + " and there were " + std::to_string(then)};
}

}  // namespace

Result<Balances> read_balances(const std::string& folder) {
  const auto coins = two_sums(folder, "order.db",
                              "SELECT (SELECT SUM(coins) FROM purse),"
                              "       (SELECT COALESCE(SUM(price), 0) FROM orders WHERE state = 'placed')");
  const auto pieces = two_sums(folder, "stock.db",
                               "SELECT (SELECT SUM(pieces) FROM shelf),"
                               "       (SELECT COALESCE(SUM(quantity), 0) FROM shipments)");
  const auto points = two_sums(folder, "points.db",
                               "SELECT (SELECT points FROM fund),"
                               "       (SELECT COALESCE(SUM(points), 0) FROM accounts)");
  for (const auto* sums : {&coins, &pieces, &points}) {
    if (!*sums) return sums->error();
  }
  return Balances{coins->first, coins->second, pieces->first, pieces->second, points->first, points->second};
}

Result<std::int64_t> audit(const std::string& folder, const Balances& opening) {
  const Result<Balances> now = read_balances(folder);
  if (!now) return now.error();
  for (const Result<void>& total :
       {as_many(now->coins(), opening.coins(), "coins"), as_many(now->pieces(), opening.pieces(), "teapots"),
        as_many(now->points(), opening.points(), "points")}) {
    if (!total) return total.error();
  }

  const auto pieces_ordered = read_book(folder, "order.db", "SELECT gid, quantity FROM orders WHERE state = 'placed'");
  const auto points_ordered = read_book(folder, "order.db", "SELECT gid, points FROM orders WHERE state = 'placed'");
  const auto shipped = read_book(folder, "stock.db", "SELECT gid, quantity FROM shipments");
  const auto granted = read_book(folder, "points.db", "SELECT gid, points FROM grants");
  for (const auto* book : {&pieces_ordered, &points_ordered, &shipped, &granted}) {
    if (!*book) return book->error();
  }
  if (Result<void> goods = same(*pieces_ordered, *shipped, "teapots"); !goods) return goods.error();
  if (Result<void> thanks = same(*points_ordered, *granted, "points"); !thanks) return thanks.error();
  return static_cast<std::int64_t>(pieces_ordered->size());
}

}  // namespace settle::example
