"""A stream of numbered packets, and the count of what arrives of it.

    stream.py send PORT ADDRESS...       one packet to each address every 2 ms, until standard input ends;
                                         then prints the number of packets sent to each
    stream.py receive PORT ADDRESS...    prints, for each line of standard input, the numbers of the packets
                                         that arrived at each address: [[ADDRESS, FIRST, COUNT], ...]

Nothing depends on the pace: what is compared is what was sent with what arrived.
"""

import json
import select
import socket
import sys

INTERVAL = 0.002
# Nothing is lost between kernel and receiver while the machine is busy.
BUFFER = 64 << 20
# Of Linux; the module socket does not have it.
SO_RCVBUFFORCE = 33


def udp(address: str) -> socket.socket:
    """A socket of the address's family."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


def send(port: int, addresses: list[str]) -> None:
    """Sends until standard input ends."""
    sockets = {address: udp(address) for address in addresses}
    number = 0
    while not select.select([sys.stdin], [], [], INTERVAL)[0]:
        for address, to in sockets.items():
            try:
                to.sendto(str(number).encode(), (address, port))
            except OSError:
                # Without a route, or with the answer to an earlier packet: this one counts as sent, and is lost.
                pass
        number += 1
    print(number)


def receive(port: int, addresses: list[str]) -> None:
    """Counts, and answers each line with the counts."""
    sockets = {}
    seen: dict[str, set[int]] = {address: set() for address in addresses}
    for address in addresses:
        at = udp(address)
        at.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        at.bind((address, port))
        sockets[at] = address
    while True:
        ready = select.select([sys.stdin, *sockets], [], [])[0]
        for at in ready:
            if at is not sys.stdin:
                seen[sockets[at]].add(int(at.recv(64)))
        if sys.stdin in ready:
            if not sys.stdin.readline():
                return
            counts = [[it, min(had, default=-1), len(had)] for it, had in seen.items()]
            print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    {"send": send, "receive": receive}[sys.argv[1]](int(sys.argv[2]), sys.argv[3:])
