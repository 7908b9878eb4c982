#include "books.h"

#include "order/database.h"

namespace settle::example {
namespace {

constexpr std::chrono::seconds kLockPatience{5};

}  // namespace

Result<std::int64_t> ask_bank(const std::string& folder, const std::string& bank, const std::string& question) {
  Result<Database> database = Database::open(folder + "/" + bank + ".db", kLockPatience);
  if (!database) return database.error();
  const auto rows = database->query(question);
  if (!rows) return rows.error();
  if (rows->empty()) return Error{ErrorCode::kCorrupt, bank + " knows no answer to: " + question};
  return rows->at(0).integer(0);
}

Result<Books> read_books(const std::string& folder) {
  const auto bob = ask_bank(folder, "north", "SELECT balance FROM accounts WHERE name = 'bob'");
  const auto frozen = ask_bank(folder, "north", "SELECT frozen FROM accounts WHERE name = 'bob'");
  const auto smith = ask_bank(folder, "south", "SELECT balance FROM accounts WHERE name = 'smith'");
  for (const auto* each : {&bob, &frozen, &smith}) {
    if (!*each) return each->error();
  }
  return Books{*bob, *frozen, *smith};
}

std::string to_text(const Books& books) {
  return "bob " + std::to_string(books.bob) + ", frozen " + std::to_string(books.frozen) + ", smith " +
         std::to_string(books.smith);
}

}  // namespace settle::example
