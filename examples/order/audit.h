#pragma once

#include <cstdint>
#include <string>

#include "settle/result.h"

namespace settle::example {

/// What the three services own, read from their databases; nothing that settle says goes in here.
struct Balances {
  std::int64_t purse = 0;    ///< coins that Ann has
  std::int64_t paid = 0;     ///< coins in orders that stand
  std::int64_t shelf = 0;    ///< pieces on the shelf
  std::int64_t shipped = 0;  ///< pieces taken for orders
  std::int64_t fund = 0;     ///< points the shop can still grant
  std::int64_t granted = 0;  ///< points in accounts

  bool operator==(const Balances&) const = default;

  [[nodiscard]] std::int64_t coins() const { return purse + paid; }
  [[nodiscard]] std::int64_t pieces() const { return shelf + shipped; }
  [[nodiscard]] std::int64_t points() const { return fund + granted; }
};

/// `folder` holds order.db, stock.db and points.db. Errors: kCorrupt.
Result<Balances> read_balances(const std::string& folder);

/// Holds the books against each other. Coins, pieces and points must still be as many as in `opening`; each order that
/// stands must have its goods and its points exactly once, and nothing may be shipped or granted without one.
/// Gives the number of orders that stand. Errors: kConflict: what does not fit.
Result<std::int64_t> audit(const std::string& folder, const Balances& opening);

}  // namespace settle::example
