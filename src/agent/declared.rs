//! What metrics show of what is declared: the store beside what the monitor knows.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::watch;

use crate::{
    api::bfd,
    commit::{CommitHandle, View},
    model::{Intent, OwnerName, Peer, Protocol},
    monitor::{Advertised, FrrStatus, Installed, OspfNeighbor, Snapshots, StaticRoutes},
    store::Owned,
    telemetry::{Declared, PeerSeries},
};

/// The static routes that zebra is asked for.
pub(super) fn static_routes(commit: CommitHandle) -> StaticRoutes {
    StaticRoutes::new(move || commit.view().store.static_routes().collect())
}

/// Puts together what a scrape shows.
pub(super) struct Shown {
    commit: CommitHandle,
    status: Snapshots,
    installed: watch::Receiver<Installed>,
    counted: Mutex<Option<Counted>>,
}

/// Prefixes that no neighbour is sent, by owner.
type NotAdvertised = BTreeMap<(OwnerName, Protocol), usize>;

/// What was counted last, and of what: there may be 100,000 prefixes, and mostly nothing has changed between two scrapes.
struct Counted {
    /// Only to know it again: a view holds the whole store.
    view: Weak<View>,
    advertised: Advertised,
    counts: NotAdvertised,
}

impl Shown {
    pub(super) fn new(
        commit: CommitHandle,
        status: Snapshots,
        installed: watch::Receiver<Installed>,
    ) -> Self {
        Self { commit, status, installed, counted: Mutex::default() }
    }

    /// What is declared now, and what FRR makes of it.
    pub(super) fn now(&self) -> Declared {
        let (view, frr) = (self.commit.view(), self.status.latest());
        let mut declared = Declared {
            drained: view.store.drain().is_some(),
            not_advertised: frr
                .knows_advertised()
                .then(|| self.not_advertised(&view, &frr.advertised)),
            ..Declared::default()
        };
        let installed = self.installed.borrow().clone();
        let is_installed = |prefix| installed.get(&prefix).copied().unwrap_or_default();
        declared.static_routes =
            view.store.static_routes().map(|prefix| (prefix, is_installed(prefix))).collect();
        for Owned { intent, .. } in view.store.but_routes(None) {
            show(intent, &view, &frr, &mut declared);
        }
        declared
    }

    fn not_advertised(&self, view: &Arc<View>, advertised: &Advertised) -> NotAdvertised {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let weak = Arc::downgrade(view);
        let same = |it: &&Counted| it.view.ptr_eq(&weak) && it.advertised.is(advertised);
        if let Some(known) = counted.as_ref().filter(same) {
            return known.counts.clone();
        }
        let counts = count(view, advertised);
        let advertised = advertised.clone();
        *counted = Some(Counted { view: weak, advertised, counts: counts.clone() });
        counts
    }
}

/// Counts prefixes that no neighbour is sent, of every owner that has any.
fn count(view: &View, advertised: &Advertised) -> NotAdvertised {
    let mut counts = NotAdvertised::new();
    let mut key = None;
    while let Some((at, owned, ad)) = view.store.prefix_after(key) {
        key = Some(*at);
        let count = counts.entry((owned.owner.clone(), ad.protocol)).or_default();
        if !advertised.contains(ad.protocol, &ad.prefix) {
            *count += 1;
        }
    }
    counts
}

/// Adds what is shown of an intent that is no route.
fn show(intent: &Intent, view: &View, frr: &FrrStatus, declared: &mut Declared) {
    match intent {
        Intent::Peer(peer) => {
            declared.peers.push(peer_series(peer, frr));
            if peer.bfd.is_some() {
                bfd_session(peer.address, bfd::of_peer(peer, frr), declared);
            }
        }
        Intent::BfdSession(session) => {
            bfd_session(session.peer, bfd::of_session(session, view, frr), declared);
        }
        Intent::OspfInterface(interface) => {
            let name = interface.name.to_string();
            let neighbors = frr.ospf_interfaces.get(&name).map(|it| it.neighbors.values());
            let full = neighbors.into_iter().flatten().filter(|it| OspfNeighbor::is_full(it));
            declared.ospf_neighbors.insert(name, full.count());
        }
        Intent::Bgp(_)
        | Intent::Drain(_)
        | Intent::Prefix(_)
        | Intent::StaticRoute(_)
        | Intent::BfdProfile(_) => {}
    }
}

fn peer_series(peer: &Peer, frr: &FrrStatus) -> PeerSeries {
    let seen = frr.neighbors.get(&peer.address);
    let families = peer.families.iter().map(|family| {
        let exchanged = seen.and_then(|seen| seen.families.get(family)).copied();
        let exchanged = exchanged.unwrap_or_default();
        (*family, exchanged.received, exchanged.sent)
    });
    PeerSeries {
        peer: peer.address,
        established: seen.and_then(|seen| seen.uptime),
        families: families.collect(),
    }
}

/// Of a peer and a declared session with one address both have to be up.
fn bfd_session(peer: IpAddr, live: bfd::Live<'_>, declared: &mut Declared) {
    let up = live.is_ok_and(|(_, session)| session.is_up());
    let known = declared.bfd_sessions.entry(peer).or_insert(true);
    *known &= up;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Change, PathAttributes, PrefixAdvertisement},
        proto::v1,
        wire,
    };

    fn set(view: &mut View, owner: &str, intent: Intent) {
        view.store.apply(&owner.parse().unwrap(), &Change::Set(intent));
    }

    fn prefix(text: &str) -> Intent {
        Intent::Prefix(PrefixAdvertisement {
            prefix: text.parse().unwrap(),
            protocol: Protocol::Bgp,
            attributes: PathAttributes::default(),
        })
    }

    fn shown(view: View, frr: FrrStatus) -> Declared {
        let (commit, _requests, publish) = CommitHandle::channel();
        publish.send_replace(Arc::new(view));
        let (_publish, frr) = watch::channel(Arc::new(frr));
        let (_publish, installed) = watch::channel(Installed::default());
        Shown::new(commit, Snapshots::new(frr), installed).now()
    }

    #[test]
    fn what_frr_does_not_show_is_down_and_has_its_series() {
        let mut view = View::default();
        let peer = v1::BgpPeer {
            neighbor_address: "10.0.1.2".into(),
            remote_as: 65001,
            bfd_enabled: true,
            ..v1::BgpPeer::default()
        };
        set(&mut view, "edge", wire::peer(&peer).unwrap().into());
        set(&mut view, "edge", prefix("192.0.2.1/32"));
        set(&mut view, "edge", prefix("192.0.2.2/32"));
        set(&mut view, "net", prefix("192.0.2.3/32"));
        let advertised =
            Advertised::of(["192.0.2.1/32".parse().unwrap(), "192.0.2.3/32".parse().unwrap()]);
        let frr = FrrStatus { advertised, ..FrrStatus::default() };
        let declared = shown(view, frr);
        assert_eq!(declared.peers.len(), 1);
        assert_eq!(declared.peers[0].established, None);
        assert_eq!(declared.peers[0].families.len(), 1);
        assert_eq!(declared.bfd_sessions, [("10.0.1.2".parse().unwrap(), false)].into());
        let of = |owner: &str| (owner.parse().unwrap(), Protocol::Bgp);
        assert_eq!(declared.not_advertised, Some([(of("edge"), 1), (of("net"), 0)].into()));
        assert!(!declared.drained);
    }
}
