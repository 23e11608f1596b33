//! Three BGP speakers by three hands (FRR, BIRD 2, GoBGP) as the node's peer: the same sequence with each, over
//! IPv4 and over IPv6, both address families in the session. What counts is what the *peer* has.

#[path = "../agent/mod.rs"]
mod agent;
#[path = "../lab/mod.rs"]
mod lab;
mod peers;

use std::collections::BTreeSet;

use agent::*;
use lab::{Lab, net, wait_for};
use novaroute::proto::v1::{BgpPeer, EventType, PrefixAttributes};
use peers::{PASSWORD, Peer, Seen, Transport};

const PREFIXES: [&str; 2] = ["192.0.2.10/32", "2001:db8::10/128"];

/// Waits until the peer has these prefixes so, each with the next hop of its family.
#[track_caller]
fn wait_route<P: Peer>(lab: &Lab, peer: &P, wanted: &Seen, next_hops: [&str; 2]) {
    for (prefix, next_hop) in PREFIXES.into_iter().zip(next_hops) {
        wait_for(&format!("{prefix} as {wanted:?} by {next_hop}"), SOON, || {
            let Some(mut seen) = peer.route(lab, prefix) else { return Err("no route".to_owned()) };
            let hop = std::mem::take(&mut seen.next_hop);
            if seen == *wanted && hop == next_hop { Ok(()) } else { Err(format!("{seen:?} {hop}")) }
        });
    }
}

/// A route of the node's AS with this MED and these communities.
fn seen(med: u64, communities: &[&str]) -> Seen {
    let communities: BTreeSet<_> = communities.iter().map(|it| (*it).to_owned()).collect();
    Seen { as_path: net::NODE_AS.to_string(), med, communities, ..Seen::default() }
}

fn the_peer_has_what_is_declared<P: Peer>(transport: Transport) {
    let lab = Lab::start(P::options(transport));
    let mut peer = P::start(&lab, transport);
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let events = admin.events(&["PEER_UP", "PEER_DOWN"]);
    let (address, number, next_hops) = P::session(transport);
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    // Without the password there is no session: the peer's kernel answers nothing.
    let with = BgpPeer { password: PASSWORD.to_owned(), ..agent::peer(address, number) };
    admin.apply_peer(with).unwrap();
    let attributes = |med, communities: &[&str]| PrefixAttributes {
        med,
        communities: communities.iter().map(|it| (*it).to_owned()).collect(),
        ..PrefixAttributes::default()
    };
    let both = |with: &PrefixAttributes| {
        for prefix in PREFIXES {
            admin.advertise_with(prefix, with.clone()).unwrap();
        }
    };
    both(&attributes(50, &["65000:100", "65000:1:2"]));
    wait_established(&lab, address);
    events.wait(EventType::PeerUp, address);
    let first = seen(50, &["65000:100", "65000:1:2"]);
    wait_route(&lab, &peer, &first, next_hops);

    // Changed in place, then cleared.
    both(&attributes(70, &["65000:200"]));
    wait_route(&lab, &peer, &seen(70, &["65000:200"]), next_hops);
    both(&attributes(0, &[]));
    wait_route(&lab, &peer, &seen(0, &[]), next_hops);
    both(&attributes(50, &["65000:100", "65000:1:2"]));

    // A drain, and its end.
    let token = token("admin");
    let ctl = |command: &str| {
        let out = agent.ctl(&[command, "--owner", "admin", "--token", &token]);
        assert!(out.status.success(), "{out:?}");
    };
    ctl("drain");
    let drained = seen(50, &["65000:100", "65000:1:2", "65535:0"]);
    wait_route(&lab, &peer, &drained, next_hops);
    ctl("undrain");
    wait_route(&lab, &peer, &first, next_hops);

    // The peer dies and comes back: nobody calls, and it has all again.
    peer.die(&lab);
    events.wait(EventType::PeerDown, address);
    peer.live(&lab);
    wait_established(&lab, address);
    wait_route(&lab, &peer, &first, next_hops);

    // One family's prefix goes, the other's stays.
    admin.withdraw(PREFIXES[0]).unwrap();
    wait_for("the end of the route", SOON, || match peer.route(&lab, PREFIXES[0]) {
        None => Ok(()),
        Some(seen) => Err(format!("{seen:?}")),
    });
    assert!(peer.route(&lab, PREFIXES[1]).is_some());
    assert_eq!(neighbor(&lab, address)["bgpState"], "Established");
}

/// One module for each peer: `docs/src/frr-versions.md` counts by them.
macro_rules! peer {
    ($module:ident, $peer:ty) => {
        mod $module {
            use super::{Transport, peers, the_peer_has_what_is_declared};

            #[test]
            fn has_what_is_declared_over_ipv4() {
                the_peer_has_what_is_declared::<$peer>(Transport::Ipv4);
            }

            #[test]
            fn has_what_is_declared_over_ipv6() {
                the_peer_has_what_is_declared::<$peer>(Transport::Ipv6);
            }
        }
    };
}

peer!(frr, peers::Frr);
peer!(bird, peers::Bird);
peer!(gobgp, peers::Gobgp);
