#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "settle/result.h"
#include "storage/store.h"

namespace settle::api::dtm {

struct Subscriber {
  std::string url;
  std::string remark;
};

struct Topic {
  std::string name;
  std::vector<Subscriber> subscribers;
  std::uint64_t version = 1;  ///< one more with every change
  Instant created_at = kNoInstant;
  Instant updated_at = kNoInstant;
};

inline constexpr std::size_t kTopicsMax = 10'000;
inline constexpr std::size_t kSubscribersMax = 256;

/// By name. All of them are one small value of the store, so what is read is always one state of all; two daemons that
/// change topics in the same moment may lose one of both changes. On a thread that may block, like all below.
/// Errors: those of the store; kCorrupt: what stands there was not written here.
Result<std::vector<Topic>> read_topics(Store& store);

// Each changes one topic. Errors: kInvalid, in DTM's words; those of the store.
Result<void> subscribe(Store& store, const std::string& topic, const std::string& url, const std::string& remark,
                       Instant now);
Result<void> unsubscribe(Store& store, const std::string& topic, const std::string& url, Instant now);
Result<void> remove_topic(Store& store, const std::string& topic);

/// The KV entry that stands for a topic in DTM's interface: category "topics", the subscribers as JSON text.
inline constexpr std::string_view kTopicsCategory = "topics";
void append_entry(std::string& out, const Topic& topic);

}  // namespace settle::api::dtm
