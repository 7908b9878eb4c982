#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kill/books.h"
#include "live/process.h"

namespace settle::kill {

/// The participants as processes; each comes back on its books and its port. Main thread only.
class Participants {
 public:
  /// `daemons`: API ports; the producer in participant i speaks to the i-th, as far as there are so many.
  Participants(const std::string& folder, std::size_t count, Sabotage sabotage, std::vector<std::uint16_t> daemons);

  void start();
  /// Those that have killed themselves come back; any other end is an accident.
  void tend(std::vector<std::string>& accidents);
  void kill(std::size_t index);
  void stop();

  [[nodiscard]] std::size_t size() const { return processes_.size(); }
  [[nodiscard]] const std::vector<std::uint16_t>& ports() const { return ports_; }
  [[nodiscard]] std::size_t kills() const { return kills_; }
  /// Producers that died between their steps.
  [[nodiscard]] std::size_t suicides() const { return suicides_; }

 private:
  void launch(std::size_t index);

  const std::string folder_;
  const Sabotage sabotage_;
  const std::vector<std::uint16_t> daemons_;
  std::vector<std::uint16_t> ports_;
  std::vector<live::Process> processes_;
  std::size_t kills_ = 0;
  std::size_t suicides_ = 0;
};

}  // namespace settle::kill
