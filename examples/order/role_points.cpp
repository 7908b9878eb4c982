#include "role.h"

namespace settle::example {
namespace {

/// Moves points from the shop's fund to the customer's account.
Result<Answer> grant(Database& database, std::string_view gid, const OrderLine& line) {
  const std::string_view customer = line.customer;
  const Result<int> spent =
      database.execute("UPDATE fund SET points = points - ? WHERE points >= ?", {line.points, line.points});
  if (!spent) return spent.error();
  if (*spent == 0) return Answer{kRefused, "the fund is used up"};
  const Result<int> earned = database.execute(
      "INSERT INTO accounts (customer, points) VALUES (?1, ?2) "
      "ON CONFLICT (customer) DO UPDATE SET points = points + excluded.points",
      {customer, line.points});
  if (!earned) return earned.error();
  const Result<int> written =
      database.execute("INSERT INTO grants (gid, customer, points) VALUES (?, ?, ?)", {gid, customer, line.points});
  if (!written) return written.error();
  return Answer{kDone, R"("granted")"};
}

Result<Answer> take_back(Database& database, std::string_view gid) {
  const Result<int> returned =
      database.execute("UPDATE fund SET points = points + (SELECT points FROM grants WHERE gid = ?)", {gid});
  if (!returned) return returned.error();
  const Result<int> taken = database.execute(
      "UPDATE accounts SET points = points - (SELECT points FROM grants WHERE gid = ?1) "
      "WHERE customer = (SELECT customer FROM grants WHERE gid = ?1)",
      {gid});
  if (!taken) return taken.error();
  const Result<int> removed = database.execute("DELETE FROM grants WHERE gid = ?", {gid});
  if (!removed) return removed.error();
  return Answer{kDone, R"("taken back")"};
}

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS fund (id INTEGER PRIMARY KEY CHECK (id = 1), points INTEGER NOT NULL CHECK (points >= "
    "0));"
    "CREATE TABLE IF NOT EXISTS accounts (customer TEXT PRIMARY KEY, points INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS grants (gid TEXT PRIMARY KEY, customer TEXT NOT NULL, points INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO fund VALUES (1, 500);";

}  // namespace

const Role kPoints{"points", "/grant", "/take-back", kSchema, grant, take_back};

}  // namespace settle::example
