#!/usr/bin/env bash
#
# Owns FRR's own gRPC module for the lab: Debian's frr packages have none, so it is
# built once from Debian's own source package of the very version in the root file
# system that the lab uses, and cached beside it: grpc.so and the libraries that the
# root lacks. The root itself stays as it is; lab.sh binds the directory where asked.
#
#   grpc.sh          build what is missing (minutes); print the directory
#   grpc.sh check    build nothing; print the directory, fail if it is not there
#
# The build happens in a copy of the root, in a mount namespace of its own, and is
# gone afterwards; an interrupted one is never taken for a whole one.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=common.sh
. "$here/common.sh"

# The number of the recipe below: raise it when the recipe changes.
GRPC_RECIPE=1

# Disk that a build takes: compilers, what FRR builds with, and FRR.
GRPC_BUILD_MIB=4000

# dpkg's words about the frr package in the root $1, in format $2.
frr_package() {
    # shellcheck disable=SC2016 # ${…} is dpkg's syntax, not the shell's
    chroot "$1" dpkg-query -W -f="$2" frr </dev/null 2>/dev/null ||
        die "$1 has no Debian package 'frr': its gRPC module cannot be built here; build grpc.so with your FRR, or unset FRR_ROOT"
}

# Runs a step of the build with its output in the log, and ends everything if it fails.
step() { # WHAT CMD ARG...
    local what=$1
    shift
    say "grpc.so: $what"
    # In a condition, a function would go on after a command that failed.
    "$@" </dev/null >>"$log" 2>&1 &
    if ! wait $!; then
        tail -n 25 "$log" >&2
        die "$what failed, the whole log is $log; put that right${hint:-} and run 'make setup-grpc' again"
    fi
}

# Runs a command of the build root, at low priority: other tests may be running.
inside() { nice -n 19 chroot "$work/root" env LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }

copy_root() {
    mkdir -p "$work/root"
    cp -a --one-file-system "$1/." "$work/root"
    printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d"
    chmod 755 "$work/root/usr/sbin/policy-rc.d"
    # The source packages are where the packages are.
    sed -n 's/^deb /deb-src /p' "$1/etc/apt/sources.list" >"$work/root/etc/apt/sources.list.d/source.list"
    sed 's/^Types:.*/Types: deb-src/' "$1"/etc/apt/sources.list.d/*.sources 2>/dev/null \
        >"$work/root/etc/apt/sources.list.d/source.sources" || true
    # The network of today, not that of the day on which the root was built.
    cp -L /etc/resolv.conf "$work/root/etc/resolv.conf"
    mount -t proc proc "$work/root/proc"
    mount --rbind /dev "$work/root/dev"
}

# No documentation, no recommended packages: nobody will install what is built here.
install_tools() {
    # A mirror may stand still; what comes from it is signed all the same.
    printf 'Acquire::Check-Valid-Until "false";\n' >"$work/root/etc/apt/apt.conf.d/99valid"
    inside apt-get update -q &&
        inside apt-get build-dep -q -y --no-install-recommends -P nodoc,nocheck "frr=$1" &&
        inside apt-get install -q -y --no-install-recommends libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc
}

get_source() {
    inside sh -ec "mkdir /build && cd /build && apt-get source -q --only-source frr=$1 && mv frr-*/ frr"
}

# As Debian does, and with gRPC. Today's protobuf needs C++17, FRR's configure says 11.
configure_frr() {
    inside sh -ec '
        cd /build/frr
        sed -i "s/dh_auto_configure --/& --enable-grpc/" debian/rules
        grep -q -e "--enable-grpc" debian/rules
        export DEB_BUILD_PROFILES="nodoc nocheck" DEB_BUILD_OPTIONS="nodoc nocheck"
        dh_autoreconf
        debian/rules override_dh_auto_configure
        sed -i "s/-std=gnu++11/-std=gnu++17/g" Makefile libtool config.status'
}

# Only the module and what it is linked with: libfrr is a third of FRR. What automake
# makes before all else has to be asked for, because `all` is not.
make_module() {
    # shellcheck disable=SC2016 # $(…) is make's syntax, not the shell's
    inside sh -ec '
        cd /build/frr
        printf "%s\n" "include Makefile" "lab-built: \$(BUILT_SOURCES)" >lab.mk
        make -f lab.mk -j2 lab-built
        make -j2 lib/grpc.la'
}

# The module and every library it needs that the pristine root $1 does not have.
collect() {
    local root=$1 build=$work/root/build/frr library
    mkdir "$work/out"
    cp "$build/lib/.libs/grpc.so" "$work/out/grpc.so"
    cp -L "$build"/grpc/.libs/libfrrgrpc_pb.so.0 "$work/out/"
    inside env LD_LIBRARY_PATH=/build/frr/grpc/.libs:/build/frr/lib/.libs \
        ldd /build/frr/lib/.libs/grpc.so >"$work/ldd"
    if grep 'not found' "$work/ldd"; then return 1; fi
    sed -n 's/^.* => \(\/[^ ]*\) .*$/\1/p' "$work/ldd" | while read -r library; do
        case $library in
        /build/* | */libfrr.so.*) continue ;;
        esac
        [ -e "$root/usr/${library#/usr/}" ] || [ -e "$root$library" ] ||
            cp -L "$work/root$library" "$work/out/"
    done
    strip --strip-unneeded "$work"/out/*.so* || true
    chmod -R a+rX "$work/out"
}

# Does a daemon of the pristine root $1 load it? It ends when it is to run.
prove() {
    mkdir "$work/proof"
    mount --bind "$1" "$work/proof"
    mount -o remount,bind,ro "$work/proof"
    mount --bind "$work/out" "$work/proof/mnt"
    mount -t tmpfs tmpfs "$work/proof/run"
    mkdir -m 777 "$work/proof/run/frr"
    mount -t proc proc "$work/proof/proc"
    chroot "$work/proof" env LD_LIBRARY_PATH=/mnt timeout 60 \
        /usr/lib/frr/bfdd -C --log stdout -M /mnt/grpc.so:1
}

# Gigabytes that nobody needs any more, whether the build came to its end or not. A
# mount that is still there (this is no place to follow one) stops it: the next build
# removes the rest.
clean() {
    umount -R "$work/root/dev" "$work/root/proc" 2>/dev/null || true
    umount -R "$work/proof" 2>/dev/null || true
    rm -rf --one-file-system "$work" || true
}

# Builds for the root $1 the directory $2. Runs in a mount namespace of its own.
build() {
    local root=$1 into=$2 version free
    # shellcheck disable=SC2016 # ${…} is dpkg's syntax, not the shell's
    version=$(frr_package "$root" '${source:Version}')
    free=$(df --output=avail -m "$LAB_CACHE" | tail -n1)
    [ "$free" -ge "$GRPC_BUILD_MIB" ] ||
        die "$LAB_CACHE has $free MiB free, the build takes $GRPC_BUILD_MIB: make room, or set NOVAROUTE_LAB_CACHE"
    work=$(mktemp -d "$LAB_CACHE/.grpc-building-XXXXXX")
    log=$work.log
    trap clean EXIT
    say "building FRR $version's gRPC module (some minutes, once); log: $log"
    step "copying the root file system" copy_root "$root"
    step "installing compilers and what FRR builds with" install_tools "$version"
    hint=" (has the archive a newer frr? then remove $root and run 'make setup')"
    step "downloading Debian's source package frr $version" get_source "$version"
    hint=
    step "configuring FRR" configure_frr
    step "compiling" make_module
    step "collecting the module and its libraries" collect "$root"
    step "loading it into bfdd" prove "$root"
    mv -T "$work/out" "$into"
    rm -f "$log"
}

root=$(frr_root)
"$here/rootfs.sh" check 2>/dev/null || "$here/rootfs.sh" check
# shellcheck disable=SC2016 # ${…} is dpkg's syntax, not the shell's
dir=$LAB_CACHE/grpc-$(frr_package "$root" '${Version}-${Architecture}')-$GRPC_RECIPE
if [ "${1:-}" = check ]; then
    [ -d "$dir" ] || die "no $dir: run 'make setup-grpc'"
fi
if [ ! -d "$dir" ]; then
    need_root "building FRR's gRPC module" "uses chroot"
    mkdir -p "$LAB_CACHE"
    if [ "${1:-}" = in-namespace ]; then
        build "$root" "$dir"
        exit
    fi
    exec 9>"$LAB_CACHE/.grpc.lock"
    flock -n 9 || { say "another build of FRR's gRPC module is under way, waiting for it" && flock 9; }
    if [ ! -d "$dir" ]; then
        # What an interrupted build left: its mounts went with its namespace.
        rm -rf --one-file-system "$LAB_CACHE"/.grpc-building-*
        # The child inherits the lock: it is held for as long as anybody builds.
        unshare --mount --propagation private -- "$0" in-namespace
    fi
fi
printf '%s\n' "$dir"
