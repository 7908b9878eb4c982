#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <functional>
#include <ostream>

#include "audit/chain.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/instant.h"
#include "cli/json.h"
#include "cli/printable.h"
#include "cli/table.h"

namespace settle::cli {
namespace {

constexpr std::array kOptions = {
    Option{"--from", "N", "list: from record N on"},
    Option{"--limit", "N", "list: so many at most"},
    Option{"--head", "HASH", "verify: some record must have this hash, which you know from elsewhere"},
};

constexpr std::uint64_t kPage = 1000;
constexpr std::uint64_t kListDefault = 100;

using Feed = std::function<bool(std::string_view bytes)>;

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || stop != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

/// Hands the file out in pieces until `feed` has enough.
int read_file(Shell& shell, const std::string& path, const Feed& feed) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return usage_error(shell, "audit", "the file " + printable(path) + " cannot be opened");
  std::array<char, std::size_t{64} * 1024> chunk{};
  while (file) {
    file.read(chunk.data(), chunk.size());
    if (!feed({chunk.data(), static_cast<std::size_t>(file.gcount())})) return kOk;
  }
  if (file.bad()) return usage_error(shell, "audit", "the file " + printable(path) + " cannot be read");
  return kOk;
}

/// The same from a daemon, page by page, from record `from` on.
int read_daemon(Shell& shell, std::uint64_t from, const Feed& feed) {
  for (;;) {
    const std::string target = "/v1/audit?from=" + std::to_string(from) + "&limit=" + std::to_string(kPage);
    const Asked asked = ask(shell, shell.admin, {"GET", target, {}});
    if (!asked.body) return asked.exit;
    const auto lines = static_cast<std::uint64_t>(std::count(asked.body->begin(), asked.body->end(), '\n'));
    if (lines == 0 || !feed(*asked.body)) return kOk;
    from += lines;
  }
}

std::string what_of(const Json& record) {
  std::string what;
  for (const char* key : {"gid", "branch", "destination"}) {
    if (const std::string value = text_at(record, key); !value.empty()) what += (what.empty() ? "" : " ") + value;
  }
  if (const std::string as = text_at(record, "as"); !as.empty()) what += " as " + as;
  return what;
}

class Listing {
 public:
  Listing(Shell& shell, std::uint64_t from, std::uint64_t limit) : shell_(shell), from_(from), left_(limit) {}

  /// False: the limit is reached.
  bool feed(std::string_view bytes) {
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos && left_ > 0; end = bytes.find('\n')) {
      rest_.append(bytes.substr(0, end));
      line(rest_);
      rest_.clear();
      bytes.remove_prefix(end + 1);
    }
    rest_.append(bytes);
    return left_ > 0;
  }

  void print() {
    if (shell_.json) return;
    if (table_.empty()) {
      shell_.out << "no record: no operator has done anything yet\n";
    } else {
      table_.print(shell_.out, 0);
    }
  }

 private:
  void line(std::string_view text) {
    const std::string_view json = audit::json_of(text);
    const Json record = parse_json(json);
    const auto sequence = number_at(record, "sequence");
    if (sequence && static_cast<std::uint64_t>(*sequence) < from_) return;
    --left_;
    if (shell_.json) {
      shell_.out << json << "\n";
      return;
    }
    table_.row({text_at(record, "sequence"), date_and_clock_of(text_at(record, "at")), text_at(record, "who"),
                text_at(record, "verb"), what_of(record), text_at(record, "reason")});
  }

  Shell& shell_;
  std::uint64_t from_;
  std::uint64_t left_;
  std::string rest_;
  Table table_{{"NO", "TIME", "WHO", "VERB", "WHAT", "REASON"}};
};

int list(Shell& shell, const Arguments& arguments, const std::string& path) {
  const auto from = whole_number(arguments.get("--from").value_or("1"));
  const auto limit = whole_number(arguments.get("--limit").value_or(std::to_string(kListDefault)));
  if (!from || !limit) return usage_error(shell, "audit", "--from and --limit take a number from 1 on");
  Listing listing(shell, *from, *limit);
  const Feed feed = [&](std::string_view bytes) { return listing.feed(bytes); };
  const int exit = path.empty() ? read_daemon(shell, *from, feed) : read_file(shell, path, feed);
  if (exit == kOk) listing.print();
  return exit;
}

int verify(Shell& shell, const Arguments& arguments, const std::string& path) {
  audit::Verifier verifier;
  const auto head = arguments.get("--head");
  if (head) verifier.look_for(*head);
  const Feed feed = [&](std::string_view bytes) { return verifier.feed(bytes); };
  const int exit = path.empty() ? read_daemon(shell, 1, feed) : read_file(shell, path, feed);
  if (exit != kOk) return exit;
  const audit::Place& place = verifier.place();
  if (const std::optional<Error>& problem = verifier.problem()) {
    shell.err << "settlectl: " << problem->message << "\n"
              << "  sound     " << place.records << " records before it\n";
    return kRefused;
  }
  if (head && !verifier.has_found()) {
    shell.err << "settlectl: the chain is sound, but no record has the hash " << printable(*head)
              << ": its end was cut off, or it is another chain\n";
    return kRefused;
  }
  shell.out << "sound: " << place.records << " records, head " << place.head << "\n";
  if (verifier.torn_bytes() > 0) {
    shell.out << "  behind them " << verifier.torn_bytes() << " bytes of a record that is not complete (yet)\n";
  }
  return kOk;
}

int run(Shell& shell, const Arguments& arguments) {
  const std::string& verb = arguments.words().front();
  const std::string path = arguments.words().size() > 1 ? arguments.words()[1] : std::string();
  if (verb == "list") return list(shell, arguments, path);
  if (verb == "verify") return verify(shell, arguments, path);
  return usage_error(shell, "audit", "audit takes list or verify, not '" + printable(verb) + "'");
}

}  // namespace

const Command kAudit{
    "audit",
    "list|verify [FILE]",
    1,
    "what operators did, and whether the record of it was changed (admin listener, or a FILE)",
    "Each record carries the hash of the one before. verify tells the first one that does not fit; a\n"
    "chain whose end was cut off fits, so compare with a hash from elsewhere (--head): the daemon's log\n"
    "has that of every record. A daemon gives its own records only.\n",
    kOptions,
    run,
    2};

}  // namespace settle::cli
