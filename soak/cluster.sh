#!/usr/bin/env bash
# 3 daemons over one PostgreSQL: KILLS (default 500) kills and 200 pauses of daemons, 50 kills of the database; about 40 minutes
source "$(dirname "${BASH_SOURCE[0]}")/frame.sh"
install_packages build run test
build_preset release kill-harness
kills=${1:-500} seed=${2:-1}
mkdir -p build/soak-kill
log=build/soak-kill/cluster.txt
say "cluster"
failed=0
build/bin/kill-harness --daemons=3 --kills="$kills" --pauses=$((kills * 2 / 5)) --store-kills=$((kills / 10)) \
  --participant-kills=$((kills / 10)) --seed="$seed" >"$log" 2>&1 </dev/null || failed=1
result=$(tail -n 1 "$log")
if ((failed)); then
  keep cluster "$seed" "FAILED: $result"
  exit 1
fi
keep cluster "$seed" "$result"
