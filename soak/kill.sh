#!/usr/bin/env bash
# KILLS (default 300) kills of the daemon and a third as many of participants under load; about 5 minutes
source "$(dirname "${BASH_SOURCE[0]}")/frame.sh"
install_packages build run test
build_preset release kill-harness
kills=${1:-300} seed=${2:-1}
logs=build/soak-kill
mkdir -p "$logs"

# run NAME ARGS...: one run of the harness; its last line is the result. A failure keeps the folder, which the log names.
run() {
  local name=$1
  shift
  say "$name"
  build/bin/kill-harness "$@" >"$logs/$name.txt" 2>&1 </dev/null
}

failed=0
run kills --failpoints --kills="$kills" --participant-kills=$(((kills + 2) / 3)) --seed="$seed" || failed=1
run restart --restart-open=10000 || failed=1
result="$(tail -n 1 "$logs/kills.txt"); $(tail -n 1 "$logs/restart.txt")"
if ((failed)); then
  keep kill "$seed" "FAILED: $result"
  exit 1
fi
keep kill "$seed" "$result"
