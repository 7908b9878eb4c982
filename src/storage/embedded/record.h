#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/store.h"

namespace settle {

/// Format of the records this program writes. A newer minor only appends fields to the header, which an older program
/// skips; a newer major is refused, because its meaning is unknown.
inline constexpr std::uint8_t kFormatMajor = 1;
inline constexpr std::uint8_t kFormatMinor = 0;

/// What a record is; it says too in which family it stands, so that a misplaced one is noticed.
enum class RecordKind : std::uint8_t {
  kOpen = 1,      ///< plan and state as the first save gave them
  kProgress = 2,  ///< a later state of an open transaction, without the plan
  kHistory = 3,   ///< an ended transaction, complete
};

/// The fields of a record; the views point into bytes of somebody else.
struct RecordView {
  RecordKind kind = RecordKind::kOpen;
  ShardNo shard = 0;
  Version version = 0;
  Summary summary;
  std::string_view gid;
  std::string_view plan;
  std::string_view state;
};

/// Room for the parts of an encoded record that are not copied from the caller: head and checksum.
struct RecordFrame {
  static constexpr std::size_t kHeadBytes = 42;
  char head[kHeadBytes];
  char checksum[4];

  /// Parts of the record in order: head, gid, plan, state, checksum.
  static constexpr std::size_t kParts = 5;
};

/// Fills `frame`; the record is head, gid, plan, state, checksum, one after the other.
void encode_record(const Tid& tid, const RecordView& record, RecordFrame& frame);

/// The same in one string; for tests and tools.
std::string encode_record(const Tid& tid, const RecordView& record);

/// Checks everything: format, grammar, lengths, values, checksum. `tid` is the key under which the bytes stood.
///
/// Errors
///   kInvalid  written by a newer program; use that one
///   kCorrupt  damaged, or not a record of this transaction
Result<RecordView> decode_record(const Tid& tid, std::string_view bytes);

/// A small value with a checksum over itself and its key.
std::string seal(std::string_view key, std::string_view value);
Result<std::string_view> unseal(std::string_view key, std::string_view sealed);

}  // namespace settle
