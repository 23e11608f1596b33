#!/usr/bin/env bash
#
# A lab: real routers in network namespaces on this machine (drawing: topology.sh).
# This is the one implementation; tests use it through mod.rs, people by hand.
# What it leaves while a lab runs: the namespaces LAB-node, LAB-tor and LAB-bird,
# the processes in them, and the directory $LAB_RUN/LAB. Mounts are private to the
# processes and end with them.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=topology.sh
. "$here/topology.sh"

usage() {
    cat <<'END'
usage: lab.sh [-l LAB] COMMAND    (LAB: the lab's name, nrlab unless told)

  up [OPTION...]              start a lab
      --owner PID               it ends with this process: a later `up` or `reap` removes it
      --profile ROUTER=NAME     FRR's defaults profile (datacenter unless told)
      --config ROUTER=FILE      start-up configuration instead of the lab's own
      --args ROUTER/DAEMON=ARGS more arguments for a daemon
      --grpc ROUTER/DAEMON=PORT FRR's own gRPC in a daemon, on a port that is open in the
                                lab only (needs 'make setup-grpc')
  down                        end it: processes, namespaces, files
  reap                        end every lab whose owner is gone
  status                      the lab's routers and daemons
  exec ROUTER CMD...          run a command in the router's network namespace
  vtysh ROUTER [-c CMD]...    FRR's shell (routers node and tor)
  birdc CMD...                BIRD's shell (router bird)
  signal ROUTER DAEMON SIG    send a signal to a daemon; after KILL, wait for its end
  pid ROUTER DAEMON           the process number of a daemon
  start ROUTER DAEMON         start a daemon that was killed
  frr ROUTER ROOT             daemons that start from now on are those of this root file system
  link ROUTER up|down         plug the cable between node and ROUTER, at ROUTER's end
  config                      write a configuration for an agent in node, print its path
  howto                       what to type in a lab

In the environment: FRR_ROOT (root file system with FRR >= 10.3 to use instead of
the cached one), NOVAROUTE_LAB_CACHE, NOVAROUTE_LAB_RUN.
END
}

# --- names -----------------------------------------------------------------

check_router() {
    [[ " ${ROUTERS[*]} " = *" $1 "* ]] || die "unknown router '$1': one of ${ROUTERS[*]}"
}

check_up() {
    [ -f "$run/owner" ] || die "no lab '$lab' is up: start it with 'lab.sh -l $lab up' or 'make lab'"
}

# Field 22 of /proc/PID/stat: with the number, it tells a process from a later
# one of the same number. Empty when the process is gone.
started() { sed -n 's/^.*) //p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# Is the owner written in file $1 gone? A lab without an owner stays.
orphaned() {
    local pid time
    read -r pid time <"$1" || return 0
    [ "$pid" != none ] && [ "$(started "$pid")" != "$time" ]
}

# The process number of router $1's daemon $2; fails when it does not run.
pid_of() {
    local file=$run/$1/run/frr/$2.pid pid
    [ "$1" != bird ] || file=$run/$1/run/bird.pid
    pid=$(cat "$file" 2>/dev/null) && [ -n "$pid" ] && alive "$pid" && printf '%s\n' "$pid"
}

# A zombie is not alive: it only waits for somebody to read its exit code.
alive() {
    local stat
    stat=$(sed -n 's/^.*) //p' "/proc/$1/stat" 2>/dev/null) && [ -n "$stat" ] && [ "${stat%% *}" != Z ]
}

# --- down ------------------------------------------------------------------

# Ends everything that runs in the network namespace $1.
kill_all() {
    local pids try
    for try in {1..200}; do
        mapfile -t pids < <(ip netns pids "$1" 2>/dev/null)
        [ "${#pids[@]}" -gt 0 ] || return 0
        kill -KILL "${pids[@]}" 2>/dev/null || true
        [ "$try" -lt 5 ] || sleep 0.05
    done
    die "processes ${pids[*]} in namespace $1 outlive SIGKILL"
}

# Ends the lab $1, whatever is left of it. May be called again.
down() {
    local router namespaces=()
    for router in "${ROUTERS[@]}"; do
        [ ! -e "/run/netns/$1-$router" ] || namespaces+=("$1-$router")
    done
    for router in "${namespaces[@]}"; do kill_all "$router"; done
    for router in "${namespaces[@]}"; do ip netns del "$router" 2>/dev/null || true; done
    rm -rf --one-file-system "${LAB_RUN:?}/$1"
}

# Ends every lab whose owner is gone. To be called with the lock held.
reap() {
    local owner dead
    for owner in "$LAB_RUN"/*/owner; do
        if [ ! -f "$owner" ] || ! orphaned "$owner"; then continue; fi
        dead=$(basename "$(dirname "$owner")")
        say "lab $dead: its owner is gone, removing it"
        down "$dead"
    done
}

# --- up --------------------------------------------------------------------

# The root file system $2 is the one of the FRR router $1; its directories are owned by the FRR's user there.
take_frr() {
    local own=$run/$1 root=$2 ids
    ids=$(sed -n 's/^frr:[^:]*:\([0-9]*\):\([0-9]*\):.*$/\1:\2/p' "$root/etc/passwd")
    printf '%s\n' "$root" >"$own/frr-root"
    chown -R "$ids" "$own"/{etc,log,tmp,run/frr,var/frr}
}

# Directories of the FRR router $1.
make_directories() {
    local own=$run/$1
    mkdir -p "$own"/{root,args,etc,log,tmp} "$own"/run/frr "$own"/var/frr
    take_frr "$1" "$(frr_root)"
    chmod 1777 "$own/tmp"
    # vtysh reads it, and complains when it is missing.
    printf 'service integrated-vtysh-config\n' >"$own/etc/vtysh.conf"
    printf '%s\n' "${profile[$1]:-datacenter}" >"$own/profile"
    if [ -n "${config[$1]:-}" ]; then cp "${config[$1]}" "$own/etc/frr.conf"; fi
}

# Namespaces and cables. Addresses are usable at once (no duplicate address
# detection) and stay while a cable is unplugged; packets are forwarded, as on a
# Kubernetes node.
make_network() {
    local router near far near4 far4 near6 far6
    for router in "${ROUTERS[@]}"; do
        # shellcheck disable=SC2016 # $where is for the inner shell
        ip netns exec "$lab-$router" sh -ec '
            for where in all default; do
                echo 0 >/proc/sys/net/ipv6/conf/$where/accept_dad
                echo 1 >/proc/sys/net/ipv6/conf/$where/keep_addr_on_down
            done
            echo 1 >/proc/sys/net/ipv4/ip_forward
            echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
            ip link set lo up'
    done
    for router in "${!LINKS[@]}"; do
        read -r near far near4 far4 near6 far6 <<<"${LINKS[$router]}"
        ip -n "$lab-node" link add "$near" type veth peer name "$far" netns "$lab-$router"
        ip -n "$lab-node" -batch - <<END
address add $near4 dev $near
address add $near6 dev $near nodad
link set $near up
END
        ip -n "$lab-$router" -batch - <<END
address add $far4 dev $far
address add $far6 dev $far nodad
link set $far up
END
    done
}

in_router() { # ROUTER ACTION ARG...: router.sh in the router's namespaces
    local router=$1
    shift
    ip netns exec "$lab-$router" unshare --uts "$here/router.sh" "$lab" "$router" "$@"
}

# Undoes a start that did not come to its end.
abandon() {
    local children
    mapfile -t children < <(jobs -p)
    kill "${children[@]}" 2>/dev/null || true
    wait || true
    down "$lab"
}

up() {
    local -A profile=() config=([tor]="$here/tor.conf" [bird]="$here/bird.conf")
    local owner=none args=() grpc=() option router daemon modules
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || die "$1 wants a value, or is no option of 'up'"
        case $1 in
        --owner) owner="$2 $(started "$2")" ;;
        --profile) check_router "${2%%=*}" && profile[${2%%=*}]=${2#*=} ;;
        --config) check_router "${2%%=*}" && config[${2%%=*}]=${2#*=} ;;
        --args) check_router "${2%%/*}" && args+=("$2") ;;
        --grpc) check_router "${2%%/*}" && grpc+=("$2") ;;
        *) die "unknown option '$1' of 'up'" ;;
        esac
        shift 2
    done
    [[ $lab =~ ^[a-z][a-z0-9-]{0,23}$ ]] || die "'$lab' is no name for a lab: small letters, digits and '-', 24 at most"

    [ "${#grpc[@]}" = 0 ] || modules=$("$here/grpc.sh" check)

    mkdir -p "$LAB_RUN"
    exec 9>"$LAB_RUN/.lock"
    flock 9
    reap
    [ ! -e "$run" ] || die "lab '$lab' is up already: end it with 'lab.sh -l $lab down' or 'make lab-down'"
    # The owner first: from here on, whatever interrupts this, the lab can be reaped.
    mkdir "$run"
    printf '%s\n' "$owner" >"$run/owner"
    trap abandon EXIT
    for router in "${ROUTERS[@]}"; do ip netns add "$lab-$router"; done
    flock -u 9
    exec 9>&-

    make_directories node
    make_directories tor
    mkdir -p "$run"/bird/{etc,log,run}
    cp "${config[bird]}" "$run/bird/etc/bird.conf"
    for option in "${args[@]}"; do
        router=${option%%/*} daemon=${option#*/}
        printf '%s\n' "${daemon#*=}" >"$run/$router/args/${daemon%%=*}"
    done
    for option in "${grpc[@]}"; do
        router=${option%%/*} daemon=${option#*/}
        # router.sh binds the module's directory there.
        mkdir -p "$run/$router"/{grpc,run/grpc}
        printf '%s\n' "$modules" >"$run/$router/grpc-dir"
        printf '%s\n' "${daemon#*=}" >"$run/$router/grpc/${daemon%%=*}"
    done
    make_network

    local children=() child
    for router in "${ROUTERS[@]}"; do
        in_router "$router" start &
        children+=($!)
    done
    for child in "${children[@]}"; do
        wait "$child" || die "lab '$lab' did not start; the reason is above"
    done
    trap - EXIT
}

# --- a running lab ---------------------------------------------------------

status() {
    local router daemon pid
    for router in "${ROUTERS[@]}"; do
        printf '%s (namespace %s)\n' "$router" "$lab-$router"
        if [ "$router" = bird ]; then set -- bird; else set -- "${FRR_FIRST[@]}" "${FRR_REST[@]}"; fi
        for daemon in "$@"; do
            pid=$(pid_of "$router" "$daemon") || pid='not running'
            printf '  %-8s %s\n' "$daemon" "$pid"
        done
    done
}

send_signal() { # ROUTER DAEMON SIGNAL
    local pid try
    pid=$(pid_of "$1" "$2") || die "$2 does not run in $1"
    kill "-$3" "$pid"
    [ "$3" = KILL ] || return 0
    for try in {1..200}; do
        alive "$pid" || return 0
        [ "$try" -lt 20 ] || sleep 0.05
    done
    die "$2 ($pid) outlives SIGKILL"
}

link() { # ROUTER up|down
    local near far rest
    [ -n "${LINKS[$1]:-}" ] || die "no cable ends at '$1' alone: one of ${!LINKS[*]}"
    read -r near far rest <<<"${LINKS[$1]}"
    ip -n "$lab-$1" link set "$far" "$2"
}

# Writes the configuration of an agent in `node` to the lab's directory; prints its path.
agent_config() {
    cat >"$run/agent.json" <<END
{
  "listen_socket": "$run/agent.sock",
  "frr": { "socket_dir": "$run/node/run/frr", "yang_dir": "$(cat "$run/node/frr-root")/usr/share/yang" },
  "bgp": { "local_as": 65000, "router_id": "10.0.0.1" },
  "owners": {
    "admin": { "token": "lab", "allowed_prefixes": { "type": "any", "allowed_cidrs": [] } }
  },
  "log_level": "info",
  "log_format": "text",
  "metrics_address": "127.0.0.1:9102"
}
END
    printf '%s\n' "$run/agent.json"
}

howto() {
    local me=tests/lab/lab.sh end='make lab-down' file
    # Another name than the usual has to be said in each command.
    [ "$lab" = nrlab ] || { me+=" -l $lab" && end="$me down"; }
    file=$(agent_config)
    cat <<END
Lab '$lab' is up: node (AS 65000) -- tor (AS 65001, FRR) and bird (AS 65002, BIRD).

  node's side   10.0.1.1 fd00:1::1 to tor, 10.0.2.1 fd00:2::1 to bird
  peers         tor 10.0.1.2 fd00:1::2, bird 10.0.2.2 fd00:2::2

  $me vtysh node                          FRR of the node
  $me vtysh tor -c 'show bgp summary'     FRR of the peer
  $me birdc show route all                BIRD of the other peer
  $me exec node ip route                  anything in a router's namespace
  $me status                              daemons

The agent in the node, in one terminal (configuration: $file):

  cargo build
  $me exec node target/debug/novaroute-agent --config $file

Its clients, in another:

  export NOVAROUTE_SOCKET=$run/agent.sock NOVAROUTE_TOKEN=lab PATH=\$PWD/target/debug:\$PATH
  novaroutectl apply-peer --owner admin --neighbor 10.0.1.2 --remote-as 65001
  novaroutectl advertise --owner admin --prefix 192.0.2.1/32 --communities 65000:1
  novaroutectl status

When done: $end
END
}

# --- commands --------------------------------------------------------------

lab=nrlab
if [ "${1:-}" = -l ]; then
    [ $# -ge 2 ] || die "-l wants the lab's name"
    lab=$2
    shift 2
fi
run=$LAB_RUN/$lab
command=${1:-help}
shift || true

case $command in
help | -h | --help) usage && exit ;;
esac
need_root "a lab" "makes network namespaces"

case $command in
up)
    "$here/rootfs.sh" check 2>/dev/null || "$here/rootfs.sh" check
    up "$@"
    ;;
down)
    mkdir -p "$LAB_RUN"
    down "$lab"
    ;;
reap)
    mkdir -p "$LAB_RUN"
    exec 9>"$LAB_RUN/.lock"
    flock 9
    reap
    ;;
status) check_up && status ;;
exec)
    check_up
    check_router "${1:-}"
    router=$1
    shift
    exec ip netns exec "$lab-$router" "$@"
    ;;
vtysh)
    check_up
    check_router "${1:-}"
    router=$1
    shift
    in_router "$router" vtysh "$@"
    ;;
birdc) check_up && exec birdc -s "$run/bird/run/bird.ctl" "$@" ;;
signal) check_up && check_router "${1:-}" && send_signal "$@" ;;
pid) check_up && check_router "${1:-}" && pid_of "$1" "$2" ;;
start) check_up && check_router "${1:-}" && in_router "$1" daemon "$2" ;;
frr) check_up && check_router "${1:-}" && take_frr "$1" "$(FRR_ROOT=$2 frr_root)" ;;
link) check_up && check_router "${1:-}" && link "$@" ;;
config) check_up && agent_config ;;
howto) check_up && howto ;;
*) usage >&2 && die "unknown command '$command'" ;;
esac
