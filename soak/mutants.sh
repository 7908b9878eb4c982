#!/usr/bin/env bash
# every planted bug must be found within SEEDS (default 300) seeds; some minutes
source "$(dirname "${BASH_SOURCE[0]}")/frame.sh"
install_packages build run
build_preset release settle-sim
seeds=${1:-300}
logs=build/soak-mutants
rm -rf "$logs"
mkdir -p "$logs"

mapfile -t mutants < <(build/bin/settle-sim --list-mutants | awk '{ print $1 }')
((${#mutants[@]})) || { complain "the simulator lists no mutant"; exit 1; }

# Exit 1 says "violation"; 0 says that nothing was noticed; anything else is an accident of the simulator itself.
try_mutant() {
  local status=0
  timeout 900 build/bin/settle-sim --mutant "$1" --seeds "1..$2" >"$3/$1.txt" 2>&1 </dev/null || status=$?
  echo "$1 $status" >"$3/$1.status"
}
export -f try_mutant
printf '%s\n' "${mutants[@]}" | xargs -P "$(nproc)" -I{} bash -c 'try_mutant "$@"' _ {} "$seeds" "$logs"

declare -a missed=()
for mutant in "${mutants[@]}"; do
  read -r _ status <"$logs/$mutant.status"
  verdict=found
  if ((status != 1)); then
    verdict="NOT found (exit $status)"
    missed+=("$mutant")
  fi
  printf '%-40s %s\n' "$mutant" "$verdict"
done
# The net must also be quiet when nothing is broken.
build/bin/settle-sim --seeds "1..$seeds" >"$logs/none.txt" 2>&1 </dev/null || missed+=("(none: the product itself is caught)")

if ((${#missed[@]})); then
  keep mutants "1..$seeds" "FAILED: not found ${missed[*]}"
  exit 1
fi
keep mutants "1..$seeds" "${#mutants[@]} of ${#mutants[@]} mutants found"
