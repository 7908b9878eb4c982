#include "cli/barrier_database.h"

#include <libpq-fe.h>
#include <mysql.h>
#include <sqlite3.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace settle::cli {
namespace {

constexpr int kBusyMs = 10'000;
constexpr unsigned kConnectSeconds = 10;

struct Close {
  void operator()(sqlite3* handle) const { (void)sqlite3_close(handle); }
  void operator()(PGconn* handle) const { PQfinish(handle); }
  void operator()(MYSQL* handle) const { mysql_close(handle); }
};

template <typename Handle>
class Opened final : public BarrierDatabase {
 public:
  explicit Opened(std::unique_ptr<Handle, Close> handle) : handle_(std::move(handle)) {}
  Result<void> install(std::chrono::microseconds horizon) override { return barrier::install(handle_.get(), horizon); }
  Result<barrier::Pruned> prune(std::chrono::microseconds older_than) override {
    return barrier::prune(handle_.get(), older_than);
  }

 private:
  std::unique_ptr<Handle, Close> handle_;
};

using Database = Result<std::unique_ptr<BarrierDatabase>>;

template <typename Handle>
Database opened(std::unique_ptr<Handle, Close> handle) {
  return std::unique_ptr<BarrierDatabase>(std::make_unique<Opened<Handle>>(std::move(handle)));
}

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }
Error unavailable(std::string message) {
  while (message.ends_with('\n')) message.pop_back();
  return Error{ErrorCode::kUnavailable, std::move(message)};
}

// A file that is not there is a mistake, not a new database.
Database open_sqlite(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  std::unique_ptr<sqlite3, Close> handle(raw);
  if (code != SQLITE_OK) return unavailable(path + ": " + sqlite3_errmsg(raw));
  (void)sqlite3_busy_timeout(raw, kBusyMs);
  return opened(std::move(handle));
}

Database open_postgres(const std::string& url) {
  std::unique_ptr<PGconn, Close> handle(PQconnectdb(url.c_str()));
  if (PQstatus(handle.get()) != CONNECTION_OK) return unavailable(PQerrorMessage(handle.get()));
  // "already exists, skipping" is no news to whoever repeats an install.
  (void)PQsetNoticeProcessor(handle.get(), [](void*, const char*) {}, nullptr);
  return opened(std::move(handle));
}

/// USER@HOST[:PORT]/DATABASE
struct Place {
  std::string user, host, database;
  unsigned port = 3306;
};

std::optional<Place> place_of(std::string_view text) {
  Place place;
  const std::size_t at = text.find('@');
  const std::size_t slash = text.find('/');
  if (at == std::string_view::npos || slash == std::string_view::npos || slash < at) return std::nullopt;
  place.user = text.substr(0, at);
  place.database = text.substr(slash + 1);
  std::string_view host = text.substr(at + 1, slash - at - 1);
  if (const std::size_t colon = host.rfind(':'); colon != std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    const auto [stop, problem] = std::from_chars(port.data(), port.data() + port.size(), place.port);
    if (problem != std::errc{} || stop != port.data() + port.size()) return std::nullopt;
    host = host.substr(0, colon);
  }
  place.host = host;
  if (place.user.empty() || place.host.empty() || place.database.empty()) return std::nullopt;
  return place;
}

Database open_mariadb(std::string_view text) {
  const std::optional<Place> place = place_of(text);
  if (!place) return invalid("mariadb:// is followed by USER@HOST:PORT/DATABASE");
  std::unique_ptr<MYSQL, Close> handle(mysql_init(nullptr));
  if (!handle) return unavailable("no memory for a connection");
  (void)mysql_options(handle.get(), MYSQL_OPT_CONNECT_TIMEOUT, &kConnectSeconds);
  (void)mysql_options(handle.get(), MYSQL_READ_DEFAULT_GROUP, "settlectl");
  if (mysql_real_connect(handle.get(), place->host.c_str(), place->user.c_str(), nullptr, place->database.c_str(),
                         place->port, nullptr, CLIENT_MULTI_STATEMENTS) == nullptr) {
    return unavailable(mysql_error(handle.get()));
  }
  return opened(std::move(handle));
}

bool has_password(std::string_view behind_scheme) {
  const std::size_t at = behind_scheme.find('@');
  return at != std::string_view::npos && behind_scheme.substr(0, at).find(':') != std::string_view::npos;
}

}  // namespace

Result<std::unique_ptr<BarrierDatabase>> open_barrier_database(const std::string& url) {
  const std::size_t colon = url.find(':');
  const std::string scheme = url.substr(0, colon);
  const std::string rest = colon == std::string::npos ? std::string() : url.substr(colon + 1);
  if (scheme == "sqlite" && !rest.empty()) return open_sqlite(rest);
  const bool is_server = scheme == "postgres" || scheme == "postgresql" || scheme == "mariadb";
  if (!is_server || !rest.starts_with("//")) {
    return invalid(
        "the database is sqlite:PATH, postgres://USER@HOST:PORT/DATABASE or mariadb://USER@HOST:PORT/DATABASE");
  }
  if (has_password(rest.substr(2))) {
    return invalid("a password on the command line can be seen by everybody on this machine; " +
                   std::string(scheme == "mariadb" ? "put it into .my.cnf, section [settlectl]"
                                                   : "put it into PGPASSWORD or .pgpass"));
  }
  if (scheme == "mariadb") return open_mariadb(std::string_view(rest).substr(2));
  return open_postgres(url);
}

}  // namespace settle::cli
