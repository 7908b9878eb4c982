#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "order/database.h"

namespace settle::example {

/// What can be made to go wrong in a bank. It stands in the bank's own database, so that a show needs no back door into
/// the service: `sqlite3 north.db "UPDATE fault SET name = 'closed'"`.
enum class BankFault : std::uint8_t {
  kNone,
  kStallTry,   ///< a try has been taken and is not worked on before the fault is over
  kClosed,     ///< nothing is worked on: 500, which means unknown
  kStuckUndo,  ///< every way back fails
};

inline constexpr std::array kBankFaultNames = {
    std::pair{BankFault::kNone, std::string_view("none")},
    std::pair{BankFault::kStallTry, std::string_view("stall-try")},
    std::pair{BankFault::kClosed, std::string_view("closed")},
    std::pair{BankFault::kStuckUndo, std::string_view("stuck-undo")},
};

/// `stalled`: the tries that wait for the end of kStallTry.
inline constexpr const char* kFaultSchema =
    "CREATE TABLE IF NOT EXISTS fault (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, stalled INTEGER NOT "
    "NULL);"
    "INSERT OR IGNORE INTO fault VALUES (1, 'none', 0);";

/// An unknown name counts as none.
Result<BankFault> read_fault(Database& database);
Result<void> write_fault(Database& database, BankFault fault);
Result<void> count_stalled(Database& database, std::int64_t by);
Result<std::int64_t> stalled(Database& database);

}  // namespace settle::example
