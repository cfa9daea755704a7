# Shared by the scripts beside it: where the project is, how to speak, how to show a long step. Sourced, never run.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast
logs=$root/build/logs
openssl_min=3.5.0

say() { printf '%s\n' "$*" >&2; }
show_help() { # what the calling script's head says
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" | grep -v '^shellcheck'
}
die() {
  say "$(basename "$0"): $*"
  exit 1
}

duration() {  # seconds, for people
  if (($1 < 90)); then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}
guessed() {  # seconds of a guess: no more exact than it is
  if (($1 < 90)); then printf '%d s' $((($1 + 9) / 10 * 10)); else printf '%d min' $((($1 + 30) / 60)); fi
}

# Shows how far a program's output says that it is (ninja, ctest, apt's status lines, or "[n/m]" of anybody else) and how
# long is left: on a terminal in one line, else a line every 20 s. Everything else goes to the log. The first step of many says
# too little for a guess.
progress() {  # LABEL LOG
  local label=$1 log=$2 begin=$SECONDS shown=$SECONDS line part whole text elapsed
  : >"$log"
  while IFS= read -r line; do
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] || $line =~ ^\ *([0-9]+)/([0-9]+)\ Test ]]; then
      part=${BASH_REMATCH[1]} whole=${BASH_REMATCH[2]}
      [[ $line == *Passed* || $line == '['* ]] || printf '%s\n' "$line" >>"$log"
    elif [[ $line =~ ^(dl|pm)status:[^:]*:([0-9]+) ]]; then
      part=${BASH_REMATCH[2]} whole=100
    else
      printf '%s\n' "$line" >>"$log"
      continue
    fi
    elapsed=$((SECONDS - begin))
    if [ -t 2 ] || ((SECONDS - shown >= 20)); then
      shown=$SECONDS
      text="$label: $((100 * part / (whole > 0 ? whole : 1))) %"
      if ((elapsed >= 5 && 100 * part >= 5 * whole)); then text+=", about $(guessed $((elapsed * (whole - part) / part))) left"; fi
      if [ -t 2 ]; then printf '\r\033[K  %s' "$text" >&2; else say "  $text"; fi
    fi
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
  say "  $label: $(duration $((SECONDS - begin)))"
}

# Runs a long command behind `progress`. Its output is shown only if it fails.
run() {  # LABEL LOG-NAME COMMAND...
  local label=$1 log=$logs/$2.log
  shift 2
  mkdir -p "$logs"
  say "  $label ..."
  if "$@" </dev/null 2>&1 | progress "$label" "$log"; then return 0; fi
  tail -n 300 "$log" >&2
  say "  $label: FAILED; the whole output is in $log"
  return 1
}

# What CMakePresets.json takes from the environment, as scripts/setup found it.
load_environment() {
  # shellcheck disable=SC1091
  . "$root/build/environment"
}

# Configures a preset and builds targets (none named: all).
build() {  # PRESET TARGET...
  local preset=$1
  shift
  (cd "$root" && run "configuring $preset" "configure-$preset" cmake --preset "$preset") || return 1
  run "building $preset" "build-$preset" cmake --build "$root/build/$preset" ${1:+--target "$@"}
}
