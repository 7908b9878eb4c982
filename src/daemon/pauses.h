#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/admin/destinations.h"
#include "settle/result.h"
#include "storage/store.h"

namespace settle::daemon {

/// Which destinations operators have paused: kept in the store, so that a restart changes nothing and every daemon of a
/// shared store holds back the same calls.
class Pauses {
 public:
  /// Hears of each change, on the thread that made or found it.
  using Told = std::function<void(const std::string& name, bool paused)>;
  explicit Pauses(Told told) : told_(std::move(told)) {}

  // ---- a thread that may block, one at a time

  /// What the store says now.
  /// Errors: those of the store; kCorrupt: what stands there was not written by this class.
  Result<void> refresh(Store& store);
  /// On top of what the store says now. Two daemons that do this in the same moment may lose one of both: the loser's
  /// list shows it.
  api::PauseResult change(Store& store, const api::Pause& pause, bool paused);

  // ---- any thread

  [[nodiscard]] std::vector<api::Pause> all() const;

 private:
  void take(std::vector<api::Pause>&& pauses);

  Told told_;
  mutable std::mutex lock_;
  std::vector<api::Pause> pauses_;  // guarded by lock_
};

/// The form in the store.
std::string encode_pauses(const std::vector<api::Pause>& pauses);
Result<std::vector<api::Pause>> decode_pauses(std::string_view text);

}  // namespace settle::daemon
