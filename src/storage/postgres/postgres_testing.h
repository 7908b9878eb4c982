#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "servers/postgres.h"
#include "storage/postgres/postgres_store.h"

namespace settle::postgres_testing {

/// The server of this test program; started by the first who asks.
inline servers::Postgres& server() {
  static servers::Postgres one;
  return one;
}

inline std::string url_of(std::uint16_t port) {
  return "postgres://postgres@127.0.0.1:" + std::to_string(port) + "/postgres";
}

inline std::unique_ptr<postgres::Connection> connect(std::uint16_t port) {
  auto connection = postgres::Connection::open({.url = url_of(port), .name = "test"});
  if (!connection) throw std::runtime_error(connection.error().message);
  return std::move(*connection);
}

/// Runs SQL beside the stores; whatever it does is done when this returns.
inline void run_sql(std::uint16_t port, const std::string& sql) {
  const auto done = connect(port)->run_script(sql);
  if (!done) throw std::runtime_error(sql + ": " + done.error().message);
}

/// What one statement answers in its first column and row, as a number.
inline std::int64_t number_of(std::uint16_t port, const std::string& sql) {
  const auto found = connect(port)->run(sql);
  if (!found) throw std::runtime_error(sql + ": " + found.error().message);
  return found->empty() ? -1 : found->number(0, 0);
}

inline void forget_everything(std::uint16_t port) { run_sql(port, "DROP SCHEMA IF EXISTS settle CASCADE"); }

inline std::unique_ptr<PostgresStore> open_store(const PostgresOptions& options) {
  auto store = PostgresStore::open(options);
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

}  // namespace settle::postgres_testing
