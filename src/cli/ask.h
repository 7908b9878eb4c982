#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "cli/http.h"
#include "cli/shell.h"

namespace settle::cli {

inline constexpr std::chrono::milliseconds kPatience{10'000};  ///< for an answer that nobody asked to wait for

/// What came of a request: a body, or an exit code after everything has been said on `err` (or, with --json and a
/// problem document, on `out`).
struct Asked {
  std::optional<std::string> body;
  int exit = kOk;
};

/// Sends `request` to `to`. `wait` is how long the daemon was asked to hold its answer back; it is added to the
/// patience.
Asked ask(Shell& shell, const Endpoint& to, const HttpRequest& request, std::chrono::milliseconds wait = {});

/// Path of a transaction's own resource, with what is `under` it: "/v1/transactions/GID/abort".
std::string transaction_path(std::string_view gid, std::string_view under = {});

/// {"reason": …}
std::string reason_body(std::string_view reason);

/// Says what is wrong with the command line, and where its help is.
int usage_error(Shell& shell, std::string_view command, std::string_view what);

/// Prints the daemon's own bytes, ended by a newline.
void print_json(Shell& shell, std::string_view body);

}  // namespace settle::cli
