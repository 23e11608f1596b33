#!/usr/bin/env bash
#
# A lane: the real-FRR tests on the FRR of one Debian release, and their results in docs/lanes/RELEASE.json, of which
# `make docs` makes the table in docs/src/frr-versions.md.
#
#   lane.sh RELEASE            trixie, or a newer one
#   lane.sh RELEASE FILTER     only those tests (nextest's filter), into the results of a whole lane
#
# Where a newer release can't be had the lane is skipped, which is said, and the results stay as they are. Its root file
# system is cached: remove it to have the release as it is today. The tests of FRR's own gRPC module run on the lab's
# own release alone: elsewhere the module would have to be built from source for minutes.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
release=${1:?"which release?"}
usual=$(unset NOVAROUTE_LAB_RELEASE && . "$here/common.sh" && printf '%s\n' "$FRR_RELEASE")
export NOVAROUTE_LAB_RELEASE=$release
# shellcheck source=common.sh
. "$here/common.sh"

if ! FRR_ROOT='' "$here/rootfs.sh"; then
    [ "$release" != "$usual" ] || die "the lane of $release has to run"
    say "LANE SKIPPED: no root file system with FRR of Debian's $release; the reason is above"
    exit 0
fi
FRR_ROOT=$(FRR_ROOT='' frr_root)
export FRR_ROOT

# The test in which one FRR takes over from another begins with the usual one.
NOVAROUTE_LAB_OTHER_FRR=$LAB_CACHE/$usual-$(uname -m)-$FRR_RECIPE
export NOVAROUTE_LAB_OTHER_FRR

before=()
tests='binary(/^frr_/)'
[ "$release" = "$usual" ] || tests+=' - binary(/^frr_grpc/) - (binary(frr_transactions) & test(/^door::/))'
cd "$here/../.."
results=docs/lanes/$release.json
if [ $# -gt 1 ]; then
    [ -f "$results" ] || die "there is no whole lane of $release yet: run it without a filter"
    tests="($tests) & ($2)"
    before=("$results")
fi
target=${CARGO_TARGET_DIR:-target}
junit=$target/nextest/lane/junit.xml
rm -f "$junit"
code=0
cargo nextest run --profile lane --features failpoints --filterset "$tests" || code=$?
"$here/lab.sh" reap
[ -f "$junit" ] || die "the tests of the lane did not run"
python3 "$here/lane.py" "$junit" "$FRR_ROOT" "$release" "$("$here/gobgpd.sh")" "${before[@]}" >"$results.new"
mv "$results.new" "$results"
say "$results is written; 'make docs' puts it in the book"
exit "$code"
