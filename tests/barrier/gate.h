#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace settle::barrier::testing {

/// Stands between a client and a server on 127.0.0.1 and cuts the line at a COMMIT. Knows no protocol: it looks for the
/// word in what the client sends.
class Gate {
 public:
  enum class Cut : std::uint8_t {
    kNever,
    kBeforeCommit,  ///< the server never sees it
    kAfterCommit,   ///< the server answers it, the client never hears
  };

  explicit Gate(std::uint16_t server);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// From the next COMMIT on; `then` is called on a thread of the gate, just before the client's line is cut.
  void cut(Cut when, std::function<void()> then);

 private:
  struct Line {
    int client = -1;
    int server = -1;
    std::thread thread;
  };

  void accept_all();
  void carry(Line& line);
  /// Carries what one side has sent; false: the line is over.
  bool carry_to_server(Line& line);
  static bool carry_to_client(Line& line);

  std::uint16_t server_;
  std::uint16_t port_;
  int listener_;
  std::atomic<bool> stopped_{false};
  std::mutex lock_;
  Cut when_ = Cut::kNever;      // guarded by lock_
  std::function<void()> then_;  // guarded by lock_
  std::list<Line> lines_;       // guarded by lock_
  std::thread acceptor_;
};

}  // namespace settle::barrier::testing
