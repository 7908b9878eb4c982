#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "live/http.h"

namespace settle::live {

/// What a server says to one request.
struct Said {
  enum class How {
    kAnswer,
    kCut,   ///< closes the connection without a word
    kHang,  ///< never answers, and keeps the connection until the peer gives up
    kRaw,   ///< `body` is everything that is sent, then the connection is closed
  };
  int status = 200;
  std::string body;
  Headers headers;
  How how = How::kAnswer;
};

/// An HTTP server on 127.0.0.1, one thread for each connection. The handler is called on those threads, at the same
/// time; it may block.
class Server {
 public:
  using Handler = std::function<Said(const Message&)>;

  /// Listens at once; aborts if it cannot.
  Server(std::uint16_t port, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  struct Guest {
    Connection connection;
    std::thread thread;
    std::atomic<bool> gone{false};
  };

  void accept_all();
  void serve(Guest& guest);
  bool say(Guest& guest, const Said& said);
  void bury_the_gone();

  std::uint16_t port_;
  Handler handler_;
  int listener_ = -1;
  std::atomic<bool> stopped_{false};
  std::mutex lock_;
  std::list<Guest> guests_;  // guarded by lock_
  std::thread acceptor_;
};

}  // namespace settle::live
