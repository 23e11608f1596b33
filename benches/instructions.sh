#!/usr/bin/env bash
# Instructions of the pure parts at 1,000 prefixes, counted by callgrind: the same at any load, for one toolchain.
#
#   instructions.sh              count, and compare with benches/instructions.txt
#   instructions.sh --write      count, and take the result as what later runs are compared with
#   instructions.sh --binary B   … of a benchmark that is built already, such as another commit's
#
# Each part runs twice, once and 1 + $MORE times: the difference is what it takes without its preparation. Exit code 1: a
# part takes over $PERCENT % more than is written; 2: it cannot be counted.
set -euo pipefail
cd "$(dirname "$0")/.."

KEPT=benches/instructions.txt
PERCENT=3
MORE=4
PARTS=(render_all diff_of_one_prefix three_way_of_one_prefix lines_of_a_tree
  parse_running_configuration steps_of_all yang_validation journal_append)

die() {
  echo "instructions.sh: $*" >&2
  exit 2
}

write=
binary=
while (($#)); do
  case $1 in
    --write) write=yes ;;
    --binary)
      binary=${2:-}
      shift
      ;;
    *) die "no such option: $1" ;;
  esac
  shift
done
command -v valgrind >/dev/null || die "valgrind is not installed: apt-get install valgrind"
if [ -z "$binary" ]; then
  binary=$(cargo bench --bench pure --no-run --message-format json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*\/pure-[^"]*\)".*/\1/p' | tail -n 1)
fi
[ -x "$binary" ] || die "the benchmark 'pure' is not built"

# count PART ITERATIONS: instructions of a whole run
count() {
  local said
  said=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    "$binary" --bench "$1.*1000$" --sample-count 1 --sample-size "$2" 2>&1) || die "$1: $said"
  said=$(sed -n 's/^==.*Collected : //p' <<<"$said")
  [ -n "$said" ] || die "$1: callgrind said nothing"
  echo "$said"
}

toolchain=$(rustc --version)
kept() { [ ! -f "$KEPT" ] || sed -n "s/^$1 //p" "$KEPT"; }
comparable=
if [ -z "$write" ] && [ "$(kept toolchain)" = "$toolchain" ]; then
  comparable=yes
elif [ -z "$write" ]; then
  echo "not compared: $KEPT is of \"$(kept toolchain)\", this is \"$toolchain\"" >&2
fi

code=0
result="toolchain $toolchain"
printf '%-30s %14s %14s %8s\n' part instructions before change
for part in "${PARTS[@]}"; do
  once=$(count "$part" 1)
  more=$(count "$part" $((1 + MORE)))
  each=$(((more - once) / MORE))
  result+=$'\n'"$part $each"
  before=$(kept "$part")
  change=
  if [ -n "$comparable" ] && [ -n "$before" ]; then
    change=$(awk "BEGIN { printf \"%+.1f %%\", 100 * ($each - $before) / $before }")
    if ((each * 100 > before * (100 + PERCENT))); then
      change+=" too many"
      code=1
    fi
  fi
  printf '%-30s %14d %14s %8s\n' "$part" "$each" "${before:--}" "${change:--}"
done
if [ -n "$write" ]; then
  echo "$result" >"$KEPT"
fi
exit "$code"
