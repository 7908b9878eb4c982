#include "role.h"

namespace settle::example {
namespace {

using barrier::Made;

/// Moves points from the shop's fund to the customer's account.
Made grant(Database& database, std::string_view gid, const OrderLine& line) {
  const std::string_view customer = line.customer;
  const Result<int> spent =
      database.execute("UPDATE fund SET points = points - ? WHERE points >= ?", {line.points, line.points});
  if (!spent) return failed(spent.error());
  if (*spent == 0) return Made::refused("the fund is used up");
  const Result<int> earned = database.execute(
      "INSERT INTO accounts (customer, points) VALUES (?1, ?2) "
      "ON CONFLICT (customer) DO UPDATE SET points = points + excluded.points",
      {customer, line.points});
  if (!earned) return failed(earned.error());
  const Result<int> written =
      database.execute("INSERT INTO grants (gid, customer, points) VALUES (?, ?, ?)", {gid, customer, line.points});
  if (!written) return failed(written.error());
  return Made::done(R"("granted")");
}

Made take_back(Database& database, std::string_view gid) {
  const Result<int> returned =
      database.execute("UPDATE fund SET points = points + (SELECT points FROM grants WHERE gid = ?)", {gid});
  if (!returned) return failed(returned.error());
  const Result<int> taken = database.execute(
      "UPDATE accounts SET points = points - (SELECT points FROM grants WHERE gid = ?1) "
      "WHERE customer = (SELECT customer FROM grants WHERE gid = ?1)",
      {gid});
  if (!taken) return failed(taken.error());
  const Result<int> removed = database.execute("DELETE FROM grants WHERE gid = ?", {gid});
  if (!removed) return failed(removed.error());
  return Made::done(R"("taken back")");
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
