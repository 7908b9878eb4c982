#pragma once

namespace settle::barrier {

/// The text of each database's schema.sql; CMake makes them.
extern const char* const kSqliteSchema;
extern const char* const kPostgresSchema;
extern const char* const kMariaDbSchema;

}  // namespace settle::barrier
