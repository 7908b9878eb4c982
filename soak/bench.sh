#!/usr/bin/env bash
# every question of settle-bench, about 15 minutes on a machine that is otherwise quiet; rows go to bench/RESULTS.md
source "$(dirname "${BASH_SOURCE[0]}")/frame.sh"
install_packages build run
build_preset release settled settle-bench with-postgres

# field NAME LINE: the number behind "NAME": in one line of JSON, or a dash.
field() {
  local value
  value=$(sed -n "s/.*\"$1\":\([0-9.eE+-]*\).*/\1/p" <<<"$2")
  echo "${value:--}"
}

cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo | sed 's/|//g; s/  */ /g')

at=$(revision) # before the first row is a change itself

through=()  # what the program is run by
more=()     # of a question whose answer is more than a ratio: the fields that make it

# ask COMMAND...: runs one question and keeps one row per line of JSON.
ask() {
  local lines line ratio name
  lines=$("${through[@]}" build/bin/settle-bench "$@" --json)
  while read -r line; do
    ratio=$(field ratio_to_floor "$line")
    [[ "$ratio" != - ]] || ratio=$(field ratio "$line")
    for name in "${more[@]}"; do ratio+=" $name $(field "$name" "$line")"; done
    line="| \`$*\` | $at | $(date -u +%F) | $(field per_second "$line") | $(field p50_ms "$line") | $(field p99_ms "$line") |\
 $(field cpu_user_us_per_tx "$line") + $(field cpu_system_us_per_tx "$line") | $(field syncs_per_tx "$line") | $(field bytes_per_tx "$line") |\
 $ratio | $(field errors "$line") | $(field other_cores "$line") | $(nproc) × ${cpu:-unknown} |"
    echo "$line" | tee -a bench/RESULTS.md
  done <<<"$lines"
}

ask floor --syncs 1
ask floor --syncs 2
ask p1 --vs-floor --pairs 5 --seconds 3
ask p1 --clients 256
ask p1 --rate 10000
ask p4 --seconds 10
ask p5
ask p5 --targets 2
ask p5 --tcc
ask p10
more=(open_mib bytes_each restarted_mib ready_s ready_cpu_s over_s)
ask p9
more=(cpu_per_branch_ratio_10 cpu_per_branch_ratio_100 rate_ratio_stored clients_1 clients_16 clients_64 clients_256
  goodput_overload_4 goodput_overload_10)
ask p11
more=()
# p6: the same saga on PostgreSQL with its own default durability.
through=(build/bin/with-postgres)
ask p1 --settled-flags=--store={postgres}
