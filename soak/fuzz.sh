#!/usr/bin/env bash
# every fuzz target for SECONDS (default 600), two at a time; with 8 targets about 40 minutes
source "$(dirname "${BASH_SOURCE[0]}")/frame.sh"
install_packages build run test
seconds=${1:-600}
build_preset fuzz fuzzers

mapfile -t targets < <(find build/fuzzing/bin -maxdepth 1 -name '*_fuzz' -type f -perm -u+x -printf '%f\n' | sort)
((${#targets[@]})) || { complain "the fuzz build made no target"; exit 1; }

# The limit for one input is far above what any takes (10 ms): it is measured on the wall, and the machine may be busy.
# fuzz TARGET: keeps its corpus, so that the next run starts where this one ended. A finding is left beside it.
fuzz() {
  local target=$1 corpus=build/fuzzing/corpus/$1 seeds=()
  mkdir -p "$corpus" build/fuzzing/findings
  [[ ! -d fuzz/corpus/$target ]] || seeds=("fuzz/corpus/$target")
  "build/fuzzing/bin/$target" -max_total_time="$seconds" -timeout=120 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzzing/findings/$target-" "$corpus" "${seeds[@]}" >"build/fuzzing/$target.log" 2>&1 </dev/null
}

declare -a found=() running=() names=()
total=0
for ((i = 0; i < ${#targets[@]}; i += 2)); do
  running=() names=("${targets[@]:i:2}")
  for target in "${names[@]}"; do
    say "$target for $seconds s"
    fuzz "$target" &
    running+=($!)
  done
  for j in "${!running[@]}"; do
    wait "${running[j]}" || found+=("${names[j]}")
    runs=$(awk '/^stat::number_of_executed_units/ { print $2 }' "build/fuzzing/${names[j]}.log")
    echo "${names[j]}: ${runs:-0} executions"
    # A target that never ran has found nothing either, but that is no result.
    [[ "${runs:-0}" -gt 0 ]] || found+=("${names[j]}-did-not-run")
    total=$((total + ${runs:-0}))
  done
done

if ((${#found[@]})); then
  keep fuzz - "FAILED: ${found[*]}; see build/fuzzing/*.log"
  exit 1
fi
keep fuzz - "${#targets[@]} targets, $seconds s each, $total executions, no finding: ${targets[*]}"
