#include "scenario.h"
namespace settle::sim {
int run_scenarios(const std::vector<std::string>&, bool) { return 0; }
}  // namespace settle::sim
