//! What may be declared, by whom, at random; and what is declared.

use std::collections::BTreeMap;

use novaroute::proto::v1::{
    BfdSession, BgpPeer, Intent, IntentChange, IntentRef, OspfInterface, PrefixAdvertisement,
    PrefixAttributes, PrefixRef, StaticRoute, intent::Kind, intent_change::Change, intent_ref,
    static_route::NextHop,
};

use crate::{agent::*, dice::Dice, lab::net};

/// A prefix that the operator advertises as well.
pub const OPERATORS: &str = "192.0.2.3/32";

/// An object of FRR's that an owner may declare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    Peer(&'static str),
    Prefix(String),
    OspfPrefix(String),
    Route(String),
    Session(&'static str),
    Interface(&'static str),
}

impl Object {
    pub fn any(owner: &str, dice: &mut Dice) -> Self {
        let n = dice.below(4);
        match owner {
            "edge" if dice.coin() => Self::Prefix(format!("192.0.2.{n}/32")),
            "edge" if dice.below(3) == 0 => Self::Session(net::BIRD_V4),
            "edge" => Self::Prefix(format!("2001:db8::{n}/128")),
            "net" => Self::Prefix(format!("10.244.{n}.0/24")),
            _ => match dice.below(6) {
                0 | 1 => Self::Peer(dice.one(&[net::TOR_V4, net::TOR_V6, net::BIRD_V4])),
                2 => Self::Route(format!("203.0.{n}.0/24")),
                3 => {
                    Self::Interface(dice.one(&[net::NODE_TOR_INTERFACE, net::NODE_BIRD_INTERFACE]))
                }
                4 => Self::Session(net::TOR_V6),
                _ => Self::OspfPrefix(format!("172.16.{n}.0/24")),
            },
        }
    }

    /// The object with fields at random.
    pub fn declared(&self, dice: &mut Dice) -> Kind {
        match self {
            Self::Peer(address) => {
                let remote_as = if *address == net::BIRD_V4 { net::BIRD_AS } else { net::TOR_AS };
                let timers = dice.coin();
                Kind::Peer(BgpPeer {
                    description: dice.one(&["", "100% of \"it\"", "another"]).to_owned(),
                    keepalive: if timers { 3 } else { 0 },
                    hold_time: if timers { 9 + dice.number(9) } else { 0 },
                    bfd_enabled: dice.coin(),
                    bfd_min_rx_ms: bfd_interval(address, dice),
                    max_prefix: 100 * dice.number(3),
                    ebgp_multihop: dice.one(&[0, 0, 3]),
                    address_families: dice.one(&[[1, 2], [1, 1], [2, 2]]).to_vec(),
                    ..peer(address, remote_as)
                })
            }
            // The operator has it too: what is equal is satisfied, and outlives what is declared.
            Self::Prefix(prefix) if prefix == OPERATORS => {
                let (prefix, protocol) = (prefix.clone(), 1);
                Kind::Prefix(PrefixAdvertisement { prefix, protocol, attributes: None })
            }
            Self::Prefix(prefix) => {
                let sets = [&[][..], &["65000:1"], &["65000:1", "65000:1:2"]];
                let attributes = PrefixAttributes {
                    med: dice.number(3),
                    local_preference: 100 * dice.number(3),
                    communities: dice.one(&sets).iter().map(|it| (*it).to_owned()).collect(),
                    ..Default::default()
                };
                let (prefix, attributes) = (prefix.clone(), Some(attributes));
                Kind::Prefix(PrefixAdvertisement { prefix, protocol: 1, attributes })
            }
            Self::OspfPrefix(prefix) => {
                let prefix = prefix.clone();
                Kind::Prefix(PrefixAdvertisement { prefix, protocol: 2, attributes: None })
            }
            Self::Route(prefix) => Kind::StaticRoute(StaticRoute {
                prefix: prefix.clone(),
                next_hop: Some(match dice.coin() {
                    true => NextHop::Gateway(dice.one(&[net::TOR_V4, net::BIRD_V4]).to_owned()),
                    false => NextHop::Blackhole(true),
                }),
                distance: dice.number(3),
                tag: dice.number(3),
            }),
            Self::Session(address) => Kind::BfdSession(BfdSession {
                peer_address: (*address).to_owned(),
                min_rx_ms: bfd_interval(address, dice),
                ..Default::default()
            }),
            Self::Interface(name) => Kind::OspfInterface(OspfInterface {
                interface_name: (*name).to_owned(),
                area_id: dice.number(2).to_string(),
                passive: dice.coin(),
                cost: dice.number(20),
                hello_interval: dice.number(8),
                dead_interval: 0,
            }),
        }
    }

    pub fn reference(&self) -> IntentRef {
        let of = |prefix: &String, protocol| {
            intent_ref::Kind::Prefix(PrefixRef { prefix: prefix.clone(), protocol })
        };
        IntentRef {
            kind: Some(match self {
                Self::Peer(address) => intent_ref::Kind::Peer((*address).to_owned()),
                Self::Prefix(prefix) => of(prefix, 1),
                Self::OspfPrefix(prefix) => of(prefix, 2),
                Self::Route(prefix) => intent_ref::Kind::StaticRoute(prefix.clone()),
                Self::Session(address) => intent_ref::Kind::BfdSession((*address).to_owned()),
                Self::Interface(name) => intent_ref::Kind::OspfInterface((*name).to_owned()),
            }),
        }
    }
}

/// Of the sessions that `edge` declares beside peers of `admin` all are alike: others would be refused.
fn bfd_interval(address: &str, dice: &mut Dice) -> u32 {
    let interval = 100 * dice.number(4);
    if address == net::BIRD_V4 { 0 } else { interval }
}

/// What is declared, by its owner.
pub type Model = BTreeMap<(&'static str, Object), Kind>;

pub const OWNERS: [&str; 3] = ["admin", "edge", "net"];

pub fn set(kind: &Kind) -> IntentChange {
    IntentChange {
        change: Some(Change::Set(Intent { kind: Some(kind.clone()) })),
        ..Default::default()
    }
}

pub fn remove(object: &Object) -> IntentChange {
    IntentChange { change: Some(Change::Remove(object.reference())), ..Default::default() }
}

/// A few objects of one owner, each with what is declared of it; `None` takes it away.
#[derive(Debug, Clone)]
pub struct Wish {
    pub owner: &'static str,
    pub objects: BTreeMap<Object, Option<Kind>>,
}

impl Wish {
    pub fn any(model: &Model, dice: &mut Dice) -> Self {
        let owner = dice.one(&["admin", "admin", "edge", "net"]);
        let mut objects = BTreeMap::new();
        for _ in 0..=dice.below(4) {
            let object = Object::any(owner, dice);
            if objects.contains_key(&object) {
                continue;
            }
            let gone = model.contains_key(&(owner, object.clone())) && dice.below(3) == 0;
            let kind = if gone { None } else { Some(object.declared(dice)) };
            objects.insert(object, kind);
        }
        Self { owner, objects }
    }

    /// The changes that bring it about. What is not there, as where earlier steps were left out, is not
    /// taken away.
    pub fn changes(&self, model: &Model) -> Vec<IntentChange> {
        let there = |object: &Object| model.contains_key(&(self.owner, object.clone()));
        let wished = self.objects.iter().filter(|(object, kind)| kind.is_some() || there(object));
        let change = |(object, kind): (&Object, &Option<Kind>)| match kind {
            Some(kind) => set(kind),
            None => remove(object),
        };
        wished.map(change).collect()
    }

    pub fn apply(&self, model: &mut Model) {
        for (object, kind) in &self.objects {
            let key = (self.owner, object.clone());
            match kind {
                Some(kind) => model.insert(key, kind.clone()),
                None => model.remove(&key),
            };
        }
    }
}
