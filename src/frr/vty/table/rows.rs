//! The rows of each daemon, in the order in which lines are sent: what is named stands
//! before what names it. Taking away goes the other way round.
//!
//! The language of the texts is described in `pattern`. Paths are relative to the root of
//! the row's node.

mod bfdd;
mod ospfd;

pub(super) use bfdd::{BFDD_HIDDEN, BFDD_NODES, bfdd};
pub(super) use ospfd::{OSPFD_HIDDEN, OSPFD_NODES, ospfd};

use crate::model::AddressFamily;

/// `frr-bgp:bgp` of the default VRF; FRR calls the instance `bgp`.
pub const BGP: &str = "/frr-routing:routing/control-plane-protocols\
    /control-plane-protocol[type=frr-bgp:bgp][name=bgp][vrf=default]/frr-bgp:bgp";

/// A node of the command line, as a constant.
pub(super) struct NodeSpec {
    pub name: &'static str,
    pub parent: Option<&'static str>,
    pub enter: &'static str,
    /// Data path before that of every row in the node.
    pub root: &'static str,
    pub context: &'static [&'static str],
}

/// A row, before it is compiled.
pub(super) struct RowSpec {
    pub node: &'static str,
    pub slot: &'static str,
    pub line: String,
    pub undo: String,
    pub data: Vec<String>,
    pub entry: bool,
    pub opens: Option<&'static str>,
    pub aliases: Vec<(String, &'static [(&'static str, &'static str)])>,
    pub rival: Option<(&'static str, &'static str)>,
    pub kept_by: &'static [&'static str],
    /// Number of the first words that say what the line is about, where they are others than usual.
    pub subject: Option<usize>,
    /// Words with which a line of the same beginning goes on that is about something else.
    pub beside: &'static [&'static str],
    /// Beginnings of other lines that it overwrites.
    pub also: &'static [&'static str],
}

/// A leaf that is not shown when it has `value`, or the schema's default where that is `None`; unless the object around
/// it has one of these lines, which give it another.
pub(super) struct HiddenSpec {
    pub root: &'static str,
    pub leaf: &'static str,
    pub value: Option<&'static str>,
    pub unless: &'static [(&'static str, &'static str)],
}

fn row(node: &'static str, slot: &'static str, line: &str, undo: &str, data: &[&str]) -> RowSpec {
    RowSpec {
        node,
        slot,
        line: line.to_owned(),
        undo: undo.to_owned(),
        data: data.iter().map(|text| (*text).to_owned()).collect(),
        entry: false,
        opens: None,
        aliases: Vec::new(),
        rival: None,
        kept_by: &[],
        subject: None,
        beside: &[],
        also: &[],
    }
}

impl RowSpec {
    fn entry(mut self) -> Self {
        self.entry = true;
        self
    }

    fn opens(mut self, node: &'static str) -> Self {
        self.opens = Some(node);
        self
    }

    /// The daemon takes only one line of this `kind` for each value of `variable`: what stands has to go
    /// before another is sent.
    fn rival(mut self, kind: &'static str, variable: &'static str) -> Self {
        self.rival = Some((kind, variable));
        self
    }

    /// It stays as long as a line of one of these slots is there, whosever that is.
    fn kept_by(mut self, slots: &'static [&'static str]) -> Self {
        self.kept_by = slots;
        self
    }

    /// The daemon has one line that begins with the first `count` words: another form of it would be overwritten.
    fn subject(mut self, count: usize) -> Self {
        self.subject = Some(count);
        self
    }
}

const TOP: &str = "top";
const ROUTE_MAP: &str = "route-map";
const ROUTER_BGP: &str = "router bgp";
const BGP_IPV4: &str = "address-family ipv4 unicast";
const BGP_IPV6: &str = "address-family ipv6 unicast";

const TOP_NODE: NodeSpec = NodeSpec { name: TOP, parent: None, enter: "", root: "", context: &[] };
const ROUTE_MAP_NODE: NodeSpec = NodeSpec {
    name: ROUTE_MAP,
    parent: Some(TOP),
    enter: "route-map {rmap} {action} {seq}",
    root: "/frr-route-map:lib/route-map[name={rmap}]/entry[sequence={seq}]",
    context: &["/action={action}"],
};

pub(super) const BGPD_NODES: [NodeSpec; 5] = [
    TOP_NODE,
    ROUTE_MAP_NODE,
    NodeSpec {
        name: ROUTER_BGP,
        parent: Some(TOP),
        enter: "router bgp {as}",
        root: BGP,
        context: &["/global/local-as={as}"],
    },
    NodeSpec {
        name: BGP_IPV4,
        parent: Some(ROUTER_BGP),
        enter: "address-family ipv4 unicast",
        root: BGP,
        context: &["/global/local-as={as}"],
    },
    NodeSpec {
        name: BGP_IPV6,
        parent: Some(ROUTER_BGP),
        enter: "address-family ipv6 unicast",
        root: BGP,
        context: &["/global/local-as={as}"],
    },
];

/// bgpd: prefix-lists, route-maps, then the instance, its neighbours, what each family says of
/// them, and the networks.
pub(super) fn bgpd() -> Vec<RowSpec> {
    let mut rows = Vec::new();
    prefix_lists(&mut rows);
    route_maps(&mut rows);
    instance(&mut rows);
    neighbors(&mut rows);
    for family in AddressFamily::ALL {
        family_rows(&mut rows, family);
    }
    rows
}

fn prefix_lists(rows: &mut Vec<RowSpec>) {
    for (slot, command, family, form) in
        [("prefix-list-4", "ip", "ipv4", "ip4net"), ("prefix-list-6", "ipv6", "ipv6", "ip6net")]
    {
        let line = format!(
            "{command} prefix-list {{name}} seq {{seq:num}} {{action}} {{prefix:{form}}} \
             [ge {{ge:num}}] [le {{le:num}}]"
        );
        let at = format!(
            "/frr-filter:lib/prefix-list[type={family}][name={{name}}]/entry[sequence={{seq:num}}]"
        );
        let data = [
            at.clone(),
            format!("{at}/action={{action}}"),
            format!("{at}/{family}-prefix={{prefix:{form}}}"),
            format!("?{at}/{family}-prefix-length-greater-or-equal={{ge:num}}"),
            format!("?{at}/{family}-prefix-length-lesser-or-equal={{le:num}}"),
        ];
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        rows.push(row(TOP, slot, &line, &format!("no {line}"), &data).entry());
    }
}

/// An entry of a route-map, whatever it matches and sets.
fn route_map_entry() -> RowSpec {
    let line = "route-map {rmap} {action} {seq:num}";
    row(
        TOP,
        "route-map",
        line,
        &format!("no {line}"),
        &[
            "/frr-route-map:lib/route-map[name={rmap}]/entry[sequence={seq:num}]",
            "/frr-route-map:lib/route-map[name={rmap}]/entry[sequence={seq:num}]/action={action}",
        ],
    )
    .entry()
    .opens(ROUTE_MAP)
}

fn route_maps(rows: &mut Vec<RowSpec>) {
    rows.push(route_map_entry());
    let mut set = |slot, command: &str, variable: &str, action: &str, leaf: &str| {
        let data = format!("/set-action[action={action}]/rmap-set-action/{leaf}={{v}}");
        let line = format!("set {command} {variable}");
        // This one command wants its value repeated.
        let undo = if command.starts_with("ipv6") {
            format!("no set {command} {{v}}")
        } else {
            format!("no set {command}")
        };
        rows.push(row(ROUTE_MAP, slot, &line, &undo, &[&data]));
    };
    set("set ip next-hop", "ip next-hop", "{v:ip}", "frr-route-map:ipv4-next-hop", "ipv4-address");
    set(
        "set ipv6 next-hop global",
        "ipv6 next-hop global",
        "{v:ip}",
        "frr-bgp-route-map:ipv6-nexthop-global",
        "frr-bgp-route-map:ipv6-address",
    );
    set(
        "set community",
        "community",
        "{v:communities...}",
        "frr-bgp-route-map:set-community",
        "frr-bgp-route-map:community-string",
    );
    set(
        "set large-community",
        "large-community",
        "{v:communities...}",
        "frr-bgp-route-map:set-large-community",
        "frr-bgp-route-map:large-community-string",
    );
    set(
        "set local-preference",
        "local-preference",
        "{v:num}",
        "frr-bgp-route-map:set-local-preference",
        "frr-bgp-route-map:local-pref",
    );
    set("set metric", "metric", "{v:num}", "frr-route-map:set-metric", "value");
}

fn instance(rows: &mut Vec<RowSpec>) {
    // FRR takes it for the same instance without the notation, and keeps showing it.
    let line = "router bgp {as:as} [as-notation {_notation}]";
    let (presence, local_as) = (format!("{BGP}!"), format!("{BGP}/global/local-as={{as:as}}"));
    rows.push(
        row(TOP, "router bgp", line, "no router bgp {as}", &[&presence, &local_as])
            .entry()
            .opens(ROUTER_BGP),
    );
    let mut global = |slot, line: &str, undo: &str, data: &str| {
        rows.push(row(ROUTER_BGP, slot, line, undo, &[data]));
    };
    global("router-id", "bgp router-id {id:ip}", "no bgp router-id", "/global/router-id={id:ip}");
    // Before any neighbour: a change asks for a reset of all of them.
    let (on, off) = ("bgp graceful-restart", "no bgp graceful-restart");
    global("graceful-restart", on, off, "/global/graceful-restart/enabled=true");
    global("graceful-restart", off, on, "/global/graceful-restart/enabled=false");
    global(
        "restart-time",
        "bgp graceful-restart restart-time {t:num}",
        "no bgp graceful-restart restart-time",
        "/global/graceful-restart/restart-time={t:num}",
    );
    global(
        "stalepath-time",
        "bgp graceful-restart stalepath-time {t:num}",
        "no bgp graceful-restart stalepath-time",
        "/global/graceful-restart/stale-routes-time={t:num}",
    );
    for (slot, command, leaf) in [
        ("import-check", "bgp network import-check", "/global/import-check"),
        ("ebgp-requires-policy", "bgp ebgp-requires-policy", "/global/ebgp-requires-policy"),
    ] {
        let no = format!("no {command}");
        global(slot, &no, command, &format!("{leaf}=false"));
        global(slot, command, &no, &format!("{leaf}=true"));
    }
    // Before any neighbour: a node that is drained never announces anything without saying so.
    let (on, off) = ("bgp graceful-shutdown", "no bgp graceful-shutdown");
    global("graceful-shutdown", on, off, "/global/graceful-shutdown/enable=true");
    for row in rows.iter_mut().filter(|row| row.slot == "graceful-restart") {
        (row.beside, row.also) = (GRACEFUL_RESTART_BESIDE, GRACEFUL_RESTART_ALSO);
    }
}

/// What graceful restart has beside its mode, in lines of their own.
const GRACEFUL_RESTART_BESIDE: &[&str] = &[
    "restart-time",
    "stalepath-time",
    "select-defer-time",
    "rib-stale-time",
    "preserve-fw-state",
    "disable-eor",
    "notification",
];

/// The third mode, which the model does not have.
const GRACEFUL_RESTART_ALSO: &[&str] = &["bgp graceful-restart-disable"];

fn neighbors(rows: &mut Vec<RowSpec>) {
    const N: &str = "/neighbors/neighbor[remote-address={n:ip}]";
    let at = |rest: &str| format!("{N}{rest}");
    for (remote, data) in [
        (
            "{asn:as}",
            vec![
                at("/neighbor-remote-as/remote-as-type=as-specified"),
                at("/neighbor-remote-as/remote-as={asn:as}"),
            ],
        ),
        ("internal", vec![at("/neighbor-remote-as/remote-as-type=internal")]),
        ("external", vec![at("/neighbor-remote-as/remote-as-type=external")]),
    ] {
        let mut all = vec![N];
        all.extend(data.iter().map(String::as_str));
        let line = format!("neighbor {{n:ip}} remote-as {remote}");
        rows.push(row(ROUTER_BGP, "neighbor", &line, "no neighbor {n}", &all).entry());
    }
    let mut neighbor = |slot, words: &str, undo: &str, data: &[&str]| {
        let data: Vec<String> = data.iter().map(|rest| at(rest)).collect();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let line = format!("neighbor {{n:ip}} {words}");
        let undo = format!("no neighbor {{n}} {undo}");
        rows.push(row(ROUTER_BGP, slot, &line, &undo, &data));
    };
    neighbor("description", "description {text...}", "description", &["/description={text}"]);
    neighbor("password", "password {key}", "password", &["/password={key}"]);
    neighbor(
        "update-source",
        "update-source {source:ip}",
        "update-source",
        &["/update-source/ip={source:ip}"],
    );
    neighbor(
        "update-source",
        "update-source {ifname}",
        "update-source",
        &["/update-source/interface={ifname}"],
    );
    neighbor(
        "ebgp-multihop",
        "ebgp-multihop {ttl:num}",
        "ebgp-multihop",
        &["/ebgp-multihop/multihop-ttl={ttl:num}"],
    );
    neighbor(
        "timers",
        "timers {keepalive:num} {hold:num}",
        "timers",
        &["/timers/keepalive={keepalive:num}", "/timers/hold-time={hold:num}"],
    );
    neighbor("bfd", "bfd", "bfd", &["/bfd-options/enable=true"]);
    neighbor(
        "bfd profile",
        "bfd profile {profile}",
        "bfd profile {profile}",
        &["/bfd-options/novaroute-frr-bgp:profile={profile}"],
    );
    for row in rows.iter_mut() {
        match row.slot {
            "timers" => row.beside = &["connect", "delayopen"],
            "bfd" => row.beside = &["profile", "check-control-plane-failure", "strict"],
            _ => {}
        }
    }
    // FRR shows the largest TTL as no TTL.
    let multihop = rows.iter_mut().find(|row| row.slot == "ebgp-multihop").expect("pushed above");
    multihop.aliases.push(("neighbor {n:ip} ebgp-multihop".to_owned(), &[("ttl", "255")]));
}

fn family_rows(rows: &mut Vec<RowSpec>, family: AddressFamily) {
    let name = family.name();
    // A slot is a constant, so that each family has names of its own.
    let (node, form, slots) = match family {
        AddressFamily::Ipv4Unicast => {
            (BGP_IPV4, "ip4net", ["soft-in 4", "max-prefix 4", "activate 4", "network 4"])
        }
        AddressFamily::Ipv6Unicast => {
            (BGP_IPV6, "ip6net", ["soft-in 6", "max-prefix 6", "activate 6", "network 6"])
        }
    };
    let afi = format!("/afi-safis/afi-safi[afi-safi-name=frr-routing:{name}]");
    let neighbor = format!("/neighbors/neighbor[remote-address={{n:ip}}]{afi}");
    let line = "neighbor {n:ip} soft-reconfiguration inbound";
    rows.push(row(
        node,
        slots[0],
        line,
        &format!("no {line}"),
        &[&format!("{neighbor}/{name}/soft-reconfiguration=true")],
    ));
    let limit = format!("{neighbor}/{name}/prefix-limit/direction-list[direction=in]");
    let undo = "no neighbor {n} maximum-prefix";
    // FRR shows the words in this order, and no threshold of 75. The first is ours: of what a change leaves of theirs it is what counts.
    for (words, options) in [
        ("warning-only", &["warning-only=true"][..]),
        (
            "{pct:num} warning-only",
            &["tw-shutdown-threshold-pct={pct:num}", "tw-warning-only=true"],
        ),
        (
            "{pct:num} restart {min:num}",
            &["tr-shutdown-threshold-pct={pct:num}", "tr-restart-timer={min:num}"],
        ),
        ("restart {min:num}", &["restart-timer={min:num}"]),
        ("{pct:num}", &["shutdown-threshold-pct={pct:num}"]),
        ("", &[]),
    ] {
        let options = options.iter().map(|option| format!("{limit}/options/{option}"));
        let data: Vec<String> =
            [format!("{limit}/max-prefixes={{max:num}}")].into_iter().chain(options).collect();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let line = format!("neighbor {{n:ip}} maximum-prefix {{max:num}} {words}");
        rows.push(row(node, slots[1], &line, undo, &data));
    }
    // Last of all that a neighbour has: from here on it exchanges routes.
    let (on, off) = ("neighbor {n:ip} activate", "no neighbor {n:ip} activate");
    rows.push(row(node, slots[2], on, off, &[&format!("{neighbor}/enabled=true")]));
    rows.push(row(node, slots[2], off, on, &[&format!("{neighbor}/enabled=false")]));
    let network = format!("/global{afi}/{name}/network-config[prefix={{p:{form}}}]");
    // `backdoor` is not read: such a prefix is never announced, and so is none that could be taken for ours.
    rows.push(
        row(
            node,
            slots[3],
            &format!("network {{p:{form}}} [label-index {{label:num}}] [route-map {{rmap}}]"),
            "no network {p}",
            &[
                &network,
                &format!("?{network}/label-index={{label:num}}"),
                &format!("?{network}/rmap-policy-export={{rmap}}"),
            ],
        )
        .entry(),
    );
}

/// bgpd shows none of these at the values that its profile gives them; a neighbour carries IPv4
/// unicast unless it is told not to, and the instance may say otherwise for all of its neighbours.
pub(super) const BGPD_HIDDEN: [HiddenSpec; 7] = [
    HiddenSpec { root: BGP, leaf: "/global/import-check={v}", value: None, unless: &[] },
    HiddenSpec { root: BGP, leaf: "/global/ebgp-requires-policy={v}", value: None, unless: &[] },
    HiddenSpec {
        root: BGP,
        leaf: "/global/graceful-restart/enabled={v}",
        value: None,
        unless: &[],
    },
    HiddenSpec {
        root: BGP,
        leaf: "/global/graceful-restart/restart-time={v}",
        value: None,
        unless: &[],
    },
    HiddenSpec {
        root: BGP,
        leaf: "/global/graceful-restart/stale-routes-time={v}",
        value: None,
        unless: &[],
    },
    HiddenSpec {
        root: BGP,
        leaf: "/neighbors/neighbor[remote-address={n}]/afi-safis\
             /afi-safi[afi-safi-name=frr-routing:ipv4-unicast]/enabled={v}",
        value: Some("true"),
        unless: &[("no bgp default ipv4-unicast", "false")],
    },
    HiddenSpec {
        root: BGP,
        leaf: "/neighbors/neighbor[remote-address={n}]/afi-safis\
             /afi-safi[afi-safi-name=frr-routing:ipv6-unicast]/enabled={v}",
        value: Some("false"),
        unless: &[("bgp default ipv6-unicast", "true")],
    },
];
