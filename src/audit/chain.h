#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "settle/result.h"

namespace settle::audit {

/// What an operator is about to do. Texts may come from outside and may be empty where they do not apply.
struct Record {
  Instant at = kNoInstant;
  std::string node;         ///< the daemon that was asked
  std::string who;          ///< as the request says it, unproven as long as there are no credentials
  std::string verb;         ///< retry, resolve, stop, pause, resume
  std::string gid;          ///< as it was asked for
  std::string branch;       ///< resolve
  std::string as;           ///< resolve: done, skipped, cancelled
  std::string destination;  ///< pause, resume
  std::string reason;
};

/// Hash in front of the first record: 64 zeros.
inline constexpr std::string_view kBeginning = "0000000000000000000000000000000000000000000000000000000000000000";
inline constexpr std::size_t kLineBytesMax = std::size_t{64} * 1024;

/// Where a chain has come to. `head` is the hash of the last record.
struct Place {
  std::uint64_t records = 0;
  std::string head{kBeginning};
};

/// The record as the next line of a chain, "HASH JSON\n". JSON begins with its number in the chain; HASH is the SHA-256
/// of the hash before and JSON, one behind the other, in hexadecimal digits, so that
/// `printf %s%s "$BEFORE" "$JSON" | sha256sum` repeats it. `place` moves on.
std::string next_line(Place& place, const Record& record);

/// Holds one line (without its newline) against the chain so far. `place` moves on if it fits.
/// Errors: kCorrupt, saying which record and what does not fit.
Result<void> take_line(Place& place, std::string_view line);

/// The JSON of a line that has been taken.
std::string_view json_of(std::string_view line);

/// Reads a whole chain in pieces of any size.
class Verifier {
 public:
  /// False: something did not fit; what follows is not looked at any more.
  bool feed(std::string_view bytes);

  [[nodiscard]] const Place& place() const { return place_; }
  /// The first record that does not fit.
  [[nodiscard]] const std::optional<Error>& problem() const { return problem_; }
  /// Bytes of the records that fit, newlines included.
  [[nodiscard]] std::uint64_t sound_bytes() const { return sound_bytes_; }
  /// Bytes behind the last newline: a record that was never complete.
  [[nodiscard]] std::size_t torn_bytes() const { return problem_ ? 0 : rest_.size(); }
  /// Some record has this hash. Give the hash before feeding.
  void look_for(std::string_view hash) { wanted_ = hash; }
  [[nodiscard]] bool has_found() const { return found_; }

 private:
  bool take(std::string_view line);

  Place place_;
  std::string rest_;
  std::uint64_t sound_bytes_ = 0;
  std::optional<Error> problem_;
  std::string wanted_;
  bool found_ = false;
};

}  // namespace settle::audit
