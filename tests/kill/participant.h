#pragma once

#include <cstdint>
#include <string>

#include "kill/books.h"
#include "kill/deal.h"
#include "kill/journal.h"
#include "live/client.h"
#include "live/http.h"
#include "live/server.h"

namespace settle::kill {

/// What a participant process is started with.
struct ParticipantOptions {
  std::string folder;
  std::size_t index = 0;
  std::uint16_t settled = 0;  ///< port of the daemon's API
  Sabotage sabotage = Sabotage::kNone;
};

/// One participant, which is a producer of messages too. Any thread.
///
///   POST /act, /undo, /deliver, /check   called by the daemon
///   POST /produce {deal, plan}           called by the load: prepare, local transaction, submit or abort
class Participant {
 public:
  explicit Participant(const ParticipantOptions& options);

  live::Said on_request(const live::Message& request);

 private:
  live::Said on_op(const live::Message& request);
  live::Said on_produce(const live::Message& request);
  bool prepare(const Deal& deal, const std::string& plan);

  Books books_;
  Journal journal_;
  live::Client settled_;
};

}  // namespace settle::kill
