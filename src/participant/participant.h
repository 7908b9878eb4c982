#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/kinds.h"
#include "model/state.h"
#include "settle/ids.h"

namespace settle {

/// A part of an earlier result that becomes a part of the payload (JSON pointers, RFC 6901).
struct BoundPart {
  std::string_view from;    ///< where it stands in `result`
  std::string_view into;    ///< where it goes in the payload
  std::string_view result;  ///< body of the earlier answer
};

/// One attempt of one op. The views are valid during `Participant::call` only.
struct Call {
  std::uint64_t id = 0;  ///< unique in the worker; comes back in CallEnded
  Tid tid;
  std::string_view gid;
  Pattern pattern = Pattern::kSaga;
  Dialect dialect = Dialect::kSettle;
  Op op = Op::kAction;
  std::int32_t branch = -1;    ///< index in the plan; -1: the check-back
  std::string_view branch_id;  ///< "00" for the check-back
  std::uint32_t attempt = 1;   ///< shown to the participant; from 1
  std::string_view url;
  std::string_view payload;
  const std::vector<BoundPart>* bound = nullptr;  ///< spliced into the payload before it is sent; null: nothing
  const std::vector<std::pair<std::string_view, std::string_view>>* headers = nullptr;  ///< forwarded, allow-listed
  std::string_view trace_parent;
  Instant sent_at;
  Duration timeout{0};
};

/// The end of an attempt. Exactly one for each Call, at the latest at sent_at + timeout.
struct CallEnded {
  std::uint64_t id = 0;
  Tid tid;
  Op op = Op::kAction;
  std::int32_t branch = -1;
  Outcome outcome = Outcome::kUnknown;
  CheckState check = CheckState::kUndecided;  ///< for Op::kCheck with outcome kDone
  bool read_only = false;                     ///< for Op::kPrepare with outcome kDone: the vote
  AnswerCode answer = kNoAnswer;
  bool reached = true;      ///< request bytes were written; false: nothing was sent and nothing is counted
  Duration retry_after{0};  ///< lower bound of the pause that the participant asked for
  /// Body of a done, reason of a refusal; in passes also the words of what stays unknown. At most 64 KiB.
  std::string result;
};

/// A way of reaching participants (one per URL scheme). Lives on its worker's thread.
class Participant {
 public:
  Participant() = default;
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;
  virtual ~Participant() = default;

  /// Starts an attempt. It never retries, never follows redirects and never blocks.
  virtual void call(const Call& call) = 0;
};

}  // namespace settle
