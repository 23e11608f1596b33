#!/usr/bin/env python3
"""Runs one container of a pod as the kubelet and a container runtime would: as a process.

    container.py POD.json NAME STATE.json

POD.json is the pod's spec as it was rendered. STATE.json says where things are that a cluster
has and a lab has not: the layers of images (the uppermost first) with their entrypoint, command and
user, directories by volume, values of the downward API by path.

To be run as root in the network namespace of the pod's node, with mount, PID and UTS namespaces of
its own (`unshare --mount --pid --fork --uts --propagation private`). A field of the
container that is not carried out here is an error: what passes is what the manifest says.
"""

import ctypes
import json
import os
import re
import subprocess
import sys

# Carried out by the test itself, or without meaning for a process on one machine.
ELSEWHERE = {
    "imagePullPolicy", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports",
    "resources", "terminationMessagePolicy", "terminationMessagePath",
}

CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
    "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME "
    "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG "
    "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()

# What a container runtime gives where a manifest does not drop it.
DEFAULT_CAPABILITIES = {
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
    "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
}

PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24


def die(why):
    sys.exit(f"container.py: {why}")


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def take(mapping, what, known):
    """Fails where a mapping of the manifest has a key that is not among the known ones."""
    unknown = set(mapping) - set(known)
    if unknown:
        die(f"{what} has {', '.join(sorted(unknown))}, which is not carried out here")
    return mapping


class Container:
    def __init__(self, pod, name, state):
        both = pod.get("initContainers", []) + pod["containers"]
        self.spec = next((c for c in both if c["name"] == name), None) or die(f"no container {name}")
        take(self.spec, name, ELSEWHERE | {
            "name", "image", "command", "args", "env", "securityContext", "volumeMounts", "workingDir"})
        self.image = state["images"][self.spec["image"]]
        self.volumes = {v["name"]: state["volumes"][v["name"]] for v in pod["volumes"]}
        self.downward = state["downward"]
        shared = take(pod.get("securityContext", {}), "the pod's securityContext", {
            "fsGroup", "fsGroupChangePolicy", "runAsUser", "runAsGroup", "runAsNonRoot",
            "supplementalGroups", "seccompProfile"})
        own = take(self.spec.get("securityContext", {}), f"{name}'s securityContext", {
            "allowPrivilegeEscalation", "capabilities", "privileged", "readOnlyRootFilesystem",
            "runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile"})
        self.security = {**shared, **own}

    def identity(self):
        """User, group and further groups; the kubelet's refusal of root where it was forbidden."""
        user = self.security.get("runAsUser", self.image["user"])
        group = self.security.get("runAsGroup", self.image["group"])
        if self.security.get("runAsNonRoot") and user == 0:
            die("runAsNonRoot, and the user is root")
        groups = set(self.security.get("supplementalGroups", []))
        if "fsGroup" in self.security:
            groups.add(self.security["fsGroup"])
        if user == self.image["user"]:
            groups |= set(self.image["groups"])
        return user, group, sorted(groups)

    def capabilities(self):
        if self.security.get("privileged"):
            die("privileged")
        change = self.security.get("capabilities", {})
        kept = set(DEFAULT_CAPABILITIES)
        for name in change.get("drop", []):
            kept = set() if name == "ALL" else kept - {name}
        return kept | set(change.get("add", []))

    def environment(self):
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
        for entry in self.spec.get("env", []):
            if "value" in entry:
                env[entry["name"]] = expand(entry["value"], env)
            else:
                source = take(entry["valueFrom"], entry["name"], {"fieldRef"})
                env[entry["name"]] = self.downward[source["fieldRef"]["fieldPath"]]
        return env

    def argv(self, env):
        command = self.spec.get("command")
        args = self.spec.get("args")
        if command is None:
            command = self.image["entrypoint"]
            args = self.image["command"] if args is None else args
        return [expand(word, env) for word in command + (args or [])]

    def assemble(self, root):
        """The root file system with everything that is mounted in it, at `root`."""
        if not self.security.get("readOnlyRootFilesystem"):
            die("a root file system that can be written is not carried out here")
        if len(self.image["layers"]) == 1:
            mount("--bind", self.image["layers"][0], root)
            mount("-o", "remount,bind,ro", root)
        else:
            mount("-t", "overlay", "overlay", "-o", "ro,lowerdir=" + ":".join(self.image["layers"]), root)
        for directory in ("dev", "sys"):
            mount("--rbind", f"/{directory}", f"{root}/{directory}")
        mount("-t", "proc", "proc", f"{root}/proc")
        for at in self.spec.get("volumeMounts", []):
            take(at, at["mountPath"], {"name", "mountPath", "readOnly", "subPath"})
            source = os.path.join(self.volumes[at["name"]], at.get("subPath", ""))
            target = root + at["mountPath"]
            if not os.path.exists(target):
                die(f"{at['mountPath']} is not in the image {self.spec['image']}")
            mount("--bind", source, target)
            if at.get("readOnly"):
                mount("-o", "remount,bind,ro", target)

    def run(self, root):
        user, group, groups = self.identity()
        kept = self.capabilities()
        env = self.environment()
        argv = self.argv(env)
        self.assemble(root)
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        os.chroot(root)
        os.chdir(self.spec.get("workingDir", "/"))
        # The bounding set: root gets no more than this by the exec below, others get nothing.
        last = int(open("/proc/sys/kernel/cap_last_cap").read())
        for number, name in enumerate(CAPABILITIES[: last + 1]):
            if name not in kept and prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
                die(f"dropping {name}: {os.strerror(ctypes.get_errno())}")
        os.setgroups(groups)
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        if self.security.get("allowPrivilegeEscalation") is False:
            if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
                die("no_new_privs")
        os.execvpe(argv[0], argv, env)


def expand(text, env):
    """Kubernetes' `$(NAME)`; a name that is not set stays as it is written."""
    return re.sub(r"\$\((\w+)\)", lambda m: env.get(m[1], m[0]), text)


def main():
    pod, name, state = sys.argv[1:]
    with open(pod) as file:
        pod = json.load(file)
    with open(state) as file:
        state = json.load(file)
    Container(pod, name, state).run(state["mountpoint"])


main()
