#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "answer.h"
#include "database.h"
#include "settle/result.h"

namespace settle::example {

/// What a customer orders; the input of every branch, {"customer", "goods", "quantity", "price", "points"}.
struct OrderLine {
  std::string customer;
  std::string goods;
  std::int64_t quantity = 0;  ///< pieces
  std::int64_t price = 0;     ///< coins, for all of it
  std::int64_t points = 0;    ///< granted for all of it
};

/// Errors: kInvalid with what is wrong; amounts are 1 to a million, so that no sum overflows and nothing flows
/// backwards.
Result<OrderLine> parse_order_line(std::string_view json);
std::string to_json(const OrderLine& line);

/// One service's business. It knows nothing of duplicates and orders of arrival: the barrier has seen to that.
struct Role {
  std::string_view name;
  std::string_view act_path;   ///< where settle calls action or deliver
  std::string_view undo_path;  ///< where settle calls compensate
  const char* schema;          ///< made at the start if it is not there, with the opening balances
  barrier::Made (*act)(Database& database, std::string_view gid, const OrderLine& line);
  /// Knows what to undo from its own rows. Never refuses.
  barrier::Made (*undo)(Database& database, std::string_view gid);
};

extern const Role kOrder;
extern const Role kStock;
extern const Role kPoints;

/// "order", "stock", "points"; null for anything else.
const Role* find_role(std::string_view name);

}  // namespace settle::example
