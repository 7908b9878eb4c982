#!/usr/bin/env bash
# the simulator over many seeds, FIRST..LAST (default 1..20000), one process per core; 10,000,000 transactions and more
source "$(dirname "${BASH_SOURCE[0]}")/frame.sh"
install_packages build run
build_preset release settle-sim
first=${1:-1} last=${2:-20000}
logs=build/soak-sim
mkdir -p "$logs"

cores=$(nproc) share=$(((last - first + cores) / cores))
declare -a running=() parts=()
for ((core = 0; core < cores; core++)); do
  from=$((first + core * share)) to=$((first + (core + 1) * share - 1))
  ((to <= last)) || to=$last
  ((from <= to)) || continue
  parts+=("$from..$to")
  build/bin/settle-sim --seeds "$from..$to" >"$logs/$from..$to.txt" 2>&1 </dev/null &
  running+=($!)
done

failed=0 sums=""
for i in "${!running[@]}"; do
  wait "${running[i]}" || failed=1
  line=$(tail -n 1 "$logs/${parts[i]}.txt")
  echo "${parts[i]}: $line"
  sums+="${sums:+; }${parts[i]}: $line"
done
if ((failed)); then
  keep sim "$first..$last" "FAILED: $sums"
  exit 1
fi
keep sim "$first..$last" "$sums"
