#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "kill/deal.h"
#include "kill/journal.h"
#include "live/client.h"

namespace settle::kill {

struct LoadOptions {
  std::uint64_t seed = 1;
  unsigned clients = 24;
  unsigned per_second = 300;           ///< begins of all clients together, at most
  std::vector<std::uint16_t> daemons;  ///< each client stays with one until that does not answer
  std::vector<std::uint16_t> participants;
};

/// Clients that begin deals, repeat what was not answered or give it up, abort some, and ask for old ones. Each is a
/// thread with one kept connection. What they know goes to the journal.
class Load {
 public:
  Load(LoadOptions options, Journal& journal);
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Lets every client finish what it is doing.
  void stop();

 private:
  struct Hand;  // one client

  void drive(std::size_t index);
  void begin(Hand& hand, const Deal& deal);
  bool begin_once(Hand& hand, const Deal& deal, Json& plan);
  void abort(Hand& hand, const Deal& deal);
  void produce(Hand& hand, const Deal& deal);
  void ask_again(Hand& hand);
  void understand(std::string_view gid, const live::Reply& reply);

  const LoadOptions options_;
  Journal& journal_;
  std::atomic<bool> stopped_{false};
  std::vector<std::thread> threads_;
};

}  // namespace settle::kill
