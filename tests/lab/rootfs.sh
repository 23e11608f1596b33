#!/usr/bin/env bash
#
# Owns the root file system that the lab's FRR runs in: Debian's own frr package,
# built once with debootstrap and cached, or any other that $FRR_ROOT names.
#
#   rootfs.sh          build the cached root if it is missing; check $FRR_ROOT if set
#   rootfs.sh check    build nothing; fail unless the root in use will do
#
# An interrupted build is never taken for a whole one: it happens under another
# name, in a mount namespace of its own, and is renamed when all is there.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=common.sh
. "$here/common.sh"

# Fails with a reason unless directory $1 holds an FRR that the lab can run.
check_root() {
    local root=$1 daemon version
    [ -d "$root" ] || die "no root file system at $root: run 'make setup'"
    for daemon in "${FRR_FIRST[@]}" "${FRR_REST[@]}"; do
        [ -x "$root/usr/lib/frr/$daemon" ] ||
            die "$root has no usr/lib/frr/$daemon: FRR_ROOT must name a root file system with FRR >= $FRR_MINIMUM and its daemons"
    done
    [ -x "$root/usr/bin/vtysh" ] || die "$root has no usr/bin/vtysh: install FRR's vtysh there"
    [ -d "$root/usr/share/yang" ] || die "$root has no usr/share/yang: FRR's YANG models are missing there"
    grep -q '^frr:' "$root/etc/passwd" || die "$root has no user 'frr' in etc/passwd"
    version=$(chroot "$root" /usr/lib/frr/mgmtd --version </dev/null 2>/dev/null |
        sed -n '1s/^.*version \([0-9][0-9.]*\).*$/\1/p') || true
    [ -n "$version" ] || die "mgmtd in $root does not run or does not tell its version: try 'chroot $root /usr/lib/frr/mgmtd --version'"
    [ "$(printf '%s\n' "$FRR_MINIMUM" "$version" | sort -V | head -n1)" = "$FRR_MINIMUM" ] ||
        die "$root has FRR $version, NovaRoute needs >= $FRR_MINIMUM"
    say "FRR $version in $root"
}

# The mirror of the Debian archive that this machine's apt uses. apt parses its
# own sources, whatever their format, and knows each archive by its label.
mirror() {
    if [ -n "${NOVAROUTE_LAB_MIRROR:-}" ]; then
        printf '%s\n' "$NOVAROUTE_LAB_MIRROR"
        return
    fi
    # shellcheck disable=SC2016 # $(…) is apt's syntax, not the shell's
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" { sub("/$", "", $2); print $2; exit }'
}

# The packages that were downloaded and their lists: of no use in a lab.
slim() {
    rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/usr/share/doc/* \
        "$1"/usr/share/man/* "$1"/usr/share/locale/* "$1"/var/log/*.log
}

# Builds the root at $1. Runs in a mount namespace of its own.
build() {
    local root=$1 from include=frr-pythontools proxy work script=() date=()
    from=$(mirror)
    if [ -z "$from" ]; then
        say "finding the Debian mirror: apt-get update"
        apt-get update -qq
        from=$(mirror)
    fi
    [ -n "$from" ] || die "no Debian archive in apt's sources: add one, or set NOVAROUTE_LAB_MIRROR to a mirror's address"
    case $from in https:*) include=$include,ca-certificates ;; esac
    # debootstrap downloads with wget, which does not know apt's proxy.
    proxy=$(apt-config shell P Acquire::http::Proxy | sed -n "s/^P='\(.*\)'$/\1/p")
    if [ -n "$proxy" ] && [ -z "${http_proxy:-}" ]; then export http_proxy=$proxy; fi

    # A release newer than this machine's debootstrap is built as "sid" is. The archive's list of a release that
    # still moves may be past its date where a mirror is not fresh; its signature is checked all the same.
    if [ ! -e "/usr/share/debootstrap/scripts/$FRR_RELEASE" ]; then script=(/usr/share/debootstrap/scripts/sid); fi
    if [ "$FRR_RELEASE" != trixie ]; then date=(-o Acquire::Check-Valid-Until=false); fi

    work=$(mktemp -d "$LAB_CACHE/.building-XXXXXX")
    chmod 755 "$work"
    say "debootstrap $FRR_RELEASE with FRR (about a minute, once)"
    if ! debootstrap --variant=minbase "$FRR_RELEASE" "$work" "$from" "${script[@]}" >"$work.log" 2>&1; then
        tail -n 20 "$work.log" >&2
        die "debootstrap $FRR_RELEASE from $from failed, the whole log is $work.log"
    fi
    # Installing a package starts its daemon; here it must not.
    printf '#!/bin/sh\nexit 101\n' >"$work/usr/sbin/policy-rc.d"
    chmod 755 "$work/usr/sbin/policy-rc.d"
    if ! install_frr "$work" "frr,$include" >>"$work.log" 2>&1; then
        tail -n 20 "$work.log" >&2
        die "installing frr in the root file system failed, the whole log is $work.log"
    fi
    slim "$work"
    check_root "$work" >&2
    mv -T "$work" "$root"
    rm -f "$work.log"
}

# Installs the packages $2 (comma-separated) in the root $1.
install_frr() {
    local root=$1 packages
    IFS=, read -ra packages <<<"$2"
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    chroot "$root" apt-get "${date[@]}" update -q </dev/null &&
        chroot "$root" apt-get "${date[@]}" install -q -y --no-install-recommends "${packages[@]}" </dev/null
}

root=$(frr_root)
if [ "${1:-}" = check ] || [ -n "${FRR_ROOT:-}" ]; then
    check_root "$root"
    exit
fi
[ ! -d "$root" ] || exit 0

need_root "building FRR's root file system" "uses debootstrap and chroot"
mkdir -p "$LAB_CACHE"
if [ "${1:-}" = in-namespace ]; then
    build "$root"
    exit
fi
exec 9>"$LAB_CACHE/.lock"
flock -n 9 || { say "another build of FRR's root file system is under way, waiting for it" && flock 9; }
[ ! -d "$root" ] || exit 0
# What an interrupted build left: its mounts went with its namespace.
rm -rf --one-file-system "$LAB_CACHE"/.building-*
# The child inherits the lock: it is held for as long as anybody builds.
unshare --mount --propagation private -- "$0" in-namespace
