#!/usr/bin/env python3
"""What a lane came to, as JSON: versions, and how each test ended, by groups.

    lane.py JUNIT ROOT RELEASE GOBGPD [BEFORE]

JUNIT is nextest's report, ROOT the root file system of the FRR that was used. A group is a test binary;
in `frr_peers` it is a module, which is named for the peer. BEFORE is the JSON of a whole lane, in which
the tests of this run take the place of what they were: of the same versions only.
"""

import datetime
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as xml


def run(*command):
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip()


def number(text):
    return re.search(r"[0-9]+(\.[0-9]+)+", text)[0]


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "passed"


def groups(report, into):
    for suite in xml.parse(report).getroot().iter("testsuite"):
        binary = suite.get("name").split("::")[-1]
        for case in suite.iter("testcase"):
            name = case.get("name")
            group = f"{binary}::{name.split('::')[0]}" if binary == "frr_peers" else binary
            into.setdefault(group, {})[name] = outcome(case)
    return into


def main():
    junit, root, release, gobgpd = sys.argv[1:5]
    package = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f=${Version}", "frr"]
    frr = run("chroot", root, "/usr/lib/frr/mgmtd", "--version").splitlines()[0]
    versions = {
        "release": release,
        "frr": number(frr),
        "package": run(*package),
        "bird": number(run("bird", "--version")),
        "gobgp": number(run(gobgpd, "--version")),
    }
    before = {}
    if len(sys.argv) > 5:
        with open(sys.argv[5]) as file:
            before = json.load(file)
        other = [key for key in versions if before[key] != versions[key]]
        if other:
            sys.exit(f"lane.py: {', '.join(other)} changed since the whole lane was run: run all of it")
    now = datetime.datetime.now(datetime.timezone.utc)
    print(json.dumps({
        "date": now.date().isoformat(),
        **versions,
        "groups": groups(junit, before.get("groups", {})),
    }, indent=2, sort_keys=True))


main()
