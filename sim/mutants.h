#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace settle::sim {

/// One bug that can be put into the code at run time. The simulator must find each of them.
struct Mutant {
  std::string name;
  std::string what;
};

/// All of them: those that somebody thought of, and those made from the rows of the protocol tables.
std::vector<Mutant> mutants();

/// Mechanical mutants that change nothing observable, with the reason.
std::vector<Mutant> mutants_left_out();

/// Puts the bug in. False: no mutant has that name.
bool plant_mutant(std::string_view name);

/// Takes every bug out again.
void unplant_mutants();

/// `count` of them (all, if there are no more), chosen by `key`: another key, for example another revision, gives
/// another choice.
std::vector<Mutant> choose_mutants(std::size_t count, std::string_view key);

}  // namespace settle::sim
