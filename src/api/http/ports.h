#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/worker.h"
#include "storage/store.h"

namespace settle::api {

/// What the faces need from the daemon around them. One instance per worker thread; called on that thread only.
class Ports {
 public:
  Ports() = default;
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;
  virtual ~Ports() = default;

  /// Hands a Begin, Request or GaveUp to the worker that owns the gid's shard, on this thread or another one (a Begin
  /// without gid goes to this thread's worker). The reply arrives at Face::on_reply of the thread that the token names.
  virtual void send(engine::Input&& input) = 0;

  /// Runs `read` on the thread for blocking store reads, then `then` on this thread. False: too many wait already.
  virtual bool read_store(std::function<void(Store&)> read, std::function<void()> then) = 0;

  /// A gid nobody has used: the text of a fresh tid of a shard that this thread's worker owns.
  virtual std::string fresh_gid() = 0;

  [[nodiscard]] virtual std::uint8_t thread_index() const = 0;
  [[nodiscard]] virtual Instant now() const = 0;
};

/// Token layout: thread (8 bits) | flags (8 bits) | number (48 bits), so that a reply made on another thread can be
/// rendered there and finds its way back. Between the flags stands what was asked (4 bits), for the words of an error
/// (by a DTM client: dtm::Asked).
enum TokenFlag : std::uint8_t {
  kWithTimeline = 1,
  kForDtm = 0x40,    ///< asked by a DTM client: the reply belongs to dtm::Face
  kForAdmin = 0x80,  ///< asked on the admin listener: the reply belongs to AdminFace
};

enum class Asked : std::uint8_t {
  kBegin = 0,
  kSubmit = 1,
  kAbort = 2,
  kQuery = 3,
  kRetry = 4,
  kReport = 5,
  kEnlist = 6,
  kResolve = 7,
  kStop = 8,
};

constexpr std::uint8_t flags_with(std::uint8_t flags, Asked asked) {
  return static_cast<std::uint8_t>(flags | static_cast<unsigned>(asked) << 1U);
}

constexpr engine::Token make_token(std::uint8_t thread, std::uint8_t flags, std::uint64_t number) {
  return (std::uint64_t{thread} << 56U) | (std::uint64_t{flags} << 48U) | (number & 0xffffffffffffULL);
}
constexpr std::uint8_t thread_of(engine::Token token) { return static_cast<std::uint8_t>(token >> 56U); }
constexpr std::uint8_t flags_of(engine::Token token) { return static_cast<std::uint8_t>((token >> 48U) & 0xffU); }
constexpr std::uint64_t number_of(engine::Token token) { return token & 0xffffffffffffULL; }
constexpr Asked asked_of(engine::Token token) { return static_cast<Asked>(flags_of(token) >> 1U & 15U); }
constexpr bool is_for_dtm(engine::Token token) { return (flags_of(token) & kForDtm) != 0; }
constexpr bool is_for_admin(engine::Token token) { return (flags_of(token) & kForAdmin) != 0; }

/// A finished answer, ready for the wire.
struct Rendered {
  int status = 500;
  std::string body;
  std::string extra_headers;  ///< preformatted "name: value\r\n" lines
  std::string_view content_type = "application/json";
  bool lacks_gid = false;  ///< a problem that was made without a view: the face adds the gid that was asked for
};

}  // namespace settle::api
