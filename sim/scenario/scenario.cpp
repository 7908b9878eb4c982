#include "scenario/scenario.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include "mutants.h"
#include "scenario/stage.h"

namespace settle::sim {
namespace {

/// The file as it should be; `wrong` tells what the script gets wrong.
std::string play(const std::string& text, std::string& wrong) {
  Stage stage;
  std::string out;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (!line.empty() && line[0] == ' ') continue;  // recorded by an earlier run
    out += line + "\n";
    if (line.empty() || line[0] == '#') continue;
    const std::string complaint = stage.perform(line);
    if (!complaint.empty()) {
      wrong = "line " + std::to_string(number) + ": " + complaint;
      return out;
    }
    for (const std::string& came : stage.take_lines()) out += came + "\n";
  }
  return out;
}

void print_difference(const std::string& recorded, const std::string& played) {
  std::istringstream left(recorded);
  std::istringstream right(played);
  std::string a;
  std::string b;
  for (int number = 1;; ++number) {
    const bool has_a = static_cast<bool>(std::getline(left, a));
    const bool has_b = static_cast<bool>(std::getline(right, b));
    if (!has_a && !has_b) return;
    if (has_a && has_b && a == b) continue;
    std::printf("  line %d\n    recorded: %s\n    now:      %s\n", number, has_a ? a.c_str() : "(end)",
                has_b ? b.c_str() : "(end)");
    return;
  }
}

std::vector<std::filesystem::path> files_of(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".txt") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The mutants that the comments of a script name: `# mutant NAME`.
std::vector<std::string> mutants_of(const std::string& text) {
  constexpr std::string_view kMark = "# mutant ";
  std::vector<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kMark)) names.push_back(line.substr(kMark.size()));
  }
  return names;
}

/// A script must come out differently with each bug that it is there to find; returns how many it does not see.
std::size_t mutants_unseen(const std::string& file, const std::string& text) {
  std::size_t unseen = 0;
  for (const std::string& name : mutants_of(text)) {
    std::string wrong;
    const bool is_known = plant_mutant(name);
    const bool is_seen = is_known && (play(text, wrong) != text || !wrong.empty());
    unplant_mutants();
    if (is_seen) continue;
    std::printf("%s: %s %s\n", file.c_str(), is_known ? "does not see the mutant" : "there is no mutant", name.c_str());
    ++unseen;
  }
  return unseen;
}

}  // namespace

int run_scenarios(const std::vector<std::string>& paths, bool rewrites) {
  const std::vector<std::filesystem::path> files = files_of(paths);
  std::size_t failed = 0;
  for (const std::filesystem::path& file : files) {
    std::ifstream in(file);
    std::stringstream content;
    content << in.rdbuf();
    std::string wrong = in ? "" : "cannot be read";
    const std::string played = wrong.empty() ? play(content.str(), wrong) : "";
    if (!wrong.empty()) {
      std::printf("%s: %s\n", file.c_str(), wrong.c_str());
      ++failed;
    } else if (played != content.str()) {
      std::printf("%s: %s\n", file.c_str(), rewrites ? "rewritten" : "differs");
      if (rewrites) {
        std::ofstream(file) << played;
      } else {
        print_difference(content.str(), played);
        ++failed;
      }
    } else if (mutants_unseen(file.string(), content.str()) != 0) {
      ++failed;
    }
  }
  std::printf("%zu scenarios, %zu failed\n", files.size(), failed);
  return failed == 0 && !files.empty() ? 0 : 1;
}

}  // namespace settle::sim
