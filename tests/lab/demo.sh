#!/usr/bin/env bash
#
# The whole way of a route, from a gRPC client to real peers, in a lab of its own.
# `make demo` runs it, with the binaries on PATH. Prints what it does and what the peers
# themselves show, and ends with `demo: ok` only when they were seen to show it;
# else with the reason, and exit code 1. Leaves nothing behind, also on Ctrl-C.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=topology.sh
. "$here/topology.sh"

LAB=demo-$$
RUN=$LAB_RUN/$LAB
TOKEN=demo-token

# How long anything may take to be seen. The slowest, a BGP session, needs two seconds or so.
PATIENCE=30

read -r _ _ near4 far4 near6 _ <<<"${LINKS[tor]}"
NODE_TO_TOR=${near4%/*} TOR=${far4%/*} NODE_TO_TOR6=${near6%/*}
read -r _ _ near4 far4 near6 _ <<<"${LINKS[bird]}"
NODE_TO_BIRD=${near4%/*} BIRD=${far4%/*} NODE_TO_BIRD6=${near6%/*}

NODE_AS=65000 TOR_AS=65001 ROUTER_ID=10.0.0.1
V4=192.0.2.10/32 V6=2001:db8:10::/64
COMMUNITY=65000:100 LARGE=65000:100:200 MED=50 LOCAL_PREF=200
STATIC=198.51.100.0/24

# --- how it looks ------------------------------------------------------------

bold='' green='' dim='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\e[1m' green=$'\e[32m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[0m'
fi

heading() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
note() { printf '   %s\n' "$*"; }
indent() { expand | sed "s/^/   $dim|$plain /"; }
seen() { printf '   %sok%s  %-5s %-17s %s\n' "$green" "$plain" "$1" "$2" "$3"; }

# Shows a command as it is typed, then what it prints. Fails with it.
# show TYPED CMD...
show() {
    local typed=$1 text code=0
    shift
    printf '   %s$ %s%s\n' "$bold" "$typed" "$plain"
    text=$("$@" 2>&1) || code=$?
    indent <<<"${text:-(nothing)}"
    return "$code"
}

fail() {
    printf '\n%sdemo: FAILED: %s%s\n' "$red" "$*" "$plain" >&2
    if [ -s "$RUN/agent.log" ]; then
        say "the last lines of the agent's log:"
        tail -n 15 "$RUN/agent.log" | indent >&2
    fi
    exit 1
}

# Waits until a command succeeds; says what for, and how long it took.
# await WHAT CMD...
await() {
    local what=$1 begun took told=0
    shift
    begun=$(milliseconds)
    while ! "$@" >/dev/null 2>&1; do
        took=$(($(milliseconds) - begun))
        kill -0 "$agent" 2>/dev/null || fail "the agent has ended while waiting for: $what"
        [ "$took" -lt $((PATIENCE * 1000)) ] || fail "not seen within $PATIENCE s: $what"
        if [ -t 1 ]; then
            printf '\r   %s%3d.%d s  waiting for: %s%s' "$dim" $((took / 1000)) $((took % 1000 / 100)) "$what" "$plain"
        elif [ "$took" -ge $((told + 5000)) ]; then
            told=$took
            note "waiting for: $what"
        fi
        sleep 0.1
    done
    took=$(($(milliseconds) - begun))
    [ ! -t 1 ] || printf '\r\e[K'
    printf '   %3d.%d s  %s\n' $((took / 1000)) $((took % 1000 / 100)) "$what"
}

milliseconds() { printf '%s\n' $((${EPOCHREALTIME/[.,]/} / 1000)); }

# --- the actors --------------------------------------------------------------

lab() { "$here/lab.sh" -l "$LAB" "$@"; }
ctl() { show "novaroutectl $(shown "$@")" novaroutectl "$@" || fail "novaroutectl $1 was refused"; }
tor() { lab vtysh tor -c "$1"; }
node() { lab vtysh node -c "$1"; }
bird() { lab birdc "$@" | tail -n +2; }

# Arguments as one would type them, in lines of a readable length.
shown() {
    local word line='' text=''
    for word in "$@"; do
        case $word in *[[:space:]]*) word="\"$word\"" ;; esac
        if [ $((${#line} + ${#word})) -gt 76 ] && [[ $word = --* ]]; then
            text+="$line \\"$'\n         '
            line=''
        fi
        line+="${line:+ }$word"
    done
    printf '%s' "$text$line"
}

scratch='' agent=''
finish() {
    local code=$?
    trap '' INT TERM HUP
    trap - EXIT
    if [ -n "$agent" ] && kill "$agent" 2>/dev/null; then wait "$agent" || true; fi
    lab down || code=1
    rm -rf "$scratch"
    case $code in 130 | 143) say "demo: interrupted; nothing is left behind" ;; esac
    exit "$code"
}

# --- what must be seen -------------------------------------------------------

# Does tor have prefix $2 of family $1 with all that the jq filter $3 demands?
tor_has() { tor "show bgp $1 unicast $2 json" | jq -e ".paths[0] | $3"; }
tor_lacks() { tor "show bgp $1 unicast $2 json" | jq -e '.paths // [] | length == 0'; }

# Does BIRD have prefix $1 with each of the lines that follow?
bird_has() {
    local text line
    text=$(bird show route all "$1" | sed 's/^[[:space:]]*//')
    shift
    for line in "$@"; do grep -qxF -- "$line" <<<"$text" || return 1; done
}
bird_lacks() { [ "$(bird show route all "$1")" = "Network not found" ]; }

rib_has() {
    node "show ip route $STATIC json" |
        jq -e --arg via "$TOR" 'any(.[][]; .protocol == "static" and .installed and any(.nexthops[]; .fib and .ip == $via))'
}
rib_lacks() { node "show ip route $STATIC json" | jq -e 'length == 0'; }
in_kernel() { lab exec node ip -json route show "$STATIC" | jq -e --arg via "$TOR" 'any(.[]; .gateway == $via)'; }
not_in_kernel() { lab exec node ip -json route show "$STATIC" | jq -e 'length == 0'; }
mgmtd_has() { lab vtysh node -d mgmtd -c 'show running-config' | grep -qxF "ip route $STATIC $TOR"; }
mgmtd_lacks() { ! mgmtd_has; }

established() { # ADDRESS: does the agent say so?
    novaroutectl peers -o json | jq -e --arg a "$1" 'any(.peers[]; .neighbor_address == $a and .state == "Established")'
}
tor_established() { tor 'show bgp summary json' | jq -e --arg a "$NODE_TO_TOR" \
    '[.ipv4Unicast, .ipv6Unicast] | all(.[]; .peers[$a].state == "Established")'; }
bird_established() { bird show protocols node4 | grep -Eq '[[:space:]]Established[[:space:]]*$'; }

# --- the demo ----------------------------------------------------------------

need_root "the demo" "makes network namespaces"
for program in novaroute-agent novaroutectl jq; do
    command -v "$program" >/dev/null || die "no $program on PATH: run 'make demo', which builds and installs what is lacking"
done
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
scratch=$(mktemp -d)
begun=$SECONDS

heading "A lab: three routers in network namespaces"
# Local preference only travels between routers of one AS, so here BIRD is in ours. It then has
# to find the next hop by itself: `direct` gives it the networks of its interfaces.
sed "s/local as [0-9]*;/local as $NODE_AS;/" "$here/bird.conf" >"$scratch/bird.conf"
printf 'protocol direct {\n    ipv4;\n    ipv6;\n}\n' >>"$scratch/bird.conf"
lab up --owner $$ --config "bird=$scratch/bird.conf" || fail "the lab did not start"
note "node  AS $NODE_AS  FRR $(node 'show version' | sed -n '1s/^FRRouting \([^ ]*\).*/\1/p'), and the agent"
note "tor   AS $TOR_AS  FRR, an external peer (eBGP) at $TOR"
note "bird  AS $NODE_AS  $(bird show status | sed -n 's/^\(BIRD [0-9.]*\).*/\1/p;q'), an internal peer (iBGP) at $BIRD"

heading "The agent starts in node"
jq 'del(.bgp) | .owners.admin.token = $token' --arg token "$TOKEN" "$(lab config)" >"$RUN/demo.json"
"$here/lab.sh" -l "$LAB" exec node novaroute-agent --config "$RUN/demo.json" </dev/null >"$RUN/agent.log" 2>&1 &
agent=$!
export NOVAROUTE_SOCKET=$RUN/agent.sock NOVAROUTE_TOKEN=$TOKEN
frr_connected() { novaroutectl status -o json | jq -e '.frr_status.connected'; }
await "the agent answers, and is connected to FRR" frr_connected

heading "A client registers, configures BGP and applies two peers"
families=ipv4-unicast,ipv6-unicast
ctl register --owner admin
ctl configure-bgp --owner admin --local-as "$NODE_AS" --router-id "$ROUTER_ID"
ctl apply-peer --owner admin --neighbor "$TOR" --remote-as "$TOR_AS" --address-families "$families" --description "top of rack"
ctl apply-peer --owner admin --neighbor "$BIRD" --remote-as "$NODE_AS" --peer-type internal --address-families "$families" --description "BIRD, same AS"
await "tor:   session Established, IPv4 and IPv6" tor_established
await "bird:  session Established" bird_established
await "agent: peer $TOR Established" established "$TOR"
await "agent: peer $BIRD Established" established "$BIRD"

heading "It advertises a prefix of each family, and adds a static route"
ctl advertise --owner admin --prefix "$V4" --communities "$COMMUNITY,$LARGE" --med "$MED" --local-pref "$LOCAL_PREF"
ctl advertise --owner admin --prefix "$V6"
ctl static-route add --owner admin --prefix "$STATIC" --gateway "$TOR"

heading "What tor shows: external, so it gets no local preference (RFC 4271, 5.1.5)"
await "$V4 at tor" tor_has ipv4 "$V4" .valid
await "$V6 at tor" tor_has ipv6 "$V6" .valid
show "vtysh -c 'show bgp ipv4 unicast $V4'" tor "show bgp ipv4 unicast $V4"
show "vtysh -c 'show bgp ipv6 unicast $V6'" tor "show bgp ipv6 unicast $V6"

check_tor() { # FAMILY PREFIX WHAT JQ
    tor_has "$1" "$2" "$4" >/dev/null || fail "tor does not show $2 with $3"
    seen tor "$2" "$3"
}
check_tor ipv4 "$V4" "next hop $NODE_TO_TOR" "any(.nexthops[]; .ip == \"$NODE_TO_TOR\")"
check_tor ipv4 "$V4" "AS path $NODE_AS" ".aspath.string == \"$NODE_AS\""
check_tor ipv4 "$V4" "community $COMMUNITY" ".community.list == [\"$COMMUNITY\"]"
check_tor ipv4 "$V4" "large community $LARGE" ".largeCommunity.list == [\"$LARGE\"]"
check_tor ipv4 "$V4" "MED $MED" ".metric == $MED"
check_tor ipv4 "$V4" "no local preference" '.locPrf == null'
check_tor ipv6 "$V6" "next hop $NODE_TO_TOR6" "any(.nexthops[]; .ip == \"$NODE_TO_TOR6\")"
check_tor ipv6 "$V6" "no community" '.community == null and .largeCommunity == null'

heading "What bird shows: internal, so it gets the local preference as well"
await "$V4 at bird, reachable" bird_has "$V4" "via $NODE_TO_BIRD on node0"
await "$V6 at bird, reachable" bird_has "$V6" "BGP.origin: IGP"
show "birdc show route all $V4" bird show route all "$V4"
show "birdc show route all $V6" bird show route all "$V6"

check_bird() { # PREFIX WHAT LINE
    bird_has "$1" "$3" || fail "bird does not show $1 with $2"
    seen bird "$1" "$2"
}
check_bird "$V4" "next hop $NODE_TO_BIRD" "BGP.next_hop: $NODE_TO_BIRD"
check_bird "$V4" "community $COMMUNITY" "BGP.community: (${COMMUNITY/:/,})"
check_bird "$V4" "large community $LARGE" "BGP.large_community: (${LARGE//:/, })"
check_bird "$V4" "MED $MED" "BGP.med: $MED"
check_bird "$V4" "local preference $LOCAL_PREF" "BGP.local_pref: $LOCAL_PREF"
# BIRD shows the link-local next hop in the same line.
next_hop6=$(bird show route all "$V6" | grep -oF "BGP.next_hop: $NODE_TO_BIRD6 ") || true
[ -n "$next_hop6" ] || fail "bird does not show $V6 with next hop $NODE_TO_BIRD6"
seen bird "$V6" "next hop $NODE_TO_BIRD6"

heading "The static route: committed by mgmtd, in zebra's RIB and in the kernel"
await "$STATIC in mgmtd's running configuration" mgmtd_has
await "$STATIC in zebra's RIB, selected and installed" rib_has
await "$STATIC in the kernel" in_kernel
show "vtysh -c 'show ip route $STATIC'" node "show ip route $STATIC"
show "ip route show $STATIC" lab exec node ip route show "$STATIC"

heading "What the agent tells"
two_sent() { novaroutectl peers -o json | jq -e 'all(.peers[]; .prefixes_sent == 2)'; }
await "each peer was sent two prefixes" two_sent
all_advertised() {
    novaroutectl prefixes -o json | jq -e '(.prefixes | length == 2) and all(.prefixes[]; .state == "advertised")'
}
await "both prefixes are advertised" all_advertised
ctl status

heading "All is withdrawn, while the sessions stay"
ctl withdraw --owner admin --prefix "$V4" --protocol bgp
ctl withdraw --owner admin --prefix "$V6" --protocol bgp
ctl static-route remove --owner admin --prefix "$STATIC"
await "$V4 gone from tor" tor_lacks ipv4 "$V4"
await "$V6 gone from tor" tor_lacks ipv6 "$V6"
await "$V4 gone from bird" bird_lacks "$V4"
await "$V6 gone from bird" bird_lacks "$V6"
await "$STATIC gone from mgmtd" mgmtd_lacks
await "$STATIC gone from zebra's RIB" rib_lacks
await "$STATIC gone from the kernel" not_in_kernel
tor_established >/dev/null || fail "tor has lost the session: a withdrawal shall not cost it"
bird_established || fail "bird has lost the session: a withdrawal shall not cost it"
show "vtysh -c 'show bgp ipv4 unicast'      (tor)" tor "show bgp ipv4 unicast"
show "vtysh -c 'show bgp ipv6 unicast'      (tor)" tor "show bgp ipv6 unicast"
show "birdc show route protocol node4       (bird)" bird show route protocol node4

heading "The owner leaves and takes its peers along"
ctl deregister --owner admin --withdraw-all
no_neighbors() { ! node 'show running-config' | grep -Eq '^ +neighbor |NR-'; }
await "node's FRR without a neighbour or route-map of ours" no_neighbors
kill -TERM "$agent"
wait "$agent" || fail "the agent ended with exit code $? on SIGTERM"
agent=''
note "agent: ended, exit code 0"

heading "Removing the lab"
lab down
[ ! -e "$RUN" ] || fail "$RUN is still there"
! ip netns list | grep -q "^$LAB-" || fail "network namespaces of the lab are still there"
note "no process, namespace or file is left ($((SECONDS - begun)) s in all)"
printf '\n%sdemo: ok%s\n' "$green" "$plain"
