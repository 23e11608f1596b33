#!/usr/bin/env bash
#
# Runs `novaroutectl validate` in the agent's image on files of the directory it is called in: what the action does, and
# what any CI with a container engine can do. By variables: FILES (separated by spaces), CONFIG, OWNER, YANG_DIR, REPORT,
# IMAGE, ENGINE (docker). Ends with the code of novaroutectl: 0 where all is right.

set -euo pipefail

: "${FILES:?is needed: files of intents, separated by spaces}"
engine=${ENGINE:-docker}
image=${IMAGE:-ghcr.io/azrtydxb/novaroute/novaroute-agent:latest}
read -r -a files <<<"$FILES"

options=(--owner "${OWNER:-admin}")
[ -z "${CONFIG:-}" ] || options+=(--config "$CONFIG")
[ -z "${YANG_DIR:-}" ] || options+=(--yang-dir "$YANG_DIR")

# It reads files and needs nothing else: no network, no capability, nothing to write to.
validate() {
    "$engine" run --rm --network none --read-only --cap-drop ALL --user "$(id -u):$(id -g)" \
        --volume "$PWD:/work:ro" --workdir /work --entrypoint /usr/local/bin/novaroutectl \
        "$image" validate "${options[@]}" "$@" -- "${files[@]}"
}

if [ -n "${REPORT:-}" ]; then
    # The report holds the mistakes; what fails is the run for people below.
    validate --report sarif >"$REPORT" || true
fi
validate
