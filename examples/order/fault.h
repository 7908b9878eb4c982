#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace settle::example {

/// What can be made to go wrong in a service, by POST /faults with the name as body. Each strikes once, at the next
/// action, delivery or order.
enum class Fault {
  kNone,
  kRefuse,           ///< the business says no
  kHang,             ///< the request is taken and neither worked on nor answered
  kHangAfterCommit,  ///< the work is done and committed, the answer is never sent
  kLoseAnswer,       ///< the work is done and committed, the connection is cut instead of an answer
  kDieBeforeCommit,  ///< the process kills itself with its local transaction open
  kDieAfterCommit,   ///< the process kills itself when the local transaction has committed, before anybody hears of it
};

inline constexpr std::array kFaultNames = {
    std::pair{Fault::kNone, std::string_view("none")},
    std::pair{Fault::kRefuse, std::string_view("refuse")},
    std::pair{Fault::kHang, std::string_view("hang")},
    std::pair{Fault::kHangAfterCommit, std::string_view("hang-after-commit")},
    std::pair{Fault::kLoseAnswer, std::string_view("lose-answer")},
    std::pair{Fault::kDieBeforeCommit, std::string_view("die-before-commit")},
    std::pair{Fault::kDieAfterCommit, std::string_view("die-after-commit")},
};

constexpr std::optional<Fault> find_fault(std::string_view name) {
  for (const auto& [fault, text] : kFaultNames) {
    if (text == name) return fault;
  }
  return std::nullopt;
}

}  // namespace settle::example
