#pragma once

#include <cstdint>
#include <string_view>

#include "drivers/postgres/connection.h"
#include "settle/result.h"

namespace settle {

/// The text of schema.sql.
extern const std::string_view kPostgresSchema;

/// Installs the tables if they are missing, in one write and under a lock, and checks that this program and this
/// cluster may use them.
///
/// Errors: kInvalid (made by a newer program, for another cluster, or not by us), those of the connection.
Result<void> install_schema(postgres::Connection& connection, std::uint16_t cluster);

}  // namespace settle
