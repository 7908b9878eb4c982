#pragma once

#include <cstddef>
#include <cstdint>

namespace settle::api {

// Ceilings of one request (security.md §6.8). What is larger is refused with the limit in its text.

inline constexpr std::size_t kBodyBytesMax = std::size_t{1024} * 1024;
inline constexpr std::size_t kBranchesMax = 256;
inline constexpr std::size_t kEdgesMax = 4096;
inline constexpr std::size_t kBindsMax = 64;  ///< of one input
inline constexpr std::size_t kPointerBytesMax = 256;
inline constexpr std::size_t kPayloadBytesMax = std::size_t{256} * 1024;
inline constexpr std::size_t kResultBytesMax = std::size_t{64} * 1024;
inline constexpr std::size_t kReasonBytesMax = 1024;

inline constexpr std::size_t kForwardedHeadersMax = 20;
inline constexpr std::size_t kForwardedHeaderBytesMax =
    std::size_t{8} * 1024;  ///< all of them; a participant's head holds 16 KiB
inline constexpr std::size_t kLabelsMax = 20;
inline constexpr std::size_t kLabelKeyBytesMax = 64;
inline constexpr std::size_t kLabelValueBytesMax = 256;

inline constexpr std::int64_t kTimeMsMin = 100;
inline constexpr std::int64_t kTimeMsMax = std::int64_t{400} * 24 * 60 * 60 * 1000;  ///< 400 days
inline constexpr std::int64_t kRetryPauseMsMin = 10;
inline constexpr std::int64_t kRetryAttemptsMax = 1'000'000;
inline constexpr double kRetryFactorMax = 100;

inline constexpr std::size_t kPageMax = 1000;
inline constexpr std::size_t kPageDefault = 100;
inline constexpr std::size_t kFreshGidsMax = 1000;
inline constexpr std::size_t kListScannedMax = 10'000;  ///< records that one list request looks at

}  // namespace settle::api
