#include "api/http/pending.h"

#include "base/assert.h"

namespace settle::api {

std::uint64_t PendingReplies::add(net::ResponseSlot slot, Route route, std::uint8_t flags, Instant since,
                                  std::string_view gid) {
  if (free_.empty()) {
    SETTLE_ASSERT(entries_.size() < kIndexMask);
    free_.push_back(static_cast<std::uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  if (slot.connection >= first_.size()) first_.resize(slot.connection + std::size_t{1}, kNone);
  Entry& entry = entries_[index];
  entry.slot = slot;
  entry.route = route;
  entry.flags = flags;
  entry.since = since;
  entry.gid.assign(gid);
  entry.open = true;
  entry.previous = kNone;
  entry.next = first_[slot.connection];
  if (entry.next != kNone) entries_[entry.next].previous = index;
  first_[slot.connection] = index;
  ++size_;
  return number_of(index);
}

const PendingReplies::Entry* PendingReplies::find(std::uint64_t number) const {
  const auto index = static_cast<std::uint32_t>(number & kIndexMask);
  if (index >= entries_.size() || !entries_[index].open || number_of(index) != number) return nullptr;
  return &entries_[index];
}

void PendingReplies::remove(std::uint64_t number) {
  if (find(number) == nullptr) return;
  const auto index = static_cast<std::uint32_t>(number & kIndexMask);
  Entry& entry = entries_[index];
  if (entry.next != kNone) entries_[entry.next].previous = entry.previous;
  if (entry.previous != kNone) {
    entries_[entry.previous].next = entry.next;
  } else {
    first_[entry.slot.connection] = entry.next;
  }
  entry.open = false;
  entry.generation = entry.generation % kIndexMask + 1;
  free_.push_back(index);
  --size_;
}

std::vector<std::uint64_t> PendingReplies::of_connection(net::ResponseSlot slot) const {
  std::vector<std::uint64_t> numbers;
  if (slot.connection >= first_.size()) return numbers;
  for (std::uint32_t index = first_[slot.connection]; index != kNone; index = entries_[index].next) {
    if (entries_[index].slot.generation == slot.generation) numbers.push_back(number_of(index));
  }
  return numbers;
}

}  // namespace settle::api
