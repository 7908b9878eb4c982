#include "role.h"

namespace settle::example {
namespace {

using barrier::Made;

/// Takes the money out of the customer's purse and writes the order: money moves, it is never made.
Made place(Database& database, std::string_view gid, const OrderLine& line) {
  const Result<int> paid = database.execute("UPDATE purse SET coins = coins - ? WHERE customer = ? AND coins >= ?",
                                            {line.price, std::string_view(line.customer), line.price});
  if (!paid) return failed(paid.error());
  if (*paid == 0) return Made::refused(line.customer + " cannot pay " + std::to_string(line.price) + " coins");
  const Result<int> written = database.execute(
      "INSERT INTO orders (gid, customer, goods, quantity, price, points, state) VALUES (?, ?, ?, ?, ?, ?, 'placed')",
      {gid, std::string_view(line.customer), std::string_view(line.goods), line.quantity, line.price, line.points});
  if (!written) return failed(written.error());
  return Made::done(R"("placed")");
}

Made cancel(Database& database, std::string_view gid) {
  const Result<int> repaid = database.execute(
      "UPDATE purse SET coins = coins + (SELECT price FROM orders WHERE gid = ?1) "
      "WHERE customer = (SELECT customer FROM orders WHERE gid = ?1)",
      {gid});
  if (!repaid) return failed(repaid.error());
  const Result<int> cancelled = database.execute("UPDATE orders SET state = 'cancelled' WHERE gid = ?", {gid});
  if (!cancelled) return failed(cancelled.error());
  return Made::done(R"("cancelled")");
}

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS purse (customer TEXT PRIMARY KEY, coins INTEGER NOT NULL CHECK (coins >= 0));"
    "CREATE TABLE IF NOT EXISTS orders (gid TEXT PRIMARY KEY, customer TEXT NOT NULL, goods TEXT NOT NULL,"
    "  quantity INTEGER NOT NULL, price INTEGER NOT NULL, points INTEGER NOT NULL, state TEXT NOT NULL);"
    "INSERT OR IGNORE INTO purse VALUES ('ann', 1000);";

}  // namespace

const Role kOrder{"order", "/place", "/cancel", kSchema, place, cancel};

}  // namespace settle::example
