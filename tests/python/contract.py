#!/usr/bin/env python3
"""A client in the field: every call and every status code of RouteControl, against a real agent.

    contract.py TARGET LAB...

TARGET is a gRPC target, LAB the command of the lab that the agent is in (lab.sh -l NAME). Knows
nothing of NovaRoute but contract.proto beside it. Exits with 0 when all is as it should be.
"""

import asyncio
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import grpc
from grpc_tools import protoc

target, lab = sys.argv[1], sys.argv[2:]
vtysh_command = [*lab, "vtysh", "node", "-c"]
SOON = 20.0
NODE_AS, TOR, TOR_AS, TOR_V6 = 65000, "10.0.1.2", 65001, "fd00:1::2"
INTERFACE = "tor0"

proto = pathlib.Path(__file__).with_name("contract.proto")
generated = tempfile.mkdtemp()
assert protoc.main(["protoc", f"-I{proto.parent}", f"--python_out={generated}",
                    f"--grpc_python_out={generated}", str(proto)]) == 0
sys.path.insert(0, generated)
pb = importlib.import_module("contract_pb2")
rpc = importlib.import_module("contract_pb2_grpc")

Code = grpc.StatusCode


class Client:
    """One connection, used as one owner."""

    def __init__(self, owner, token=None):
        # A subchannel of its own: channels to one target share theirs otherwise.
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(target, options=options)
        self.stub = rpc.RouteControlStub(self.channel)
        self.who = {"owner": owner, "token": token if token is not None else f"{owner}-token"}

    def __getattr__(self, call):
        message = getattr(pb, f"{call}Request")
        return lambda **fields: getattr(self.stub, call)(message(**self.who, **fields), timeout=SOON)

    def status(self, owner=""):
        return self.stub.GetStatus(pb.GetStatusRequest(owner_filter=owner), timeout=SOON)

    def close(self):
        self.channel.close()


class Events:
    """What a stream gave so far."""

    def __init__(self, client, **filters):
        self.seen = []
        self.call = client.stub.StreamEvents(pb.StreamEventsRequest(**filters))
        # The headers come once the agent has the subscription.
        self.call.initial_metadata()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for event in self.call:
                self.seen.append(event)
        except grpc.RpcError:
            pass

    def wait(self, kind, **metadata):
        return eventually(f"{kind} {metadata}", lambda: next(
            (event for event in self.seen
             if pb.EventType.Name(event.type) == f"EVENT_TYPE_{kind}"
             and all(event.metadata.get(key) == value for key, value in metadata.items())), None))


def eventually(what, look):
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {SOON} s")


def refused(code, call, *words, **fields):
    """The call is refused with this code, and its message has all of these words."""
    try:
        call(**fields)
    except grpc.RpcError as error:
        assert error.code() == code, f"{fields}: {error.code()} ({error.details()}), not {code}"
        for word in words:
            assert word in error.details(), f"{word!r} is not in {error.details()!r}"
        return error.details()
    raise AssertionError(f"{fields}: accepted, not {code}")


def running():
    return subprocess.run([*vtysh_command, "show running-config"], check=True,
                          capture_output=True, text=True).stdout


def show(command):
    shown = subprocess.run([*vtysh_command, command], check=True, capture_output=True, text=True)
    return json.loads(shown.stdout)


def has(line):
    assert any(shown.strip() == line for shown in running().splitlines()), f"{line!r} is not in FRR"


def lacks(text):
    assert text not in running(), f"{text!r} is in FRR"


def unchanged(call, **fields):
    """A repeated call is a success that changes nothing."""
    before = running()
    call(**fields)
    assert running() == before, fields


def prefix_state(client, prefix):
    states = [it.state for it in client.status().prefixes if it.prefix == prefix]
    assert len(states) <= 1, f"{prefix} is there {len(states)} times"
    return states[0] if states else None


admin, edge, net = Client("admin"), Client("edge"), Client("net")
events = Events(Client("admin"))
only_edge = Events(Client("admin"), owner_filter="edge")
with_prefix_name = Events(Client("admin"), event_types=["EVENT_TYPE_OWNER_REGISTERED"])
short_name = Events(Client("admin"), event_types=["OWNER_REGISTERED"])
refused(Code.INVALID_ARGUMENT, lambda: list(
    admin.stub.StreamEvents(pb.StreamEventsRequest(event_types=["NOISE"]), timeout=SOON)))


# Register, and who may not.
first = edge.Register()
assert first.session_id and not first.current_prefixes and not first.current_peers
again = edge.Register()
assert again.session_id and again.session_id != first.session_id
events.wait("OWNER_REGISTERED", session_id=first.session_id)
with_prefix_name.wait("OWNER_REGISTERED", session_id=first.session_id)
short_name.wait("OWNER_REGISTERED", session_id=first.session_id)
unknown = refused(Code.UNAUTHENTICATED, Client("nobody").Register)
assert unknown == refused(Code.UNAUTHENTICATED, Client("edge", "wrong").Register)
assert unknown == refused(Code.UNAUTHENTICATED, Client("edge", "").Register)
for call in ["Deregister", "ConfigureBGP", "ApplyPeer", "RemovePeer", "AdvertisePrefix",
             "WithdrawPrefix", "EnableBFD", "DisableBFD", "EnableOSPF", "DisableOSPF"]:
    refused(Code.UNAUTHENTICATED, getattr(Client("edge", "wrong"), call))

# Nothing of BGP before BGP is configured.
refused(Code.FAILED_PRECONDITION, edge.AdvertisePrefix,
        prefix="10.0.0.1/32", protocol=pb.PROTOCOL_BGP)
refused(Code.FAILED_PRECONDITION, edge.ApplyPeer,
        peer=pb.BGPPeer(neighbor_address=TOR, remote_as=TOR_AS))

# ConfigureBGP: edge may as well, since the configuration says so, and net may not.
refused(Code.PERMISSION_DENIED, net.ConfigureBGP, local_as=NODE_AS, router_id="10.0.0.1")
refused(Code.INVALID_ARGUMENT, admin.ConfigureBGP, "local_as", "router_id",
        local_as=0, router_id="300.0.0.1")
answer = admin.ConfigureBGP(local_as=NODE_AS, router_id="10.0.0.1")
assert (answer.previous_as, answer.previous_router_id) == (0, ""), answer
events.wait("BGP_CONFIG_CHANGED", local_as=str(NODE_AS), router_id="10.0.0.1")
answer = admin.ConfigureBGP(local_as=NODE_AS, router_id="10.0.0.9")
assert (answer.previous_as, answer.previous_router_id) == (NODE_AS, "10.0.0.1"), answer
events.wait("BGP_CONFIG_CHANGED", previous_as=str(NODE_AS), previous_router_id="10.0.0.1")
has(f"router bgp {NODE_AS}")
has("bgp router-id 10.0.0.9")
unchanged(admin.ConfigureBGP, local_as=NODE_AS, router_id="10.0.0.9")

# ApplyPeer: every wrong field at once.
refused(Code.INVALID_ARGUMENT, edge.ApplyPeer, "neighbor_address", "remote_as", "hold_time",
        "address_families", "source_address", "ebgp_multihop", "description", peer=pb.BGPPeer(
            neighbor_address="10.0.1", remote_as=0, keepalive=10, hold_time=20,
            address_families=[7], source_address="x", ebgp_multihop=256,
            description="one\nip route 0.0.0.0/0 blackhole"))
refused(Code.INVALID_ARGUMENT, edge.ApplyPeer, "peer")
peer = {"neighbor_address": TOR, "remote_as": TOR_AS, "peer_type": pb.PEER_TYPE_EXTERNAL,
        "keepalive": 1, "hold_time": 3, "description": "100% tor", "max_prefix": 500,
        "bfd_enabled": True, "bfd_min_rx_ms": 100, "bfd_min_tx_ms": 100,
        "bfd_detect_multiplier": 3, "address_families": [1, 2]}
edge.ApplyPeer(peer=pb.BGPPeer(**peer))
unchanged(edge.ApplyPeer, peer=pb.BGPPeer(**peer))
has("bgp graceful-restart")
for line in [f"neighbor {TOR} remote-as {TOR_AS}", f"neighbor {TOR} description 100% tor",
             f"neighbor {TOR} soft-reconfiguration inbound",
             f"neighbor {TOR} maximum-prefix 500 warning-only"]:
    has(line)
refused(Code.PERMISSION_DENIED, net.ApplyPeer, peer=pb.BGPPeer(**peer))
refused(Code.PERMISSION_DENIED, net.RemovePeer, neighbor_address=TOR)
refused(Code.NOT_FOUND, edge.RemovePeer, neighbor_address="10.9.9.9")
refused(Code.INVALID_ARGUMENT, edge.RemovePeer, "neighbor_address", neighbor_address="ten")
# FRR itself refuses: its words come back, and nothing of it is there.
refused(Code.ABORTED, edge.ApplyPeer, "local system",
        peer=pb.BGPPeer(neighbor_address="10.0.1.1", remote_as=TOR_AS))
lacks("neighbor 10.0.1.1 ")
for wrong in ({"peer_type": pb.PEER_TYPE_INTERNAL}, {"bfd_min_rx_ms": 1, "bfd_enabled": True},
              {"password": "one\x00two"}, {"neighbor_address": "fe80::1"}, {"hold_time": 70000}):
    refused(Code.INVALID_ARGUMENT, edge.ApplyPeer, peer=pb.BGPPeer(**{**peer, **wrong}))
up = events.wait("PEER_UP", peer=TOR, state="Established")
assert up.owner == "edge" and up.metadata["previous_state"] != "Established", up
up = next(it for it in edge.status("edge").peers)
assert (up.neighbor_address, up.remote_as, up.owner) == (TOR, TOR_AS, "edge"), up
assert (up.state, up.bfd_enabled, up.description) == ("Established", True, "100% tor"), up
assert up.uptime, up

# A field that is cleared goes, and so does a family.
del peer["description"], peer["max_prefix"]
peer["address_families"] = [1]
edge.ApplyPeer(peer=pb.BGPPeer(**peer))
lacks(f"neighbor {TOR} description")
has(f"neighbor {TOR} maximum-prefix 1000 warning-only")
assert running().count(f"neighbor {TOR} soft-reconfiguration inbound") == 1

# AdvertisePrefix and WithdrawPrefix.
bgp = {"protocol": pb.PROTOCOL_BGP}
for bad in ["10.0.0.1/33", "10.0.0.1/24", "ten", "", "10.0.0.1"]:
    refused(Code.INVALID_ARGUMENT, edge.AdvertisePrefix, "prefix", prefix=bad, **bgp)
refused(Code.INVALID_ARGUMENT, edge.AdvertisePrefix, "prefix", "protocol", "communities",
        prefix="ten", attributes=pb.PrefixAttributes(communities=["65000"]))
attributes = pb.PrefixAttributes(local_preference=200, med=50, communities=["65000:1", "65000:2"])
edge.AdvertisePrefix(prefix="10.1.0.1/32", attributes=attributes, **bgp)
unchanged(edge.AdvertisePrefix, prefix="10.1.0.1/32", attributes=attributes, **bgp)
events.wait("PREFIX_ADVERTISED", prefix="10.1.0.1/32", protocol="bgp")
only_edge.wait("PREFIX_ADVERTISED", prefix="10.1.0.1/32")
route = show("show bgp ipv4 unicast 10.1.0.1/32 json")["paths"][0]
assert route["metric"] == 50 and set(route["community"]["list"]) == {"65000:1", "65000:2"}, route
eventually("advertised", lambda: prefix_state(edge, "10.1.0.1/32") == "advertised")


def as_frr_counts():
    """The peer's numbers are those that FRR has: one prefix is sent."""
    ours = next(it for it in edge.status("edge").peers)
    theirs = show("show bgp ipv4 unicast summary json")["peers"][TOR]
    numbers = (ours.prefixes_received, ours.prefixes_sent)
    return ours.bfd_status == "up" and numbers == (theirs["pfxRcd"], theirs["pfxSnt"]) and numbers[1]


eventually("the peer as FRR has it", as_frr_counts)
edge.AdvertisePrefix(prefix="2001:DB8::1/128", **bgp)
edge.AdvertisePrefix(prefix="2001:db8:0::1/128", **bgp)
assert [it.prefix for it in edge.status("edge").prefixes
        if ":" in it.prefix] == ["2001:db8::1/128"]
refused(Code.PERMISSION_DENIED, edge.AdvertisePrefix, prefix="10.1.0.0/24", **bgp)
refused(Code.PERMISSION_DENIED, edge.AdvertisePrefix, prefix="172.16.0.1/32", **bgp)
refused(Code.PERMISSION_DENIED, edge.AdvertisePrefix, prefix="2001:db9::1/128", **bgp)
refused(Code.PERMISSION_DENIED, net.AdvertisePrefix, prefix="10.244.0.1/32", **bgp)
violation = events.wait("POLICY_VIOLATION", prefix="172.16.0.1/32", protocol="bgp")
assert violation.owner == "edge", violation
# As much as its quota, and no more.
net.AdvertisePrefix(prefix="10.244.1.0/24", **bgp)
refused(Code.RESOURCE_EXHAUSTED, net.AdvertisePrefix, "quota", prefix="10.244.2.0/24", **bgp)
net.WithdrawPrefix(prefix="10.244.1.0/24", **bgp)
admin.AdvertisePrefix(prefix="10.1.0.9/32", **bgp)
refused(Code.ALREADY_EXISTS, edge.AdvertisePrefix, prefix="10.1.0.9/32", **bgp)
events.wait("POLICY_VIOLATION", prefix="10.1.0.9/32", existing_owner="admin")
refused(Code.PERMISSION_DENIED, edge.WithdrawPrefix, prefix="10.1.0.9/32", **bgp)
refused(Code.NOT_FOUND, edge.WithdrawPrefix, prefix="10.1.0.77/32", **bgp)
for wrong in ({"communities": ["65000:70000"]}, {"communities": ["no"]}, {"next_hop": "here"}):
    refused(Code.INVALID_ARGUMENT, edge.AdvertisePrefix, next(iter(wrong)),
            prefix="10.1.0.2/32", attributes=pb.PrefixAttributes(**wrong), **bgp)
refused(Code.INVALID_ARGUMENT, edge.WithdrawPrefix, "protocol", prefix="10.1.0.1/32")
edge.WithdrawPrefix(prefix="2001:db8::1/128", **bgp)
events.wait("PREFIX_WITHDRAWN", prefix="2001:db8::1/128", protocol="bgp")
lacks("network 2001:db8::1/128")
admin.AdvertisePrefix(prefix="10.1.0.1/32", **bgp)
assert [it.owner for it in admin.status().prefixes if it.prefix == "10.1.0.1/32"] == ["admin"]
admin.WithdrawPrefix(prefix="10.1.0.1/32", **bgp)

# BFD.
refused(Code.INVALID_ARGUMENT, edge.EnableBFD, "peer_address", "min_rx_ms", "detect_multiplier",
        peer_address="x", min_rx_ms=1, detect_multiplier=300)
session = {"peer_address": TOR_V6, "min_rx_ms": 150, "min_tx_ms": 150, "detect_multiplier": 4,
           "interface_name": INTERFACE}
edge.EnableBFD(**session)
unchanged(edge.EnableBFD, **session)


def as_bfdd_has_it():
    """The session's state and timers are those that bfdd has."""
    ours = next(it for it in edge.status("edge").bfd_sessions if it.peer_address == TOR_V6)
    theirs = next(it for it in show("show bfd peers json") if it["peer"] == TOR_V6)
    assert ours.owner == "edge", ours
    return (ours.state, ours.min_rx_ms, ours.min_tx_ms, ours.detect_multiplier) == (
        theirs["status"], theirs["receive-interval"], theirs["transmit-interval"],
        theirs["detect-multiplier"])


eventually("the session as bfdd has it", as_bfdd_has_it)
refused(Code.PERMISSION_DENIED, net.EnableBFD, **session)
refused(Code.PERMISSION_DENIED, net.DisableBFD, peer_address=TOR_V6)
refused(Code.NOT_FOUND, edge.DisableBFD, peer_address="10.9.9.9")
bfd_up = events.wait("BFD_UP", peer=TOR, status="up")
assert bfd_up.owner == "edge" and bfd_up.metadata["previous_status"] != "up", bfd_up
edge.DisableBFD(peer_address=TOR_V6)
assert TOR_V6 not in [it["peer"] for it in show("show bfd peers json")]

# OSPF.
refused(Code.INVALID_ARGUMENT, edge.EnableOSPF, "interface_name", "area_id", "dead_interval",
        interface_name="no such interface", area_id="1.2.3", hello_interval=10, dead_interval=5)
ospf = {"interface_name": INTERFACE, "area_id": "0.0.0.0", "cost": 15, "hello_interval": 1,
        "dead_interval": 4}
edge.EnableOSPF(**ospf)
unchanged(edge.EnableOSPF, **ospf)
for line in ["ip ospf area 0.0.0.0", "ip ospf cost 15", "ip ospf hello-interval 1",
             "ip ospf dead-interval 4", "router ospf"]:
    has(line)
# The wait for a designated router takes a dead interval, the exchange some seconds more.
SOON = 3 * SOON
events.wait("OSPF_NEIGHBOR_UP")
seen = eventually("a neighbour", lambda: [
    it for it in edge.status("edge").ospf_interfaces if it.neighbor_count == 1])
assert [(it.interface_name, it.owner, it.cost) for it in seen] == [(INTERFACE, "edge", 15)], seen
assert seen[0].area_id == "0.0.0.0", seen
eventually("the interface as ospfd has it", lambda: edge.status("edge").ospf_interfaces[0].state
           == show(f"show ip ospf interface {INTERFACE} json")["interfaces"][INTERFACE]["state"])
refused(Code.PERMISSION_DENIED, net.EnableOSPF, **ospf)
refused(Code.PERMISSION_DENIED, net.DisableOSPF, interface_name=INTERFACE)
refused(Code.NOT_FOUND, edge.DisableOSPF, interface_name="lo")
edge.AdvertisePrefix(prefix="10.1.0.5/32", protocol=pb.PROTOCOL_OSPF)
events.wait("PREFIX_ADVERTISED", prefix="10.1.0.5/32", protocol="ospf")
edge.WithdrawPrefix(prefix="10.1.0.5/32", protocol=pb.PROTOCOL_OSPF)
lacks("10.1.0.5/32")
edge.EnableOSPF(interface_name=INTERFACE, area_id="1", hello_interval=1, dead_interval=4)
lacks("ip ospf area 0.0.0.0")
lacks("ip ospf cost")
edge.DisableOSPF(interface_name=INTERFACE)
lacks("router ospf")
events.wait("OSPF_NEIGHBOR_DOWN")

# FRR's own state, also while a daemon of it is away and when it is back.
frr = admin.status().frr_status
assert frr.connected and frr.version[0].isdigit() and frr.uptime, frr
subprocess.run([*lab, "signal", "node", "bgpd", "KILL"], check=True)
events.wait("FRR_DISCONNECTED")
events.wait("PEER_DOWN", peer=TOR, previous_state="Established")
assert not admin.status().frr_status.connected
seen = len(events.seen)
subprocess.run([*lab, "start", "node", "bgpd"], check=True)
eventually("FRR_CONNECTED and PEER_UP", lambda: {pb.EVENT_TYPE_FRR_CONNECTED, pb.EVENT_TYPE_PEER_UP}
           <= {it.type for it in events.seen[seen:]})
assert admin.status().frr_status.connected

# Deregister: with and without what the owner had.
edge.AdvertisePrefix(prefix="10.1.0.2/32", **bgp)
registered = edge.Register(reassert_intents=True)
assert list(registered.current_prefixes) == ["10.1.0.2/32"], registered
assert list(registered.current_peers) == [TOR], registered
edge.Deregister()
events.wait("OWNER_DEREGISTERED")
has("network 10.1.0.2/32")
edge.Register()
edge.Deregister(withdraw_all=True)
lacks("network 10.1.0.2/32")
lacks(f"neighbor {TOR} ")
has("network 10.1.0.9/32")
admin.Deregister(withdraw_all=True)
lacks("network 10.1.0.9/32")


# All fourteen have come, each with what belongs to it, and once for each transition.
METADATA = {
    "PEER": {"peer", "state", "previous_state"}, "BFD": {"peer", "status", "previous_status"},
    "OSPF_NEIGHBOR": {"neighbor_id", "state", "previous_state"}, "PREFIX": {"prefix", "protocol"},
    "BGP_CONFIG_CHANGED": {"local_as", "router_id", "previous_as", "previous_router_id"},
    "OWNER_REGISTERED": {"session_id"}, "POLICY_VIOLATION": set(), "FRR": set(),
    "OWNER_DEREGISTERED": set(),
}
ABOUT = {"PEER": ["peer"], "BFD": ["peer"], "OSPF_NEIGHBOR": ["neighbor_id"],
         "PREFIX": ["prefix", "protocol"], "FRR": []}
came, last = set(), {}
for event in events.seen:
    # What is beyond the contract is none of an old client's business.
    if event.type not in pb.EventType.values():
        continue
    name = pb.EventType.Name(event.type).removeprefix("EVENT_TYPE_")
    came.add(name)
    family = next(it for it in METADATA if name.startswith(it))
    assert METADATA[family] <= set(event.metadata), event
    assert event.detail and abs(event.timestamp_unix - time.time()) < 300, event
    assert family == "FRR" or event.owner, event
    if family in ABOUT:
        about = (family, event.owner, *(event.metadata[key] for key in ABOUT[family]))
        assert last.get(about) != name, f"{name} twice for {about}: {events.seen}"
        last[about] = name
wanted = {name.removeprefix("EVENT_TYPE_") for name in pb.EventType.keys()} - {"UNSPECIFIED"}
assert came == wanted, f"never came: {wanted - came}"
assert only_edge.seen and {it.owner for it in only_edge.seen} == {"edge"}, only_edge.seen
assert [it.metadata["session_id"] for it in with_prefix_name.seen] == [
    it.metadata["session_id"] for it in short_name.seen]
assert {it.type for it in short_name.seen} == {pb.EVENT_TYPE_OWNER_REGISTERED}, short_name.seen

# Channels as they come, without any option: each of the libraries names the socket's path in the authority.
with grpc.insecure_channel(target) as channel:
    stub = rpc.RouteControlStub(channel)
    for _ in range(3):
        assert stub.GetStatus(pb.GetStatusRequest(), timeout=SOON).frr_status.connected


async def asynchronous():
    async with grpc.aio.insecure_channel(target) as channel:
        stub = rpc.RouteControlStub(channel)
        calls = [stub.GetStatus(pb.GetStatusRequest(), timeout=SOON) for _ in range(20)]
        assert all(status.frr_status.connected for status in await asyncio.gather(*calls))

asyncio.run(asynchronous())
# An empty authority, and an odd one.
for authority in ["", "100%", "a b", "[::1"]:
    with grpc.insecure_channel(target, options=[("grpc.default_authority", authority)]) as channel:
        rpc.RouteControlStub(channel).GetStatus(pb.GetStatusRequest(), timeout=SOON)
