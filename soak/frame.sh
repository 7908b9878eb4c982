# Sourced by the scripts of this folder: builds, and keeps a result in soak/RESULTS.md.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
source tools/build.sh

soak_started=$SECONDS

# keep NAME SEED RESULT: one row of soak/RESULTS.md, printed as well. SEED may be "-".
keep() {
  local took=$((SECONDS - soak_started)) cpu row
  cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo | sed 's/|//g; s/  */ /g')
  row="| $1 | $(revision) | $(date -u +%F) | $2 | $(nproc) × ${cpu:-unknown} | $took s | ${3//|//} |"
  echo "$row" >>soak/RESULTS.md
  echo "$row"
}
