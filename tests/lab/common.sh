# shellcheck shell=bash
#
# What the lab's scripts share: where things are, and how to speak to the person
# who runs them. Sourced, never run. The addresses of the lab are in topology.sh.
#
# shellcheck disable=SC2034 # used by the scripts that source this one

# The root file systems built by rootfs.sh; they survive every lab.
# $NOVAROUTE_LAB_CACHE overrides the place.
LAB_CACHE="${NOVAROUTE_LAB_CACHE:-${XDG_CACHE_HOME:-/var/cache}/novaroute-lab}"

# One directory per running lab. Short, because the path of a Unix socket may be
# no longer than 107 bytes and FRR's sockets lie five levels below.
LAB_RUN="${NOVAROUTE_LAB_RUN:-/run/novaroute-lab}"

# The Debian release whose FRR the lab runs ($NOVAROUTE_LAB_RELEASE names another), and the
# number of the recipe in rootfs.sh: raise it when the recipe changes, so that caches are built anew.
FRR_RELEASE="${NOVAROUTE_LAB_RELEASE:-trixie}"
FRR_RECIPE=1

# The oldest FRR that NovaRoute supports.
FRR_MINIMUM=10.3

# The daemons of a router, in starting order: mgmtd and zebra first, the rest
# together.
FRR_FIRST=(mgmtd zebra)
FRR_REST=(staticd bgpd bfdd ospfd)

say() { printf '%s\n' "$*" >&2; }

die() {
    say "${0##*/}: $*"
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "$1 must run as root: it $2"
}

# The root file system whose FRR is to be used; $FRR_ROOT overrides the cached one.
frr_root() {
    if [ -n "${FRR_ROOT:-}" ]; then
        readlink -m -- "$FRR_ROOT"
    else
        printf '%s/%s-%s-%s\n' "$LAB_CACHE" "$FRR_RELEASE" "$(uname -m)" "$FRR_RECIPE"
    fi
}
