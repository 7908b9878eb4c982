#pragma once

#include <string>

#include "cli/json.h"
#include "cli/shell.h"

namespace settle::cli {

/// One transaction for people: what it is, what it waits for and what comes next, its branches, its timeline.
void print_document(Shell& shell, const Json& document);

/// One line: gid, pattern, outcome or phase, and the first thing it waits for.
void print_summary(Shell& shell, const Json& document);

/// kOk if committed, kRefused if aborted, kStillRunning otherwise.
int exit_of_outcome(const Json& document);

/// Text of an answer that must be a transaction document; says so on `err` if it is none (then discarded).
Json read_document(Shell& shell, const std::string& body);

}  // namespace settle::cli
