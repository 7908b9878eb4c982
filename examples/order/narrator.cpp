#include "narrator.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace settle::example {
namespace {

void put(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
  (void)std::fflush(stdout);
}

/// Each line of `text` behind `indent`.
void put_indented(std::string_view indent, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    put(line.empty() ? std::string("\n") : std::string(indent) + std::string(line) + "\n");
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

}  // namespace

Narrator::Narrator() : is_bold_(::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr) {}

void Narrator::title(std::string_view text) const {
  put(is_bold_ ? "\n\x1b[1m" + std::string(text) + "\x1b[0m\n" : "\n" + std::string(text) + "\n");
}

void Narrator::scene(int number, int count, std::string_view heading, std::string_view story) const {
  title("[" + std::to_string(number) + "/" + std::to_string(count) + "] " + std::string(heading));
  put_indented("      ", story);
  put("\n");
}

void Narrator::line(std::string_view mark, std::string_view text) const {
  put(std::string(mark) + std::string(text) + "\n");
}
void Narrator::fault(std::string_view text) const { line("  fault   ", text); }
void Narrator::settle(std::string_view text) const { line("  settle  ", text); }
void Narrator::step(std::string_view text) const { line("          ", text); }
void Narrator::plain(std::string_view text) const { put(std::string(text) + "\n"); }

void Narrator::command(std::string_view text, std::string_view output) const {
  put("\n  $ " + std::string(text) + "\n");
  put_indented("  ", output);
}

void Narrator::balances(const Balances& before, const Balances& after) const {
  const auto row = [](const char* name, const Balances& of) {
    char text[160];
    const auto number = [](std::int64_t value) { return static_cast<long long>(value); };
    (void)std::snprintf(text, sizeof text, "  %-8s  %6lld + %-6lld         %6lld + %-6lld         %6lld + %-6lld\n",
                        name, number(of.purse), number(of.paid), number(of.shelf), number(of.shipped), number(of.fund),
                        number(of.granted));
    std::string line(text);
    line.erase(line.find_last_not_of(" \n") + 1);
    put(line + "\n");
  };
  put("\n            coins: purse + paid    teapots: shelf + sold    points: fund + ann\n");
  row("before", before);
  row("after", after);
}

}  // namespace settle::example
