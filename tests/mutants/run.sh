#!/usr/bin/env bash
#
# Faults of the past, each as a patch: what found it then has to find it after every redesign. Applies each to a copy of the
# committed tree, builds it there, and demands that every test that the patch names fails. Without arguments all of them:
#
#   tests/mutants/run.sh [c09.patch ...]
#
# Tests of "lib" are the agent's own; others are those of the test binary of that name, which need what `make setup` installs.

set -euo pipefail
root=$(cd "$(dirname -- "$0")/../.." && pwd)
cd "$root"
work=${NOVAROUTE_MUTANTS:-$root/target/mutants}
tree=$work/tree
mkdir -p "$work"
# The copy is inside of a repository, which git must not take it for.
export GIT_CEILING_DIRECTORIES=$work
export CARGO_TARGET_DIR=$work/target NOVAROUTE_DISK_HISTORIES=5000

if [ $# -eq 0 ]; then
	set -- "$root"/tests/mutants/*.patch
fi

rm -rf "$tree"
mkdir "$tree"
git archive HEAD | tar -x -C "$tree"

failed=0
for patch in "$@"; do
	patch=$root/tests/mutants/$(basename -- "$patch")
	name=$(basename -- "$patch" .patch)
	(cd "$tree" && git apply -p1 "$patch")
	while read -r binary test; do
		case $binary in
		lib) which=(--lib) ;;
		*) which=(--test "$binary") ;;
		esac
		(cd "$tree" && cargo test --quiet --features failpoints "${which[@]}" --no-run)
		log=$work/$name.log
		if (cd "$tree" && cargo test --features failpoints "${which[@]}" -- --exact "$test") >"$log" 2>&1; then
			echo "$name: $test passes, and should fail"
			failed=1
		elif grep -q "^test $test \.\.\. FAILED" "$log"; then
			echo "$name: found by $test"
		else
			echo "$name: $test did not run; see $log"
			failed=1
		fi
	done < <(sed -n 's/^Test: //p' "$patch")
	(cd "$tree" && git apply -R -p1 "$patch")
done
exit $failed
