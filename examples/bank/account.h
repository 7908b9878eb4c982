#pragma once

#include <settle/barrier.h>
#include <settle/participant.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "order/database.h"

namespace settle::example {

/// The input of every branch: {"account", "amount"}. Coins leave the account if `amount` is negative.
struct Movement {
  std::string account;
  std::int64_t amount = 0;
};

/// Errors: kInvalid with what is wrong; amounts are 1 to a million, in either direction.
Result<Movement> parse_movement(std::string_view json);
std::string to_json(const Movement& movement);

/// Accounts with what is free and what is frozen; every movement with its state.
extern const char* const kAccountSchema;

/// The business of a bank, in the local transaction that the barrier has begun. It knows nothing of duplicates and
/// orders of arrival.
///
///   try, prepare      coins that leave are frozen; the payee's account is looked at, no more
///   action            coins move at once
///   confirm, commit   what is frozen leaves; what was announced arrives
///   every way back    what is frozen is free again; what had moved moves back
barrier::Made change_account(Database& database, const BranchCall& call, barrier::Work work);

}  // namespace settle::example
