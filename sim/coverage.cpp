#include "coverage.h"

#include <fstream>
#include <sstream>

namespace settle::sim {
namespace {

struct CellName {
  std::string pattern, outcome, fault, op;
};

CellName parts_of(std::size_t cell) {
  CellName name;
  name.op = name_of(static_cast<Op>(cell % Coverage::kOps + 1));
  cell /= Coverage::kOps;
  name.fault = name_of(static_cast<Fault>(cell % kFaults));
  cell /= kFaults;
  name.outcome = cell % Coverage::kOutcomes == 0 ? "committed" : "aborted";
  name.pattern = name_of(static_cast<Pattern>(cell / Coverage::kOutcomes + 1));
  return name;
}

bool is_word(const std::string& word) { return !word.empty() && word[0] != '#'; }

}  // namespace

std::string Coverage::cell_name(std::size_t cell) {
  const CellName name = parts_of(cell);
  return name.pattern + " " + name.outcome + " " + name.fault + " " + name.op;
}

std::string RuledOut::read(const std::string& path) {
  std::ifstream in(path);
  if (!in) return "cannot read " + path;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    Rule rule;
    words >> rule.pattern >> rule.outcome >> rule.fault >> rule.op;
    std::getline(words, rule.text);
    if (!is_word(rule.pattern)) continue;
    if (rule.op.empty() || rule.text.find_first_not_of(' ') == std::string::npos) {
      return path + ": a rule needs pattern, outcome, fault, op and a reason: " + line;
    }
    bool is_known = false;
    for (std::size_t cell = 0; cell < Coverage::kCells && !is_known; ++cell) is_known = matches(rule, cell);
    if (!is_known) return path + ": no cell is meant by: " + line;
    rules_.push_back(std::move(rule));
  }
  return {};
}

bool RuledOut::matches(const Rule& rule, std::size_t cell) {
  const CellName name = parts_of(cell);
  const auto fits = [](const std::string& asked, const std::string& is) { return asked == "*" || asked == is; };
  return fits(rule.pattern, name.pattern) && fits(rule.outcome, name.outcome) && fits(rule.fault, name.fault) &&
         fits(rule.op, name.op);
}

bool RuledOut::covers(std::size_t cell) const {
  for (const Rule& rule : rules_) {
    if (matches(rule, cell)) return true;
  }
  return false;
}

std::vector<std::string> RuledOut::contradicted(const Coverage& coverage) const {
  std::vector<std::string> out;
  for (const Rule& rule : rules_) {
    for (std::size_t cell = 0; cell < Coverage::kCells; ++cell) {
      if (coverage.count(cell) != 0 && matches(rule, cell)) {
        out.push_back(Coverage::cell_name(cell) + " was met, but ruled out:" + rule.text);
      }
    }
  }
  return out;
}

std::size_t print_coverage(const Coverage& coverage, const RuledOut& ruled_out, std::string& out) {
  std::size_t empty = 0;
  out +=
      "coverage: pattern, outcome, fault: count per op (action compensate deliver check try confirm cancel prepare "
      "commit rollback); - ruled out, EMPTY not met\n";
  for (std::size_t cell = 0; cell < Coverage::kCells; cell += Coverage::kOps) {
    const std::string name = Coverage::cell_name(cell);
    out += "  " + name.substr(0, name.rfind(' '));
    out.append(name.rfind(' ') < 36 ? 36 - name.rfind(' ') : 1, ' ');
    for (std::size_t op = 0; op < Coverage::kOps; ++op) {
      const std::uint64_t count = coverage.count(cell + op);
      std::string text = std::to_string(count);
      if (count == 0) {
        const bool is_ruled_out = ruled_out.covers(cell + op);
        text = is_ruled_out ? "-" : "EMPTY";
        if (!is_ruled_out) ++empty;
      }
      out.append(text.size() < 10 ? 10 - text.size() : 1, ' ');
      out += text;
    }
    out += '\n';
  }
  return empty;
}

}  // namespace settle::sim
