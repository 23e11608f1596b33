#!/usr/bin/env python3
"""A client of frr.Northbound that knows nothing of NovaRoute but its proto file.

    northbound.py TARGET PROTO [--until-killed PID MS | --clean] VTYSH...

TARGET is a gRPC target, PROTO frr-northbound.proto, VTYSH a command that passes its last
argument to vtysh. Exits with 0 when all is as it should be; else the assertion tells.
With --until-killed it kills the server (PID) MS milliseconds after the first commit began;
with --clean it only looks whether a commit goes through and applies nothing but its own.
"""

import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_tools import protoc

target, proto, vtysh_command = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]

generated = tempfile.mkdtemp()
assert protoc.main(["protoc", f"-I{proto.parent}", f"--python_out={generated}",
                    f"--grpc_python_out={generated}", str(proto)]) == 0
sys.path.insert(0, generated)
module = proto.stem.replace("-", "_")
pb = importlib.import_module(f"{module}_pb2")
rpc = importlib.import_module(f"{module}_pb2_grpc")

channel = grpc.insecure_channel(target)
northbound = rpc.NorthboundStub(channel)
VALIDATE, ALL = pb.CommitRequest.VALIDATE, pb.CommitRequest.ALL

STATICD = ("/frr-routing:routing/control-plane-protocols/control-plane-protocol"
           "[type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd")
PREFIX_LIST = "/frr-filter:lib/prefix-list[type='ipv4'][name='PY']"
TOR0 = "/frr-interface:lib/interface[name='tor0']"


def route(prefix):
    return (f"{STATICD}/route-list[prefix='{prefix}'][src-prefix='::/0']"
            "[afi-safi='frr-routing:ipv4-unicast']")


def hop(prefix, flat, gateway="10.0.1.2"):
    keys = f"[nh-type='ip4'][vrf='default'][gateway='{gateway}'][interface='(null)']"
    if flat:
        return f"{route(prefix)}/path-list[table-id='0']{keys}"
    return (f"{route(prefix)}/path-list[table-id='0'][distance='1']"
            f"/frr-nexthops/nexthop{keys}")


def vtysh(command):
    done = subprocess.run([*vtysh_command, command], capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout


def until(what, look, seconds=10):
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.05)


def edited(update=(), delete=()):
    """A new candidate with these edits."""
    candidate = northbound.CreateCandidate(pb.CreateCandidateRequest()).candidate_id
    northbound.EditCandidate(pb.EditCandidateRequest(
        candidate_id=candidate,
        update=[pb.PathValue(path=path, value=value) for path, value in update],
        delete=[pb.PathValue(path=path) for path in delete]))
    return candidate


def commit(candidate, phase=ALL, comment=""):
    try:
        return northbound.Commit(pb.CommitRequest(
            candidate_id=candidate, phase=phase, comment=comment)).transaction_id
    finally:
        if phase == ALL:
            northbound.DeleteCandidate(pb.DeleteCandidateRequest(candidate_id=candidate))


def get(path, kind=pb.GetRequest.CONFIG):
    return "".join(answer.data.data for answer in northbound.Get(
        pb.GetRequest(type=kind, encoding=pb.JSON, path=[path])))


def refused(code, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, error
        return error.details()
    raise AssertionError(f"{code} expected")


def standard_services():
    health = health_pb2_grpc.HealthStub(channel)
    for service in ["", "frr.Northbound"]:
        until(f"health of {service!r}", lambda: health.Check(
            health_pb2.HealthCheckRequest(service=service)).status == 1)
    refused(grpc.StatusCode.NOT_FOUND,
            lambda: health.Check(health_pb2.HealthCheckRequest(service="nosuch")))
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)

    def ask(**question):
        return next(reflection.ServerReflectionInfo(iter(
            [reflection_pb2.ServerReflectionRequest(**question)])))

    services = {s.name for s in ask(list_services="").list_services_response.service}
    assert {"frr.Northbound", "grpc.health.v1.Health"} <= services, services
    assert not any(name.startswith("novaroute") for name in services), services
    answer = ask(file_containing_symbol="frr.Northbound.Commit")
    assert answer.file_descriptor_response.file_descriptor_proto, answer


def capabilities():
    said = northbound.GetCapabilities(pb.GetCapabilitiesRequest())
    modules = {m.name: m for m in said.supported_modules}
    assert said.frr_version.startswith("10."), said.frr_version
    assert modules["frr-staticd"].revision and modules["frr-staticd"].organization, modules
    assert list(said.supported_encodings) == [pb.JSON, pb.XML]
    # From 10.7 on the next hop is among the keys.
    return tuple(map(int, said.frr_version.split(".")[:2])) >= (10, 7)


def everything_in_one_commit(flat):
    entry = f"{PREFIX_LIST}/entry[sequence='5']"
    candidate = edited([
        (hop("10.99.1.0/24", flat), ""),
        (f"{entry}/action", "permit"),
        (f"{entry}/ipv4-prefix", "10.99.0.0/16"),
        (f"{TOR0}/description", "python & <friends>"),
    ])
    commit(candidate, VALIDATE)
    assert "10.99.1.0" not in vtysh("show ip route static"), "validation changes nothing"
    transaction = commit(candidate, comment="from Python")
    assert transaction > 0
    until("the route in zebra", lambda: "10.99.1.0/24" in vtysh("show ip route static"))
    until("the list in zebra", lambda: "10.99.0.0/16" in vtysh("show ip prefix-list PY"))
    until("the description in zebra",
          lambda: "python & <friends>" in vtysh("show interface tor0"))
    assert "if-index" in get(TOR0, pb.GetRequest.STATE)
    assert "python & <friends>" in get(TOR0)
    listed = list(northbound.ListTransactions(pb.ListTransactionsRequest()))
    assert (listed[0].id, listed[0].comment) == (transaction, "from Python"), listed
    kept = northbound.GetTransaction(
        pb.GetTransactionRequest(transaction_id=transaction, encoding=pb.XML)).config.data
    assert "<prefix>10.99.1.0/24</prefix>" in kept, kept


def several_candidates(flat):
    """Each client has as many as it wants, and they know nothing of each other."""
    def load(how, tree):
        northbound.LoadToCandidate(pb.LoadToCandidateRequest(
            candidate_id=second, type=how, config=pb.DataTree(encoding=pb.JSON, data=tree)))

    first = edited([(hop("10.96.1.0/24", flat), "")])
    second = northbound.CreateCandidate(pb.CreateCandidateRequest()).candidate_id
    assert first != second
    load(pb.LoadToCandidateRequest.MERGE, json.dumps(
        {"frr-interface:lib": {"interface": [{"name": "tor0", "description": "second"}]}}))
    third = edited([(hop("10.96.3.0/24", flat), "")])
    commit(second)
    until("the second's description", lambda: "second" in vtysh("show interface tor0"))
    assert "10.96." not in vtysh("show running-config"), "only the second was committed"
    # One that is brought up to date keeps its own edits, and has the others' as well.
    northbound.UpdateCandidate(pb.UpdateCandidateRequest(candidate_id=third))
    commit(third)
    until("the third's route", lambda: "10.96.3.0/24" in vtysh("show ip route static"))
    assert "second" in vtysh("show interface tor0") and "10.96.1." not in vtysh("show running-config")
    refused(grpc.StatusCode.NOT_FOUND, lambda: northbound.DeleteCandidate(
        pb.DeleteCandidateRequest(candidate_id=third)))

    # Phase by phase, taken back and then done.
    phase = pb.CommitRequest
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: commit(first, phase.APPLY))
    commit(first, phase.PREPARE)
    commit(first, phase.ABORT)
    assert "10.96.1.0" not in vtysh("show running-config")
    commit(first, phase.PREPARE)
    commit(first, phase.APPLY)
    until("the first's route", lambda: "10.96.1.0/24" in vtysh("show ip route static"))
    northbound.DeleteCandidate(pb.DeleteCandidateRequest(candidate_id=first))

    # A stream with an answer for each path; defaults and XML where they are asked for.
    def answers(with_defaults, encoding):
        return [answer.data.data for answer in northbound.Get(pb.GetRequest(
            type=pb.GetRequest.ALL, encoding=encoding, with_defaults=with_defaults,
            path=[route("10.96.1.0/24"), TOR0]))]

    plain, full, xml = answers(False, pb.JSON), answers(True, pb.JSON), answers(False, pb.XML)
    assert (len(plain), len(full), len(xml)) == (2, 2, 2), (plain, full, xml)
    assert "onlink" in full[0] and "onlink" not in plain[0], (plain, full)
    assert "<description>second</description>" in xml[1] and "<if-index>" in xml[1], xml
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: northbound.Execute(
        pb.ExecuteRequest(path="/frr-ripd:nosuch")))
    commit(edited(delete=[route("10.96.1.0/24"), route("10.96.3.0/24"), f"{TOR0}/description"]))


def invalid_data(flat):
    for phase in [VALIDATE, ALL]:
        candidate = edited([(hop("10.99.9.0/24", flat, "fish"), "")])
        words = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: commit(candidate, phase))
        # libyang's path to the value, and the value.
        assert "frr-staticd:staticd" in words and "fish" in words, words
    candidate = edited([(f"{PREFIX_LIST}/entry[sequence='7']/action", "maybe")])
    words = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: commit(candidate))
    assert "maybe" in words and "/action" in words, words
    refused(grpc.StatusCode.NOT_FOUND, lambda: commit(4711, VALIDATE))


def two_clients_contend(flat):
    lock, unlock = pb.LockConfigRequest(), pb.UnlockConfigRequest()
    northbound.LockConfig(lock)
    other = rpc.NorthboundStub(grpc.insecure_channel(
        target, options=[("grpc.use_local_subchannel_pool", 1)]))
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: other.LockConfig(lock))
    # The shell is kept out, and says so.
    shell = subprocess.run([*vtysh_command, "configure terminal\nip route 10.98.0.0/24 10.0.1.2"],
                           capture_output=True, text=True)
    assert "10.98.0.0" not in vtysh("show running-config"), shell
    northbound.UnlockConfig(unlock)
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: northbound.UnlockConfig(unlock))

    failures = []

    def client(number):
        try:
            for i in range(10):
                commit(edited([(hop(f"10.{100 + number}.{i}.0/24", flat), "")]))
        except BaseException as error:  # to be told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=client, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    routes = vtysh("show running-config")
    lost = [f"10.{100 + n}.{i}.0/24" for n in range(4) for i in range(10)
            if f"10.{100 + n}.{i}.0/24" not in routes]
    assert not lost, lost


def deletion():
    commit(edited(delete=[route("10.99.1.0/24"), PREFIX_LIST, f"{TOR0}/description"]))
    until("the route to be gone", lambda: "10.99.1.0" not in vtysh("show ip route static"))
    assert "PY" not in vtysh("show running-config")
    words = refused(grpc.StatusCode.INVALID_ARGUMENT,
                    lambda: commit(edited(delete=[route("10.99.1.0/24")])))
    assert "10.99.1.0/24" in words, words


def until_killed(flat, pid, milliseconds):
    """Commits 250 routes and asks about 250 others, until the server is gone.

    With FRR 10.3 it only asks: its mgmtd does not always survive the end of a client whose
    commit is being applied, whoever that is (1 of 30 measured, with a core dump of libyang).
    """
    version = northbound.GetCapabilities(pb.GetCapabilitiesRequest()).frr_version
    commits = not version.startswith("10.3")

    def prefixes(second):
        return [f"10.{second}.{i}.0/24" for i in range(250)]

    def routes(second):
        return [(hop(prefix, flat), "") for prefix in prefixes(second)]

    kept, asked = edited(routes(200)), edited(routes(201))
    killer = threading.Timer(milliseconds / 1000, os.kill, [pid, signal.SIGKILL])
    killer.start()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            prepare = pb.CommitRequest.PREPARE
            phases = [(asked, VALIDATE), (kept, ALL), (asked, prepare)]
            for candidate, phase in phases if commits else phases[::2]:
                northbound.Commit(pb.CommitRequest(candidate_id=candidate, phase=phase))
            northbound.Commit(pb.CommitRequest(candidate_id=asked, phase=pb.CommitRequest.ABORT))
            if not commits:
                continue
            kept = edited(delete=map(route, prefixes(200)))
            northbound.Commit(pb.CommitRequest(candidate_id=kept, phase=ALL))
            kept = edited(routes(200))
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.ABORTED:
                # The one before had got so far.
                kept = edited(delete=map(route, prefixes(200)))
                continue
            assert error.code() in [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN], error
            killer.join()
            return
    raise AssertionError("the server lives")


def clean(flat):
    commit(edited([(hop("10.97.0.0/24", flat), "")]))
    until("the route in zebra", lambda: "10.97.0.0/24" in vtysh("show ip route static"))
    # Only validated and prepared, never applied.
    assert "10.201." not in vtysh("show ip route static")
    northbound.LockConfig(pb.LockConfigRequest())
    northbound.UnlockConfig(pb.UnlockConfigRequest())


if vtysh_command[0] == "--until-killed":
    (pid, milliseconds), vtysh_command = map(int, vtysh_command[1:3]), vtysh_command[3:]
    until_killed(capabilities(), pid, milliseconds)
    sys.exit()
if vtysh_command[0] == "--clean":
    vtysh_command = vtysh_command[1:]
    clean(capabilities())
    sys.exit()
standard_services()
flat = capabilities()
everything_in_one_commit(flat)
invalid_data(flat)
two_clients_contend(flat)
deletion()
several_candidates(flat)
print("all as it should be")
