#!/usr/bin/env bash
#
# Acts inside one router of a lab: lab.sh runs it with `ip netns exec` and
# `unshare --uts`, so that the network is the router's and mounts and hostname are
# its own, gone with the last process that lives in them.
#
#   router.sh LAB ROUTER start            start every daemon and load the configuration
#   router.sh LAB ROUTER daemon NAME      start one daemon and load its configuration
#   router.sh LAB ROUTER vtysh ARG...     run vtysh
#
# FRR's root file system is shared by all labs and mounted read-only; a router has
# its own /run, /etc/frr, /tmp and /var/{lib,log,tmp}, all directories of the lab on the host:
# that is how FRR's sockets can be reached from outside.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=common.sh
. "$here/common.sh"

lab=$1 router=$2 action=$3
shift 3
own=$LAB_RUN/$lab/$router
root=$own/root

# Makes the router's view of the root file system at $root. Everything is bound
# from the host's directories, so that each call of this script sees the same.
mount_root() {
    local from
    from=$(cat "$own/frr-root")
    mount --bind "$from" "$root"
    mount -o remount,bind,ro "$root"
    mount --bind "$own/etc" "$root/etc/frr"
    mount --bind "$own/var" "$root/var/lib"
    mount --bind "$own/log" "$root/var/log"
    mount --bind "$own/tmp" "$root/var/tmp"
    mount --bind "$own/tmp" "$root/tmp"
    mount --bind "$own/run" "$root/run"
    if [ -f "$own/grpc-dir" ]; then
        mount --bind "$(cat "$own/grpc-dir")" "$root/run/grpc"
        mount -o remount,bind,ro "$root/run/grpc"
    fi
    mount --rbind /dev "$root/dev"
    mount --bind /proc "$root/proc"
    mount --bind /sys "$root/sys"
}

# Does somebody listen on TCP port $1 of this router? Nobody needs to where none is given.
listens() { [ -z "$1" ] || (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Starts FRR's daemon $1; it goes to the background by itself once it listens.
start_daemon() {
    local daemon=$1 extra=() environment=() port=
    # What a killed daemon left would look like the new one's.
    rm -f "$own/run/frr/$daemon.vty"
    if [ -f "$own/args/$daemon" ]; then read -ra extra <"$own/args/$daemon"; fi
    if [ -f "$own/grpc/$daemon" ]; then
        port=$(cat "$own/grpc/$daemon")
        environment=(env LD_LIBRARY_PATH=/run/grpc)
        extra+=(-M "/run/grpc/grpc.so:$port")
    fi
    chroot "$root" "${environment[@]}" "/usr/lib/frr/$daemon" -d -F "$(cat "$own/profile")" \
        --log "file:/var/log/$daemon.log" "${extra[@]}" \
        </dev/null >>"$own/log/$daemon.out" 2>&1 || {
        say "$router: $daemon did not start:"
        tail -n 20 "$own/log/$daemon.out" "$own/log/$daemon.log" >&2 || true
        return 1
    }
    local try
    for try in {1..100}; do
        if [ -S "$own/run/frr/$daemon.vty" ] && listens "$port"; then return 0; fi
        [ "$try" -lt 10 ] || sleep 0.1
    done
    say "$router: $daemon runs but has made no socket $own/run/frr/$daemon.vty${port:+, or does not listen on port $port}"
    return 1
}

# vtysh writes its history to the home directory.
vtysh() { HOME=/tmp chroot "$root" vtysh "$@"; }

# Loads the start-up configuration, if there is one; with $1, only that daemon's part.
load() {
    [ -f "$own/etc/frr.conf" ] || return 0
    vtysh -b ${1:+-d "$1"} </dev/null >"$own/log/vtysh.out" 2>&1 || {
        say "$router: the start-up configuration was refused:"
        cat "$own/log/vtysh.out" >&2
        return 1
    }
}

start_bird() {
    bird -c "$own/etc/bird.conf" -s "$own/run/bird.ctl" -P "$own/run/bird.pid" \
        </dev/null >>"$own/log/bird.out" 2>&1 || {
        say "$router: BIRD did not start:"
        cat "$own/log/bird.out" >&2
        return 1
    }
}

if [ "$router" = bird ]; then
    [ "$action" != vtysh ] || die "'$router' runs BIRD: use 'lab.sh birdc'"
    start_bird
    exit
fi

# FRR shows and announces it; the machine's own name would make each run differ.
echo "$router" >/proc/sys/kernel/hostname
mount_root
case $action in
start)
    for daemon in "${FRR_FIRST[@]}"; do start_daemon "$daemon"; done
    children=()
    for daemon in "${FRR_REST[@]}"; do
        start_daemon "$daemon" &
        children+=($!)
    done
    for child in "${children[@]}"; do wait "$child"; done
    load
    ;;
daemon)
    start_daemon "$1"
    load "$1"
    ;;
vtysh) vtysh "$@" ;;
*) die "unknown action '$action'" ;;
esac
