#!/usr/bin/env bash
#
# Faults of the past, each as a patch: what found it then has to find it after every redesign. In a copy of the committed tree
# every test that a patch names has to pass; then each patch is applied, and they have to fail. Where a patch says "Simulation:"
# the simulation has to find it as well, without FRR: the seed and the step are printed. Without patches all of them:
#
#   tests/mutants/run.sh [--simulation] [c09.patch ...]
#
# --simulation: it alone, which needs neither root nor what `make setup` installs. Tests of "lib" are the agent's own; others are
# those of the test binary of that name. NOVAROUTE_SIMULATION_SEEDS and NOVAROUTE_SIMULATION_STEPS say how long it looks.

set -euo pipefail
root=$(cd "$(dirname -- "$0")/../.." && pwd)
cd "$root"
work=${NOVAROUTE_MUTANTS:-$root/target/mutants}
tree=$work/tree
mkdir -p "$work"
# The copy is inside of a repository, which git must not take it for.
export GIT_CEILING_DIRECTORIES=$work
export CARGO_TARGET_DIR=$work/target NOVAROUTE_DISK_HISTORIES=5000
export NOVAROUTE_SIMULATION_SEEDS=${NOVAROUTE_SIMULATION_SEEDS:-300} NOVAROUTE_SIMULATION_SHRINK=0

only=
if [ "${1-}" = --simulation ]; then
	only=yes
	shift
fi
if [ $# -eq 0 ]; then
	set -- "$root"/tests/mutants/*.patch
fi
patches=()
for patch in "$@"; do
	patches+=("$root/tests/mutants/$(basename -- "$patch")")
done

rm -rf "$tree"
mkdir "$tree"
git archive HEAD | tar -x -C "$tree"

# Runs a test of the copy: passes, fails, or does not run.
run() {
	local binary=$1 test=$2 log=$3 which
	case $binary in
	lib) which=(--lib) ;;
	*) which=(--test "$binary") ;;
	esac
	(cd "$tree" && cargo test --quiet --features failpoints "${which[@]}" --no-run)
	if (cd "$tree" && cargo test --features failpoints "${which[@]}" -- --exact "$test" --nocapture) >"$log" 2>&1 </dev/null; then
		grep -q "^test result: ok. 1 passed" "$log" && echo passes || echo "does not run"
	elif grep -q "^    $test\$" "$log"; then
		echo fails
	else
		echo "does not run"
	fi
}

# The tests that a patch names, and the simulation.
tests_of() {
	if [ -z "$only" ]; then
		sed -n 's/^Test: //p' "$1"
	fi
	if grep -q '^Simulation: ' "$1"; then
		echo "simulation whatever_happens_what_was_answered_holds"
	fi
}

failed=0
while read -r binary test; do
	result=$(run "$binary" "$test" "$work/without.log")
	if [ "$result" != passes ]; then
		echo "without any patch $test $result; see $work/without.log"
		exit 1
	fi
done < <(for patch in "${patches[@]}"; do tests_of "$patch"; done | sort -u)

for patch in "${patches[@]}"; do
	name=$(basename -- "$patch" .patch)
	(cd "$tree" && git apply -p1 "$patch")
	while read -r binary test; do
		log=$work/$name.log
		result=$(run "$binary" "$test" "$log")
		if [ "$result" != fails ]; then
			echo "$name: $test $result, and should fail; see $log"
			failed=1
		elif [ "$binary" = simulation ]; then
			echo "$name: found by the simulation, $(grep -m1 -o "^NOVAROUTE_SIMULATION_SEED=[0-9]*: .*" "$log")"
		else
			echo "$name: found by $test"
		fi
	done < <(tests_of "$patch")
	(cd "$tree" && git apply -R -p1 "$patch")
done
exit $failed
