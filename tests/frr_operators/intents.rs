//! What owners declare, at random: objects of their own, and the operator's, with equal and with other values.

use std::collections::BTreeMap;

use novaroute::proto::v1::{
    BfdSession, BgpConfig, BgpPeer, Drain, DrainRef, Intent, IntentChange, IntentRef,
    OspfInterface, PrefixAdvertisement, PrefixAttributes, PrefixRef, StaticRoute, intent::Kind,
    intent_change::Change, intent_ref, static_route::NextHop,
};

use crate::{agent::*, dice::Dice, lab::net, operator::Operator};

pub const OWNERS: [&str; 3] = ["admin", "edge", "net"];

/// A few changes of one owner: all or nothing.
#[derive(Debug, Clone)]
pub struct Wish {
    pub owner: &'static str,
    pub changes: Vec<IntentChange>,
}

/// What each owner may have declared so far in a sequence: whether it was taken, only FRR knows.
#[derive(Debug, Default)]
pub struct Asked(BTreeMap<&'static str, Vec<Kind>>);

impl Wish {
    pub fn any(operator: &Operator, asked: &mut Asked, dice: &mut Dice) -> Self {
        let owner = dice.one(&["admin", "admin", "edge", "net"]);
        let asked = asked.0.entry(owner).or_default();
        // What may not be there is taken away alone: it would spoil what else is asked for.
        if !asked.is_empty() && dice.below(4) == 0 {
            let at = usize::try_from(dice.below(asked.len() as u64)).expect("an index");
            let gone = reference(&asked.swap_remove(at));
            let change = Some(Change::Remove(IntentRef { kind: Some(gone) }));
            return Self { owner, changes: vec![IntentChange { change, ..Default::default() }] };
        }
        let kinds: Vec<Kind> = (0..=dice.below(2)).map(|_| any(operator, owner, dice)).collect();
        asked.extend(kinds.iter().cloned());
        let set = |kind| Some(Change::Set(Intent { kind: Some(kind) }));
        Self {
            owner,
            changes: kinds
                .into_iter()
                .map(|kind| IntentChange { change: set(kind), ..Default::default() })
                .collect(),
        }
    }
}

/// One of the operator's objects, or one of these.
fn either(theirs: impl ExactSizeIterator<Item = String>, ours: &[&str], dice: &mut Dice) -> String {
    let mut theirs: Vec<String> = theirs.collect();
    if theirs.is_empty() || dice.coin() {
        return dice.one(ours).to_owned();
    }
    let at = usize::try_from(dice.below(theirs.len() as u64)).expect("an index");
    theirs.swap_remove(at)
}

fn any(operator: &Operator, owner: &str, dice: &mut Dice) -> Kind {
    if dice.below(20) == 0 {
        return Kind::Drain(Drain::default());
    }
    match dice.below(10) {
        0..=2 => Kind::Peer(a_peer(operator, dice)),
        3..=5 => Kind::Prefix(a_prefix(operator, owner, dice)),
        6 => Kind::StaticRoute(a_route(operator, dice)),
        7 => Kind::BfdSession(a_session(operator, dice)),
        8 => Kind::OspfInterface(an_interface(dice)),
        _ => {
            let usual = if operator.local_as == 0 { net::NODE_AS } else { operator.local_as };
            let local_as = dice.one(&[usual, usual, usual, 65009]);
            let router_id = dice.one(&["10.0.0.1", "10.0.0.1", "", "10.0.0.7"]).to_owned();
            Kind::Bgp(BgpConfig { local_as, router_id })
        }
    }
}

fn a_peer(operator: &Operator, dice: &mut Dice) -> BgpPeer {
    let theirs = operator.neighbors.iter().map(|(address, _)| address.clone());
    let ours = [net::TOR_V4, net::TOR_V6, net::BIRD_V4, "10.0.2.77"];
    let address = either(theirs, &ours, dice);
    let stated = operator.neighbors.iter().find(|(it, number)| *it == address && *number != 0);
    let equal = stated.map_or(Operator::usual_as(&address), |(_, number)| *number);
    let remote_as = dice.one(&[equal, equal, equal, 64999]);
    let plain = BgpPeer {
        address_families: dice.one(&[[1, 2], [1, 1], [2, 2]]).to_vec(),
        ..peer(&address, remote_as)
    };
    if dice.coin() {
        return plain;
    }
    let timers = dice.coin();
    BgpPeer {
        description: dice.one(&["", "of NovaRoute", "100% of \"it\""]).to_owned(),
        password: dice.one(&["", "", "n3w"]).to_owned(),
        keepalive: if timers { 3 } else { 0 },
        hold_time: if timers { 9 } else { 0 },
        bfd_enabled: dice.coin(),
        bfd_min_rx_ms: 100 * dice.number(4),
        max_prefix: 100 * dice.number(3),
        ebgp_multihop: dice.one(&[0, 0, 3, 255]),
        ..plain
    }
}

fn a_prefix(operator: &Operator, owner: &str, dice: &mut Dice) -> PrefixAdvertisement {
    let n = dice.below(4);
    let (host, host6, net) =
        (format!("192.0.2.{n}/32"), format!("2001:db8::{n}/128"), format!("10.244.{n}.0/24"));
    let ours: &[&str] = match owner {
        "edge" => &[&host, &host6],
        "net" => &[&net],
        _ => &[&host, &host6, &net, "0.0.0.0/0"],
    };
    let prefix = either(operator.networks.iter().cloned(), ours, dice);
    if dice.below(4) == 0 {
        return PrefixAdvertisement { prefix, protocol: 2, attributes: None };
    }
    let sets = [&[][..], &["65000:1"], &["65000:1", "65000:1:2"]];
    let attributes = dice.coin().then(|| PrefixAttributes {
        med: dice.number(3),
        local_preference: 100 * dice.number(3),
        communities: dice.one(&sets).iter().map(|it| (*it).to_owned()).collect(),
        ..Default::default()
    });
    PrefixAdvertisement { prefix, protocol: 1, attributes }
}

fn a_route(operator: &Operator, dice: &mut Dice) -> StaticRoute {
    let n = dice.below(4);
    let ours = format!("203.0.{n}.0/24");
    let prefix = either(operator.routes.iter().cloned(), &[&ours], dice);
    let gateways: &[&str] =
        if prefix.contains(':') { &[net::TOR_V6] } else { &[net::TOR_V4, net::BIRD_V4] };
    let next_hop = match dice.below(3) {
        0 => NextHop::Blackhole(true),
        _ => NextHop::Gateway(dice.one(gateways).to_owned()),
    };
    let (distance, tag) = (dice.one(&[0, 0, 20]), dice.one(&[0, 0, 5]));
    StaticRoute { prefix, next_hop: Some(next_hop), distance, tag }
}

fn a_session(operator: &Operator, dice: &mut Dice) -> BfdSession {
    let ours = [net::TOR_V4, net::BIRD_V4, net::TOR_V6];
    BfdSession {
        peer_address: either(operator.sessions.iter().cloned(), &ours, dice),
        min_rx_ms: 100 * dice.number(4),
        ..Default::default()
    }
}

fn an_interface(dice: &mut Dice) -> OspfInterface {
    OspfInterface {
        interface_name: dice.one(&[net::NODE_TOR_INTERFACE, net::NODE_BIRD_INTERFACE]).to_owned(),
        area_id: dice.one(&["0", "0.0.0.5"]).to_owned(),
        passive: dice.coin(),
        cost: dice.one(&[0, 30]),
        hello_interval: dice.one(&[0, 5]),
        dead_interval: 0,
    }
}

fn reference(kind: &Kind) -> intent_ref::Kind {
    match kind {
        Kind::Peer(peer) => intent_ref::Kind::Peer(peer.neighbor_address.clone()),
        Kind::Prefix(PrefixAdvertisement { prefix, protocol, .. }) => {
            intent_ref::Kind::Prefix(PrefixRef { prefix: prefix.clone(), protocol: *protocol })
        }
        Kind::StaticRoute(route) => intent_ref::Kind::StaticRoute(route.prefix.clone()),
        Kind::BfdSession(session) => intent_ref::Kind::BfdSession(session.peer_address.clone()),
        Kind::OspfInterface(it) => intent_ref::Kind::OspfInterface(it.interface_name.clone()),
        Kind::BfdProfile(profile) => intent_ref::Kind::BfdProfile(profile.name.clone()),
        // The instance goes with its owner alone.
        Kind::Drain(_) | Kind::Bgp(_) => intent_ref::Kind::Drain(DrainRef {}),
    }
}
