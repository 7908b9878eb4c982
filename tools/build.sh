# Sourced by the commands of this project, in the top folder: packages and builds.
# shellcheck shell=bash

say() { printf '\n== %s\n' "$*"; }
complain() { printf '%s\n' "$*" >&2; }

# packages_of SECTION...: the packages of these sections of tools/packages.txt, one a line.
packages_of() {
  local section
  for section in "$@"; do
    awk -v want="[$section]" '/^\[/ { here = ($1 == want); next } here && NF && $1 !~ /^#/ { print $1 }' tools/packages.txt
  done
}

# missing_packages SECTION...: those that dpkg does not know as installed. One call of dpkg-query, so it costs nothing.
missing_packages() {
  local have
  # dpkg-query fails when it does not know one of the names; what it prints is right all the same.
  have=$(packages_of "$@" | xargs dpkg-query -W -f='${Package} ${db:Status-Status}\n' 2>/dev/null |
    awk '$2 == "installed" { print $1 }' | sort -u) || true
  comm -23 <(packages_of "$@" | sort -u) <(printf '%s\n' "$have")
}

# install_packages SECTION...: installs what is missing, and asks nobody when nothing is.
install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    complain "This is no Debian: the tools and libraries of tools/packages.txt are taken for present."
    return 0
  fi
  local -a missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0

  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      complain "These packages are missing, and only root may install them (there is no sudo either):"
      complain "  apt-get install --no-install-recommends ${missing[*]}"
      return 1
    fi
    as_root=(sudo)
    [[ -t 0 && "${CI:-}" != true ]] || as_root=(sudo -n)
  fi
  say "installing ${missing[*]}"
  local -a apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0)
  if ! { "${apt[@]}" update && without_services "${apt[@]}" install --no-install-recommends "${missing[@]}"; } </dev/null; then
    complain "apt-get could not install: ${missing[*]}"
    complain "Debian 12 has all of them in 'main'; see what it said above (network? sources? rights?)."
    return 1
  fi
}

# without_services COMMAND...: runs it while packages may start no service: tests start servers of their own, privately.
# Uses as_root of its caller. A machine that has such a policy already keeps it; ours goes also when we are interrupted.
without_services() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  "$@"
)

# build_dir PRESET: where a preset builds. Names of top folders are taken: the release build has its own build/fuzz.
build_dir() {
  case "$1" in
    release) echo build ;;
    fuzz) echo build/fuzzing ;;
    *) echo "build/$1" ;;
  esac
}

# build_preset PRESET [TARGET...]: configures when that was never done (ninja sees to it later), then builds.
build_preset() {
  local preset=$1 dir
  dir=$(build_dir "$preset")
  shift
  prepare_ccache
  local -a launcher=()
  command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  # build.ninja is written last, so it stands for a configuration that went through. A tree that was moved starts anew.
  if [[ -f $dir/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$dir/CMakeCache.txt"; then
    rm -rf "$dir/CMakeCache.txt" "$dir/CMakeFiles" "$dir/build.ninja"
  fi
  if [[ ! -f $dir/build.ninja ]]; then
    say "configuring $preset"
    cmake --preset "$preset" -B "$dir" "${launcher[@]}" >"build/configure-$preset.log" 2>&1 </dev/null || {
      cat "build/configure-$preset.log" >&2
      return 1
    }
  fi
  say "building $preset"
  ninja -C "$dir" -j "$(nproc)" "$@" </dev/null
}

# ccache keeps its files under HOME. Where there is none, or none to write to, they go below build/.
# The sloppiness is what it asks for before it keeps anything that was compiled with precompiled headers.
prepare_ccache() {
  mkdir -p build
  export CCACHE_SLOPPINESS="${CCACHE_SLOPPINESS:-pch_defines,time_macros}"
  if [[ -z "${CCACHE_DIR:-}" && ! ( -n "${HOME:-}" && -w "${HOME:-}" ) ]]; then
    export CCACHE_DIR="$PWD/build/ccache"
  fi
}

# revision: what is being built, for results that are kept. `+` marks changes that are in no commit;
# the results themselves are none.
revision() {
  local name
  # The checkout may belong to somebody else than the one who runs this.
  name=$(git -c safe.directory='*' rev-parse --short HEAD 2>/dev/null) || { echo unknown; return; }
  [[ -z $(git -c safe.directory='*' status --porcelain -- . ':!soak/RESULTS.md' 2>/dev/null | head -1) ]] || name+=+
  echo "$name"
}
