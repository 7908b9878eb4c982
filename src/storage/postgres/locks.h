#pragma once

#include <cstdint>

#include "drivers/postgres/connection.h"
#include "settle/result.h"

namespace settle {

/// Advisory locks of the store, one number each in a class of our own; they end with the write that took them.
///
///   kOwnership  shared: records are written under epochs; exclusive: epochs are raised
///   kLeases     exclusive: whoever changes rows of settle.shard, so that two never wait for each other's rows
///   kSchema     exclusive: tables are installed
enum class Lock : std::int32_t { kOwnership = 1, kLeases = 2, kSchema = 3 };

inline constexpr std::int32_t kLockClass = 0x5e771e00;
inline constexpr std::int32_t kNodeLockClass = 0x5e771e01;  ///< held by a session: one per name of a daemon

Result<void> lock_exclusive(postgres::Connection& connection, Lock lock);

/// Ends the sessions that hold `lock`. Returns how many.
///
/// A daemon that was stopped between two bytes of a group leaves its session waiting for the rest, with the lock; the
/// network would not notice for as long as the process exists.
Result<std::uint64_t> end_holders(postgres::Connection& connection, Lock lock);

}  // namespace settle
