#!/usr/bin/env bash
#
# Runs one test binary many times and says how often each test failed: a test is steady when it never does, on an idle machine
# and on a busy one.
#
#   repeat.sh BINARY TIMES     for example frr_agent 50
#
# LOAD=1 in the environment: every second run is beside a load on every core. The output of what failed is kept, and
# its place is printed. Exits with 1 where anything failed.

set -euo pipefail
binary=${1:?"which test binary?"} times=${2:?"how often?"}
cd "$(dirname -- "$0")/.."
command -v cargo-nextest >/dev/null || {
    echo "cargo-nextest is not installed (cargo install cargo-nextest)" >&2
    exit 1
}
out=$(mktemp -d)
load=()
stop_load() {
    [ "${#load[@]}" -eq 0 ] || kill "${load[@]}" 2>/dev/null || true
    load=()
}
trap stop_load EXIT
# Not among the runs.
cargo nextest run --features failpoints --test "$binary" --no-run

failed=0
for ((run = 1; run <= times; run++)); do
    beside=''
    if [ -n "${LOAD:-}" ] && ((run % 2 == 0)); then
        beside=', beside a load'
        for ((core = 0; core < $(nproc); core++)); do
            (while :; do :; done) &
            load+=($!)
        done
    fi
    begun=$SECONDS
    if cargo nextest run --features failpoints --test "$binary" >"$out/$run.log" 2>&1; then
        echo "run $run of $times$beside: passed in $((SECONDS - begun)) s"
        rm "$out/$run.log"
    else
        failed=$((failed + 1))
        echo "run $run of $times$beside: FAILED in $((SECONDS - begun)) s: $out/$run.log"
    fi
    stop_load
done
if [ "$failed" -eq 0 ]; then
    rmdir "$out"
    echo "$binary: $times runs, none failed"
    exit 0
fi
echo "$binary: $failed of $times runs failed; how often each test:"
# nextest says it of each twice: as it fails, and in its summary.
for log in "$out"/*.log; do
    sed 's/\x1b\[[0-9;]*m//g' "$log" | awk '/^ *(FAIL|TIMEOUT|SIGABRT|LEAK-FAIL) / { print $1, $NF }' | sort -u
done | sort | uniq -c | sort -rn
exit 1
