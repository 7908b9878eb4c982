#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kill/deal.h"

namespace settle::kill {

/// What one client knows: a file of JSON lines, each written with one append before or right after the thing happened.
/// What is written survives the writer's SIGKILL. Any thread.
///
///   {"what": "deal", "deal": …}              planned; before anything is sent
///   {"what": "send", "gid": …}               a begin is about to be sent
///   {"what": "unsent", "gid": …}             nobody listened: that begin has not left
///   {"what": "refused", "gid": …, "why": …}  that begin was answered with "nothing was stored"
///   {"what": "ack", "gid": …}                a begin was answered with 2xx
///   {"what": "abort", "gid": …}              an abort is about to be asked for
///   {"what": "told", "gid": …, "verdict": "commit" or "abort"}   outcome or decision seen in any answer
///   {"what": "missing", "gid": …}            a question was answered with "no such transaction"
///   {"what": "open", "gid": …}               still running when everything should have come to rest
///   {"what": "incident", "gid": …, "why": …} waits for a person
class Journal {
 public:
  explicit Journal(const std::string& path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void write(const Json& line);
  void write(std::string_view what, std::string_view gid) { write({{"what", what}, {"gid", gid}}); }
  void write(const Deal& deal) { write({{"what", "deal"}, {"deal", to_json(deal)}}); }
  void told(std::string_view gid, std::string_view verdict) {
    write({{"what", "told"}, {"gid", gid}, {"verdict", verdict}});
  }
  /// Notes what a transaction document says.
  void note(std::string_view gid, const Json& document);

 private:
  std::mutex lock_;
  int fd_;
};

/// The whole lines of a journal; a last line that was cut off by a kill is left out.
std::vector<Json> read_journal(const std::string& path);

}  // namespace settle::kill
