#!/usr/bin/env bash
#
# Prints the Python of a virtual environment that has requirements.txt, and builds it
# beside the lab's FRR where it is not there yet (half a minute, needs the network). Says
# and does nothing else when all is there, so everything may call it first.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=../lab/common.sh
. "$here/../lab/common.sh"

requirements=$here/requirements.txt
# Other requirements or another Python are another environment.
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') ||
    die "python3 is not installed: 'make setup' installs it"
name=python-$version-$(sha256sum "$requirements" | cut -c1-12)
venv=$LAB_CACHE/$name

if [ ! -e "$venv/complete" ]; then
    mkdir -p "$LAB_CACHE"
    exec 9>"$LAB_CACHE/.$name.lock"
    flock 9
fi
if [ ! -e "$venv/complete" ]; then
    say "building the Python environment of the tests: $venv"
    log=$(mktemp)
    rm -rf -- "$venv"
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check \
        -r "$requirements"; } </dev/null >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "it could not be built, the whole log is $log; 'make setup' installs what it needs"
    fi
    rm -f "$log"
    touch "$venv/complete"
fi
printf '%s\n' "$venv/bin/python"
