#!/usr/bin/env bash
#
# Makes a bare Debian 12 or 13 ready to build and test NovaRoute: installs with apt what
# is lacking, then has rootfs.sh build the cached FRR, gobgpd.sh fetch GoBGP and venv.sh make the
# Python client's environment. Says and does nothing when all
# is there, so everything may call it first.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=common.sh
. "$here/common.sh"

PACKAGES=(
    # to build: libyang is compiled from source, and needs these
    cmake gcc libc6-dev libpcre2-dev make
    # to build FRR's root file system
    debootstrap gpgv debian-archive-keyring mount
    # to run labs
    iproute2 bird2 curl ca-certificates jq procps util-linux systemd
    # to run the Python client of the tests
    python3 python3-venv
    # to check scripts (make lint)
    shellcheck
)

# Prints those of the packages given that are not installed.
lacking() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

# Installs the packages given. What starts a daemon on installation (BIRD) may not: the
# lab runs its own, and this machine's routing is no business of ours.
install_packages() {
    local policy=/usr/sbin/policy-rc.d log
    log=$(mktemp)
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        # shellcheck disable=SC2064 # the value of now
        trap "rm -f '$policy'" EXIT
    fi
    say "installing with apt: $*"
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; } \
        </dev/null >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt could not install these packages, the whole log is $log; put that right and run 'make setup' again"
    fi
    rm -f "$log"
    if [[ " $* " = *" bird2 "* ]] && [ -d /run/systemd/system ]; then
        systemctl disable --quiet bird.service || true
    fi
}

command -v apt-get >/dev/null || die "this machine has no apt-get: NovaRoute's lab needs Debian 12 or 13"
mapfile -t missing < <(lacking "${PACKAGES[@]}")
if [ "${#missing[@]}" -gt 0 ]; then
    need_root "make setup" "installs packages (${missing[*]})"
    install_packages "${missing[@]}"
fi
"$here/rootfs.sh"
"$here/gobgpd.sh" >/dev/null
"$here/../python/venv.sh" >/dev/null
"$here/../deploy/tools.sh" >/dev/null
