//! Which of bfdd's live sessions a declared one is. Pure: no async, no I/O, no clock.

use std::net::IpAddr;

use crate::{
    commit::View,
    model::{BfdSession, Intent, IntentKey, Peer},
    monitor::{self, BfdKey, FrrStatus},
};

/// A live session, or why there is none that is the declared one.
pub(crate) type Live<'a> = Result<(&'a BfdKey, &'a monitor::BfdSession), String>;

/// The session that bgpd has with a neighbour that has BFD.
pub(crate) fn of_peer<'a>(peer: &Peer, frr: &'a FrrStatus) -> Live<'a> {
    let multihop = peer.ebgp_multihop.is_some_and(|hops| hops.get() > 1);
    let found = frr.bfd_of_neighbor(peer.address, multihop);
    found.ok_or_else(|| "bfdd has no session with it".to_owned())
}

/// The live session that is the declared one: bgpd's own, where the neighbour of that address has BFD, and else the one
/// of bfdd's configuration.
pub(crate) fn of_session<'a>(session: &BfdSession, view: &View, frr: &'a FrrStatus) -> Live<'a> {
    let peer = peer(view, session.peer);
    if let Some(peer) = peer.filter(|peer| peer.bfd.is_some()) {
        let (key, live) = of_peer(peer, frr)?;
        let interface = session.interface.map(|name| name.to_string());
        let other_interface =
            interface.filter(|name| !key.interface.is_empty() && *name != key.interface);
        if let Some(name) = other_interface {
            let runs = &key.interface;
            return Err(format!(
                "bgpd's session with {} runs on {runs}, not on {name}",
                session.peer
            ));
        }
        if let (Some(declared), Some(runs)) = (session.local_address, key.local)
            && declared != runs
        {
            let peer = session.peer;
            return Err(format!(
                "bgpd's session with {peer} runs from {runs}, not from {declared}"
            ));
        }
        return Ok((key, live));
    }
    let hops = session.several_hops(peer, view.store.bgp());
    let local = hops.map(|(local, _)| local).or(session.local_address);
    let interface = session.interface.as_ref().map(|name| name.as_str());
    frr.bfd_configured(session.peer, hops.is_some(), local, interface)
        .ok_or_else(|| "bfdd has no such session".to_owned())
}

fn peer(view: &View, address: IpAddr) -> Option<&Peer> {
    match &view.store.get(&IntentKey::Peer(address))?.intent {
        Intent::Peer(peer) => Some(peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Change, proto::v1, wire};

    fn view(bfd_enabled: bool) -> View {
        let peer = v1::BgpPeer {
            neighbor_address: "10.0.1.2".into(),
            remote_as: 65000,
            source_address: "10.0.1.1".into(),
            bfd_enabled,
            ..v1::BgpPeer::default()
        };
        let owner = "admin".parse().unwrap();
        let mut view = View::default();
        let bgp = wire::bgp(65000, "").unwrap();
        view.store.apply(&owner, &Change::Set(Intent::Bgp(bgp)));
        view.store.apply(&owner, &Change::Set(Intent::from(wire::peer(&peer).unwrap())));
        view
    }

    fn session(interface: &str) -> BfdSession {
        let message = v1::BfdSession {
            peer_address: "10.0.1.2".into(),
            interface_name: interface.into(),
            ..v1::BfdSession::default()
        };
        wire::bfd_session(&message).unwrap()
    }

    /// bgpd's session over one hop, which is up, and a configured one over several, which never will be.
    fn two() -> FrrStatus {
        let of = |multihop, dynamic: bool, status: &str| {
            let (peer, local) = ("10.0.1.2".parse().unwrap(), "10.0.1.1".parse().ok());
            let interface = if multihop { String::new() } else { "tor0".to_owned() };
            let session =
                monitor::BfdSession { status: status.into(), dynamic, ..Default::default() };
            (BfdKey { peer, multihop, local, interface }, session)
        };
        let bfd_sessions = [of(false, true, "up"), of(true, false, "down")].into_iter().collect();
        FrrStatus { bfd_sessions, ..FrrStatus::default() }
    }

    #[test]
    fn a_declared_session_is_bgpds_where_the_peer_has_bfd_and_its_own_elsewhere() {
        let (key, live) = of_session(&session(""), &view(true), &two())
            .map(|(k, l)| (k.clone(), l.clone()))
            .unwrap();
        assert_eq!((key.multihop, live.status.as_str()), (false, "up"));
        // Without BFD at the peer the session goes over several hops, as iBGP does; bgpd's is another.
        let (_, live) = of_session(&session(""), &view(false), &two())
            .map(|(k, l)| (k.clone(), l.clone()))
            .unwrap();
        assert_eq!(live.status, "down");
        let other = of_session(&session("bird0"), &view(true), &two()).unwrap_err();
        assert_eq!(other, "bgpd's session with 10.0.1.2 runs on tor0, not on bird0");
        let none = of_session(&session(""), &view(true), &FrrStatus::default()).unwrap_err();
        assert_eq!(none, "bfdd has no session with it");
    }
}
