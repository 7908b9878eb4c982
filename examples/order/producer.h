#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "answer.h"
#include "database.h"
#include "fault.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "role.h"

namespace settle::example {

struct ProducerOptions {
  std::string settle_url;  ///< "http://127.0.0.1:36789"
  std::string stock_url;   ///< where the message goes: "http://127.0.0.1:8002/take"
  std::string points_url;
  std::int64_t check_after_ms = 5000;
};

/// The order service as producer of a transactional message: an order is placed here by a local transaction, and the
/// message about it reaches stock and points exactly if that committed.
///
///   1. prepare the message at settle         not stored: the business does not start
///   2. the local transaction, barrier first  unknown: neither submit nor abort, the check-back finds out
///   3. submit                                no answer: the check-back finds out
///
/// On the loop's thread.
class Producer {
 public:
  /// `own_url`: where settle reaches this service, for the check-back.
  Producer(net::Loop& loop, Database& database, ProducerOptions options, std::string own_url,
           std::function<void()> die);

  /// Places an order under `gid`; `answer` is called once. Safe to repeat with the same gid and order.
  void place(std::string gid, OrderLine line, Fault fault, std::function<void(Answer)> answer);

 private:
  enum class Step { kPrepare, kSubmit, kAbort };
  struct Placing {
    Step step = Step::kPrepare;
    std::string gid;
    OrderLine line;
    Fault fault = Fault::kNone;
    Answer outcome;  ///< what the caller hears after submit or abort
    std::function<void(Answer)> answer;
  };

  void on_answer(const net::HttpAnswer& answer);
  void prepared(std::uint64_t id, Placing& placing);
  Answer local_transaction(const Placing& placing);
  void send(std::uint64_t id, Placing& placing, Step step, const std::string& path, const std::string& body);
  void finish(std::uint64_t id, const Answer& answer);
  [[nodiscard]] std::string plan_of(const Placing& placing) const;

  net::Loop& loop_;
  Database& database_;
  ProducerOptions options_;
  std::string own_url_;
  std::function<void()> die_;
  net::HttpClient client_;
  std::map<std::uint64_t, Placing> placings_;
  std::uint64_t last_id_ = 0;
};

}  // namespace settle::example
