#!/bin/sh
#
# Assembles the root file system of the agent's image: the three programs, the libraries that they
# need, FRR's YANG models, a user. No shell, no package manager. Dockerfile uses it, and so does the test
# that runs the pod (tests/frr_pod): both have the same by construction.
#
#   rootfs.sh ROOT BINARIES YANG    new directory, directory of the programs, directory of the models
#
# In the environment: FRR_UID, FRR_GID, FRRVTY_GID. They are the numbers of FRR's image: mgmtd lets only
# its own user connect (mode 0700), the other daemons the group frrvty (0770).

set -eu
root=$1 binaries=$2 yang=$3
: "${FRR_UID:=100}" "${FRR_GID:=101}" "${FRRVTY_GID:=102}"
programs="novaroute-agent novaroutectl novaroute-northbound"

mkdir -p "$root/usr/local/bin" "$root/usr/share/yang" "$root/etc/novaroute" "$root/etc/novaroute-tokens" \
    "$root/run/novaroute" "$root/run/frr" "$root/dev" "$root/proc" "$root/sys" "$root/tmp"
chmod 1777 "$root/tmp"
chown "$FRR_UID:$FRR_GID" "$root/run/novaroute"

cat >"$root/etc/passwd" <<ACCOUNTS
root:x:0:0:root:/:/nonexistent
frr:x:$FRR_UID:$FRR_GID:frr:/nonexistent:/nonexistent
ACCOUNTS
cat >"$root/etc/group" <<ACCOUNTS
root:x:0:
frr:x:$FRR_GID:
frrvty:x:$FRRVTY_GID:frr
ACCOUNTS

for program in $programs; do
    install -m 0755 "$binaries/$program" "$root/usr/local/bin/"
    # What the program is linked to, by the paths at which the loader finds it.
    ldd "$binaries/$program" | sed -n 's/^.*=> \(\/[^ ]*\) .*$/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*$/\1/p'
done | sort -u | while read -r library; do
    mkdir -p "$root${library%/*}"
    cp -L "$library" "$root$library"
done
cp "$yang"/*.yang "$root/usr/share/yang/"
