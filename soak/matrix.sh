#!/usr/bin/env bash
# the whole tree with g++ and with TSan, clang-tidy, layout; about an hour
source "$(dirname "${BASH_SOURCE[0]}")/frame.sh"
install_packages build run test matrix

declare -a done_well=()

# look NAME COMMAND...: one cell of the matrix. The first that fails ends the run, and the row says which.
look() {
  local name=$1
  shift
  say "$name"
  if "$@"; then
    done_well+=("$name")
  else
    keep matrix - "FAILED: $name; before it, clean: ${done_well[*]:-nothing}"
    exit 1
  fi
}

tests_of() { ctest --test-dir "$(build_dir "$1")" -j "$(nproc)" --output-on-failure --no-tests=error </dev/null; }

look layout tools/format --check
look release build_preset release
look gcc build_preset gcc
look gcc-tests tests_of gcc
look tsan build_preset tsan
look tsan-tests tests_of tsan
look clang-tidy tools/tidy
keep matrix - "clean: ${done_well[*]}"
