#include "role.h"

namespace settle::example {
namespace {

using barrier::Made;

/// Takes the goods from the shelf for this order.
Made take(Database& database, std::string_view gid, const OrderLine& line) {
  const std::string_view goods = line.goods;
  const Result<int> taken = database.execute("UPDATE shelf SET pieces = pieces - ? WHERE goods = ? AND pieces >= ?",
                                             {line.quantity, goods, line.quantity});
  if (!taken) return failed(taken.error());
  if (*taken == 0)
    return Made::refused("fewer than " + std::to_string(line.quantity) + " pieces of " + line.goods + " on the shelf");
  const Result<int> written =
      database.execute("INSERT INTO shipments (gid, goods, quantity) VALUES (?, ?, ?)", {gid, goods, line.quantity});
  if (!written) return failed(written.error());
  return Made::done(R"("taken")");
}

Made put_back(Database& database, std::string_view gid) {
  const Result<int> returned = database.execute(
      "UPDATE shelf SET pieces = pieces + (SELECT quantity FROM shipments WHERE gid = ?1) "
      "WHERE goods = (SELECT goods FROM shipments WHERE gid = ?1)",
      {gid});
  if (!returned) return failed(returned.error());
  const Result<int> removed = database.execute("DELETE FROM shipments WHERE gid = ?", {gid});
  if (!removed) return failed(removed.error());
  return Made::done(R"("put back")");
}

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS shelf (goods TEXT PRIMARY KEY, pieces INTEGER NOT NULL CHECK (pieces >= 0));"
    "CREATE TABLE IF NOT EXISTS shipments (gid TEXT PRIMARY KEY, goods TEXT NOT NULL, quantity INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO shelf VALUES ('teapot', 20);";

}  // namespace

const Role kStock{"stock", "/take", "/put-back", kSchema, take, put_back};

}  // namespace settle::example
