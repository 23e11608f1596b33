#!/usr/bin/env bash
#
# Checks every shell script of the repository with shellcheck: what is called *.sh, or begins as a script of sh or bash
# does. Fails where shellcheck is missing.

set -euo pipefail
cd "$(dirname -- "$0")/.."
command -v shellcheck >/dev/null || {
    echo "shellcheck is not installed: 'make setup' installs it" >&2
    exit 1
}

# What Git knows, whoever owns the checkout (nothing of it is executed); without Git, all but what was built.
list() {
    git -c safe.directory='*' ls-files -z 2>/dev/null ||
        find . -name target -prune -o -name .git -prune -o -type f -printf '%P\0'
}
files=()
while IFS= read -r -d '' file; do
    [ ! -f "$file" ] || files+=("$file")
done < <(list)
mapfile -t scripts < <(LC_ALL=C awk '
    FNR == 1 && (FILENAME ~ /\.sh$/ || /^#! *(\/usr)?\/bin\/(env +)?(ba|da)?sh( |$)/) { print FILENAME }
    { nextfile }' "${files[@]}")
[ "${#scripts[@]}" -gt 0 ] || {
    echo "no scripts were found" >&2
    exit 1
}
echo "shellcheck: ${#scripts[@]} scripts"
shellcheck -- "${scripts[@]}"
