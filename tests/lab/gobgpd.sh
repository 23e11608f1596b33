#!/usr/bin/env bash
#
# Prints the path of a gobgpd, beside which its shell `gobgp` is: the machine's own, or Debian's package
# unpacked (not installed) beside the lab's other caches. Fails with a reason where there is none to be had.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=common.sh
. "$here/common.sh"

if command -v gobgpd; then exit; fi
cached=$LAB_CACHE/gobgpd-$(uname -m)
if [ ! -x "$cached/usr/bin/gobgpd" ]; then
    mkdir -p "$LAB_CACHE"
    exec 9>"$LAB_CACHE/.gobgpd.lock"
    flock 9
fi
if [ ! -x "$cached/usr/bin/gobgpd" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && timeout 60 apt-get download -qq gobgpd >&2) || die "no package gobgpd to be had"
    mkdir -p "$work/root"
    dpkg -x "$work"/gobgpd_*.deb "$work/root"
    # Whole, or not there.
    rm -rf "$cached"
    mv "$work/root" "$cached"
fi
printf '%s\n' "$cached/usr/bin/gobgpd"
