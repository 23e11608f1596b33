# shellcheck shell=bash
#
# The drawing of a lab: routers, the links between them, addresses, AS numbers.
# Sourced, never run. mod.rs has the same numbers as constants, and tor.conf and
# bird.conf speak of them: change all four together.
#
#            tor  AS 65001                node  AS 65000 (the agent's)          bird  AS 65002
#   10.0.1.2/30  node0 ────── tor0  10.0.1.1/30
#   fd00:1::2/64                    fd00:1::1/64
#                                   10.0.2.1/30  bird0 ────── node0  10.0.2.2/30
#                                   fd00:2::1/64                     fd00:2::2/64
#
# shellcheck disable=SC2034 # used by the scripts that source this one

# `node` and `tor` run FRR, `bird` runs BIRD.
ROUTERS=(node tor bird)

# Peer of node: node's interface, peer's interface, node's IPv4, peer's IPv4,
# node's IPv6, peer's IPv6.
declare -A LINKS=(
    [tor]="tor0 node0 10.0.1.1/30 10.0.1.2/30 fd00:1::1/64 fd00:1::2/64"
    [bird]="bird0 node0 10.0.2.1/30 10.0.2.2/30 fd00:2::1/64 fd00:2::2/64"
)
