#pragma once

#include <settle/barrier.h>

#include <string>

#include "database.h"

namespace settle::example {

/// What settle hears from a participant. It knows four kinds of answers, and these are three of them; anything else,
/// or nothing, is unknown and asked again.
struct Answer {
  int status = 500;
  std::string body;
};
inline constexpr int kDone = 200;
inline constexpr int kRefused = 409;
inline constexpr int kRunning = 425;

/// What the SDK's barrier makes of a call, as HTTP says it.
Answer answer_of(const barrier::Reply& reply);

/// The producer's own local transaction of a message: what the check-back asks for.
inline constexpr const char* kProducerBranch = "00";

/// A check-back. Decides: after `aborted` the local transaction cannot commit any more.
Answer check_back(Database& database, std::string gid, std::string tid = {});

/// For a business whose statement failed: everything is rolled back, and settle asks again.
inline barrier::Made failed(const Error& error) { return barrier::Made::failed(error.message); }

}  // namespace settle::example
