#include "role.h"

#include <nlohmann/json.hpp>

namespace settle::example {
namespace {

constexpr std::int64_t kAmountMax = 1'000'000;

Error wrong(const std::string& what) { return {ErrorCode::kInvalid, "no order: " + what}; }

Result<std::string> text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return wrong(std::string(key) + " must be text");
  return found->get<std::string>();
}

Result<std::int64_t> amount_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  const bool is_whole = found != object.end() && found->is_number_unsigned();
  const std::uint64_t amount = is_whole ? found->get<std::uint64_t>() : 0;
  if (amount < 1 || amount > static_cast<std::uint64_t>(kAmountMax)) {
    return wrong(std::string(key) + " must be a whole number from 1 to 1000000");
  }
  return static_cast<std::int64_t>(amount);
}

}  // namespace

Result<OrderLine> parse_order_line(std::string_view json) {
  const nlohmann::json object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object()) return wrong("the body must be a JSON object");
  auto customer = text_of(object, "customer");
  auto goods = text_of(object, "goods");
  const auto quantity = amount_of(object, "quantity");
  const auto price = amount_of(object, "price");
  const auto points = amount_of(object, "points");
  if (!customer) return customer.error();
  if (!goods) return goods.error();
  if (!quantity) return quantity.error();
  if (!price) return price.error();
  if (!points) return points.error();
  return OrderLine{std::move(*customer), std::move(*goods), *quantity, *price, *points};
}

std::string to_json(const OrderLine& line) {
  return nlohmann::json{{"customer", line.customer},
                        {"goods", line.goods},
                        {"quantity", line.quantity},
                        {"price", line.price},
                        {"points", line.points}}
      .dump();
}

const Role* find_role(std::string_view name) {
  for (const Role* role : {&kOrder, &kStock, &kPoints}) {
    if (role->name == name) return role;
  }
  return nullptr;
}

}  // namespace settle::example
