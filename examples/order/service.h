#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "answer.h"
#include "database.h"
#include "fault.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "producer.h"
#include "role.h"
#include "settle/result.h"

namespace settle::example {

struct ServiceOptions {
  const Role* role = nullptr;
  std::string database_path;
  std::uint16_t port = 0;     ///< on 127.0.0.1; 0: the kernel chooses
  ProducerOptions producer;   ///< order only
  std::function<void()> die;  ///< ends the process without any good-bye
};

/// One service of the example: HTTP in front, business behind the barrier, its own SQLite database.
///
///   POST (role's act and undo path)   called by settle, with settle-gid, settle-branch and settle-op
///   POST /orders                      order only: place an order by message; body: gid and OrderLine
///   POST /check                       order only: called by settle
///   POST /faults, GET /faults         make something go wrong; how many requests hang
///
/// Everything runs on the loop's thread.
class Service {
 public:
  Service(net::Loop& loop, ServiceOptions options);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Opens the database, makes its tables, listens. Gives the port.
  Result<std::uint16_t> start();

 private:
  Result<std::uint16_t> listen(std::uint16_t port);
  void on_request(const net::HttpRequest& request, net::ResponseSlot slot);
  void on_branch_op(const net::HttpRequest& request, net::ResponseSlot slot);
  void act(const barrier::Call& call, std::string_view input, net::ResponseSlot slot);
  void on_faults(const net::HttpRequest& request, net::ResponseSlot slot);
  void respond(net::ResponseSlot slot, const Answer& answer);
  void cut_connections();

  net::Loop& loop_;
  ServiceOptions options_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<Producer> producer_;
  std::uint16_t port_ = 0;
  Fault fault_ = Fault::kNone;
  std::int64_t hanging_ = 0;
};

}  // namespace settle::example
