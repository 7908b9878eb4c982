#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/route.h"
#include "base/time.h"
#include "net/http_server.h"

namespace settle::api {

/// Requests that wait for the engine, by the number in their token. Entries are used again, so adding one allocates
/// nothing once the table has grown; a number that was answered is never found again, its generation is over.
class PendingReplies {
 public:
  struct Entry {
    net::ResponseSlot slot;
    Route route = Route::kOther;
    std::uint8_t flags = 0;  ///< of the token
    Instant since = kNoInstant;
    std::string gid;  ///< what the client called it; may be empty

   private:
    friend class PendingReplies;
    std::uint32_t generation = 1;  // so that no number is 0
    std::uint32_t previous = kNone;
    std::uint32_t next = kNone;
    bool open = false;
  };

  /// The number of the new entry: 48 bits, never 0.
  std::uint64_t add(net::ResponseSlot slot, Route route, std::uint8_t flags, Instant since, std::string_view gid);

  /// Null: answered already, or its client is gone. Valid until the next add.
  [[nodiscard]] const Entry* find(std::uint64_t number) const;
  void remove(std::uint64_t number);

  /// Numbers of all entries of that connection (the slot's sequence does not count).
  [[nodiscard]] std::vector<std::uint64_t> of_connection(net::ResponseSlot slot) const;

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr unsigned kIndexBits = 24;
  static constexpr std::uint32_t kIndexMask = (1U << kIndexBits) - 1;

  [[nodiscard]] std::uint64_t number_of(std::uint32_t index) const {
    return std::uint64_t{entries_[index].generation} << kIndexBits | index;
  }

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> first_;  // by connection: its newest entry
  std::size_t size_ = 0;
};

}  // namespace settle::api
