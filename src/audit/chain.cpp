#include "audit/chain.h"

#include <algorithm>
#include <charconv>

#include "digest/sha256.h"
#include "wire/instant.h"
#include "wire/json_writer.h"

namespace settle::audit {
namespace {

constexpr std::size_t kHashChars = kBeginning.size();
constexpr std::string_view kNumber = R"({"sequence":)";

void text_member(wire::JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.member(name, text);
}

std::string json_of(std::uint64_t sequence, const Record& record) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("sequence");
  json.number(sequence);
  json.plain_member("at", wire::instant_text(record.at));
  text_member(json, "node", record.node);
  text_member(json, "who", record.who);
  text_member(json, "verb", record.verb);
  text_member(json, "gid", record.gid);
  text_member(json, "branch", record.branch);
  text_member(json, "as", record.as);
  text_member(json, "destination", record.destination);
  text_member(json, "reason", record.reason);
  json.end_object();
  return out;
}

Error misfit(const Place& place, const std::string& what) {
  return Error{ErrorCode::kCorrupt, "record " + std::to_string(place.records + 1) + " does not fit: " + what};
}

std::optional<std::uint64_t> sequence_of(std::string_view json) {
  if (!json.starts_with(kNumber)) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = json.data() + json.size();
  const auto [stop, problem] = std::from_chars(json.data() + kNumber.size(), end, number);
  if (problem != std::errc{} || stop == end || (*stop != ',' && *stop != '}')) return std::nullopt;
  return number;
}

}  // namespace

std::string next_line(Place& place, const Record& record) {
  const std::string json = json_of(place.records + 1, record);
  place.head = digest::sha256_hex({place.head, json});
  ++place.records;
  return place.head + " " + json + "\n";
}

Result<void> take_line(Place& place, std::string_view line) {
  if (line.size() <= kHashChars || line[kHashChars] != ' ') return misfit(place, "it has another form");
  const std::string_view json = json_of(line);
  std::string head = digest::sha256_hex({place.head, json});
  if (line.substr(0, kHashChars) != head) {
    return misfit(place,
                  "its hash is not that of the record before and its own text; something was changed, added "
                  "or taken away here or before");
  }
  const std::optional<std::uint64_t> sequence = sequence_of(json);
  if (sequence != place.records + 1) return misfit(place, "it has another number");
  place.head = std::move(head);
  ++place.records;
  return {};
}

std::string_view json_of(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line.substr(std::min(line.size(), kHashChars + 1));
}

bool Verifier::take(std::string_view line) {
  if (const Result<void> fits = take_line(place_, line); !fits) {
    problem_ = fits.error();
    return false;
  }
  sound_bytes_ += line.size() + 1;
  found_ = found_ || (!wanted_.empty() && place_.head == wanted_);
  return true;
}

bool Verifier::feed(std::string_view bytes) {
  while (!problem_ && !bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos || !rest_.empty()) rest_.append(bytes.substr(0, end));
    if (rest_.size() > kLineBytesMax) problem_ = misfit(place_, "it is longer than any record");
    if (end == std::string_view::npos || problem_) break;
    (void)take(rest_.empty() ? bytes.substr(0, end) : std::string_view(rest_));
    rest_.clear();
    bytes.remove_prefix(end + 1);
  }
  return !problem_;
}

}  // namespace settle::audit
