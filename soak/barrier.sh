#!/usr/bin/env bash
# Bob pays Smith through the barrier, OPERATIONS (default 100000) on each database; about 10 minutes
source "$(dirname "${BASH_SOURCE[0]}")/frame.sh"
install_packages build run test
build_preset release barrier_load_test
operations=${1:-100000} seed=${2:-1}
log=build/soak-barrier.txt

say "$operations operations on each of SQLite, PostgreSQL, MariaDB"
failed=0
SETTLE_BARRIER_OPERATIONS=$operations SETTLE_BARRIER_SEED=$seed build/bin/barrier_load_test >"$log" 2>&1 </dev/null || failed=1
# One line per database: what was sent, how often twice, what was lost, what came of it.
result=$(grep -E '^(Sqlite|Postgres|MariaDb): ' "$log" | paste -sd ';' | sed 's/;/; /g') || true
if ((failed)); then
  keep barrier "$seed" "FAILED, see $log: $result"
  exit 1
fi
keep barrier "$seed" "$result; sums exact, nothing frozen, each effect once"
