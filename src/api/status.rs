//! What `GetStatus` answers: what is declared and what FRR makes of it.

use std::{borrow::Cow, fmt::Write as _, net::IpAddr, time::Duration};

use super::bfd;
use crate::{
    commit::{Kept, View},
    daemon::Daemon,
    model::{
        self, BfdProfile, BfdSession, Intent, IntentKey, OspfInterface, OwnerName, Peer,
        PrefixAdvertisement,
    },
    monitor::{self, Advertised, BfdKey, DaemonState, FrrStatus},
    proto::v1,
    store::Owned,
    tree::Path,
};

/// Room for most prefixes: the longest of IPv4 have 18 characters.
const PREFIX_TEXT: usize = 24;
/// State of what is stored and not in FRR yet.
const PENDING: &str = "pending";
/// State of what FRR has confirmed.
const APPLIED: &str = "applied";
/// State of a prefix that FRR has confirmed and that at least one neighbour is sent.
const ADVERTISED: &str = "advertised";
/// State of a drain that bgpd has confirmed.
const DRAINING: &str = "draining";
/// State of what FRR had confirmed and did not have any more when it was compared.
const DRIFTED: &str = "drifted";

/// What FRR lacks of a declared object: its state, and why. `None` where FRR has it.
fn lacking<'a>(view: &'a View, key: &IntentKey) -> Option<(String, Cow<'a, str>)> {
    if let Some(words) = view.rejected.get(key) {
        return Some((format!("rejected: {words}"), words.into()));
    }
    if view.drifted.contains(key) {
        let why = "FRR has lost or changed it; it is being repaired";
        return Some((DRIFTED.to_owned(), why.into()));
    }
    view.pending_of(key).map(|why| (PENDING.to_owned(), why.into()))
}

/// Writes what FRR lacks of an object over what it says of it. A session of which FRR says something has that
/// state, whatever else is still to be done.
fn say_lacking(
    lacking: Option<(String, Cow<'_, str>)>,
    seen: bool,
    state: &mut String,
    reason: &mut String,
) {
    let Some((lacks, why)) = lacking else { return };
    if lacks != PENDING || !seen {
        *state = lacks;
    }
    *reason = why.into_owned();
}

fn kept_object(daemon: &str, kept: &Kept) -> v1::KeptObject {
    v1::KeptObject {
        daemon: daemon.to_owned(),
        path: kept.path.to_string(),
        lines: kept.lines.clone(),
    }
}

fn stuck_object(daemon: Daemon, path: &Path, reason: &str) -> v1::StuckObject {
    v1::StuckObject {
        daemon: daemon.name().to_owned(),
        path: path.to_string(),
        reason: reason.to_owned(),
    }
}

/// Builds the answer for one owner, or for all; without the prefixes.
pub(super) fn get_status(
    view: &View,
    frr: &FrrStatus,
    age: Duration,
    owner: Option<&OwnerName>,
) -> v1::GetStatusResponse {
    let mut response = v1::GetStatusResponse {
        frr_status: Some(frr_status(frr)),
        snapshot_age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
        drain: drain_status(view),
        journal: view.journal.clone(),
        kept: view
            .kept
            .iter()
            .flat_map(|(daemon, kept)| kept.iter().map(|it| kept_object(daemon.name(), it)))
            .collect(),
        stuck: view
            .stuck
            .iter()
            .map(|((daemon, path), why)| stuck_object(*daemon, path, why))
            .collect(),
        ..v1::GetStatusResponse::default()
    };
    for owned @ Owned { owner, intent, .. } in view.store.but_routes(owner) {
        let source = owned.source_text();
        match intent {
            Intent::Peer(peer) => {
                let status = peer_status(peer, owner, view, frr);
                response.peers.push(v1::PeerStatus { source, ..status });
            }
            Intent::BfdSession(session) => {
                let status = bfd_status(session, owner, view, frr);
                response.bfd_sessions.push(v1::BfdSessionStatus { source, ..status });
            }
            Intent::OspfInterface(interface) => {
                let status = ospf_status(interface, owner, view, frr);
                response.ospf_interfaces.push(v1::OspfInterfaceStatus { source, ..status });
            }
            Intent::BfdProfile(profile) => {
                let status = profile_status(profile, owner, view);
                response.bfd_profiles.push(v1::BfdProfileStatus { source, ..status });
            }
            Intent::Bgp(_) | Intent::Drain(_) | Intent::Prefix(_) | Intent::StaticRoute(_) => {}
        }
    }
    response
}

/// The prefixes of one owner, or of all.
pub(super) fn prefix_statuses<'a>(
    view: &'a View,
    advertised: &'a Advertised,
    owner: Option<&'a OwnerName>,
) -> impl Iterator<Item = v1::PrefixStatus> + 'a {
    declared(view, owner).filter_map(|owned| match &owned.intent {
        Intent::Prefix(ad) => {
            let status = prefix_status(ad, &owned.owner, view, advertised);
            Some(v1::PrefixStatus { source: owned.source_text(), ..status })
        }
        _ => None,
    })
}

/// All that is declared by one owner, or by all.
pub(super) fn declared<'a>(
    view: &'a View,
    owner: Option<&'a OwnerName>,
) -> impl Iterator<Item = &'a Owned> + 'a {
    let of_owner = owner.into_iter().flat_map(|owner| view.store.of_owner(owner));
    let all = owner.is_none().then(|| view.store.iter()).into_iter().flatten();
    all.chain(of_owner).map(|(_, owned)| owned)
}

/// What FRR has of a declared object, and what it lacks.
pub(super) fn state_of(view: &View, key: &IntentKey) -> (String, String) {
    let lacking = lacking(view, key).unwrap_or((APPLIED.to_owned(), "".into()));
    (lacking.0, lacking.1.into_owned())
}

fn frr_status(frr: &FrrStatus) -> v1::FrrStatus {
    let daemons = frr.daemons.iter().map(|(daemon, state)| {
        let name = daemon.to_string();
        match state {
            DaemonState::Connected { version, uptime: time, .. } => v1::DaemonStatus {
                name,
                connected: true,
                version: version.clone(),
                uptime: time.map(uptime).unwrap_or_default(),
                reason: String::new(),
            },
            DaemonState::Disconnected { reason } => {
                v1::DaemonStatus { name, reason: reason.clone(), ..v1::DaemonStatus::default() }
            }
        }
    });
    v1::FrrStatus {
        version: frr.frr().unwrap_or_default().to_owned(),
        connected: frr.frr().is_ok(),
        uptime: frr.uptime().map(uptime).unwrap_or_default(),
        daemons: daemons.collect(),
    }
}

fn drain_status(view: &View) -> Option<v1::DrainStatus> {
    let (owner, drain) = view.store.drain()?;
    let (state, reason) =
        lacking(view, &IntentKey::Drain).unwrap_or((DRAINING.to_owned(), "".into()));
    Some(v1::DrainStatus {
        state,
        owner: owner.to_string(),
        until_restart: drain.until_restart,
        reason: reason.into_owned(),
        source: view.store.get(&IntentKey::Drain).map(Owned::source_text).unwrap_or_default(),
    })
}

fn prefix_status(
    ad: &PrefixAdvertisement,
    owner: &OwnerName,
    view: &View,
    advertised: &Advertised,
) -> v1::PrefixStatus {
    let key = IntentKey::Prefix(ad.protocol, ad.prefix);
    let (state, reason) = match lacking(view, &key) {
        Some((state, reason)) => (state, reason.into_owned()),
        None if advertised.contains(ad.protocol, &ad.prefix) => {
            (ADVERTISED.to_owned(), String::new())
        }
        None => (APPLIED.to_owned(), String::new()),
    };
    let protocol = match ad.protocol {
        model::Protocol::Bgp => v1::Protocol::Bgp,
        model::Protocol::Ospf => v1::Protocol::Ospf,
    };
    // There can be 100,000 of them, so that what each costs counts.
    let mut prefix = String::with_capacity(PREFIX_TEXT);
    write!(prefix, "{}", ad.prefix).expect("a string takes all that is written");
    v1::PrefixStatus {
        prefix,
        protocol: protocol as i32,
        owner: owner.as_str().to_owned(),
        state,
        reason,
        source: String::new(),
    }
}

fn peer_status(peer: &Peer, owner: &OwnerName, view: &View, frr: &FrrStatus) -> v1::PeerStatus {
    let mut status = v1::PeerStatus {
        neighbor_address: peer.address.to_string(),
        remote_as: peer.remote_as.get(),
        owner: owner.to_string(),
        state: PENDING.to_owned(),
        bfd_enabled: peer.bfd.is_some(),
        description: peer.description.as_ref().map(ToString::to_string).unwrap_or_default(),
        ..v1::PeerStatus::default()
    };
    if let Some(seen) = frr.neighbors.get(&peer.address) {
        status.state.clone_from(&seen.state);
        status.prefixes_received = narrow(seen.prefixes_received);
        status.prefixes_sent = narrow(seen.prefixes_sent);
        status.uptime = seen.uptime.map(uptime).unwrap_or_default();
        say_causes(seen, &mut status);
    }
    if peer.bfd.is_some() {
        let live = bfd::of_peer(peer, frr);
        status.bfd_session = Some(bfd_of_peer(&status, &live));
        if let Ok((_, seen)) = live {
            status.bfd_status.clone_from(&seen.status);
            status.bfd_min_rx_ms = millis(seen.min_rx);
            status.bfd_min_tx_ms = millis(seen.min_tx);
            status.bfd_detect_multiplier = seen.detect_multiplier;
        }
    }
    let lacking = lacking(view, &IntentKey::Peer(peer.address));
    let seen = frr.neighbors.contains_key(&peer.address);
    say_lacking(lacking, seen, &mut status.state, &mut status.reason);
    if peer.session.shutdown && status.reason.is_empty() {
        status.reason = "it is declared with shutdown".to_owned();
    }
    status
}

/// The BFD session of a peer with BFD.
fn bfd_of_peer(peer: &v1::PeerStatus, live: &bfd::Live<'_>) -> v1::BfdSessionStatus {
    let mut session = v1::BfdSessionStatus {
        peer_address: peer.neighbor_address.clone(),
        owner: peer.owner.clone(),
        state: PENDING.to_owned(),
        ..v1::BfdSessionStatus::default()
    };
    match live {
        Ok((key, seen)) => say_live(key, seen, &mut session),
        Err(why) => session.reason.clone_from(why),
    }
    session
}

fn bfd_status(
    session: &BfdSession,
    owner: &OwnerName,
    view: &View,
    frr: &FrrStatus,
) -> v1::BfdSessionStatus {
    let address: IpAddr = session.peer;
    let profile = session.profile.and_then(|name| view.store.bfd_profile(name));
    let timers = profile.map_or(session.timers, |(_, profile)| profile.timers);
    let mut status = v1::BfdSessionStatus {
        peer_address: address.to_string(),
        owner: owner.to_string(),
        state: PENDING.to_owned(),
        min_rx_ms: millis(timers.min_rx()),
        min_tx_ms: millis(timers.min_tx()),
        detect_multiplier: timers.detect_multiplier().into(),
        interface_name: session.interface.as_ref().map(ToString::to_string).unwrap_or_default(),
        ..v1::BfdSessionStatus::default()
    };
    let live = bfd::of_session(session, view, frr);
    if let Ok((key, seen)) = &live {
        say_live(key, seen, &mut status);
    }
    if let Err(why) = &live {
        status.reason.clone_from(why);
    }
    let lacking = lacking(view, &IntentKey::BfdSession(address));
    say_lacking(lacking, live.is_ok(), &mut status.state, &mut status.reason);
    status
}

/// Writes what bfdd says of a session.
fn say_live(key: &BfdKey, seen: &monitor::BfdSession, status: &mut v1::BfdSessionStatus) {
    status.multihop = key.multihop;
    status.local_address = key.local.map(|local| local.to_string()).unwrap_or_default();
    if !key.interface.is_empty() {
        status.interface_name.clone_from(&key.interface);
    }
    status.state.clone_from(&seen.status);
    status.min_rx_ms = millis(seen.min_rx);
    status.min_tx_ms = millis(seen.min_tx);
    status.detect_multiplier = seen.detect_multiplier;
    status.uptime = seen.up_for.map(uptime).unwrap_or_default();
    let (transmit, detection) = seen.negotiated.unwrap_or_default();
    (status.negotiated_tx_ms, status.detection_time_ms) = (millis(transmit), millis(detection));
    status.diagnostic.clone_from(&seen.diagnostic);
    status.remote_diagnostic.clone_from(&seen.remote_diagnostic);
    status.reason = seen.why_down().unwrap_or_default();
}

/// Writes why a session was lost, or does not come up, and what it carries.
fn say_causes(seen: &monitor::Neighbor, status: &mut v1::PeerStatus) {
    let monitor::Causes { reset, notification, next_try } = &seen.causes;
    if let Some(reset) = reset {
        status.last_reset_reason.clone_from(&reset.reason);
        status.last_reset_age_s = reset.age.as_secs();
    }
    status.last_notification = notification.as_ref().map(|one| v1::BgpNotificationStatus {
        sent: one.sent,
        code: one.code.into(),
        subcode: one.subcode.into(),
        text: one.text.clone(),
        message: one.message.clone(),
        age_s: one.age.as_secs(),
    });
    status.next_try_s = next_try.filter(|_| !seen.is_established()).map(|next| next.as_secs());
    status.times_lost = seen.connections_dropped;
    let families = seen.families.iter().map(|(family, exchanged)| {
        let family = match family {
            model::AddressFamily::Ipv4Unicast => v1::AddressFamily::Ipv4Unicast,
            model::AddressFamily::Ipv6Unicast => v1::AddressFamily::Ipv6Unicast,
        };
        v1::PeerFamilyStatus {
            family: family.into(),
            prefixes_received: narrow(exchanged.received),
            prefixes_sent: narrow(exchanged.sent),
        }
    });
    status.families = families.collect();
}

/// State of a BFD profile that bfdd has.
const CONFIGURED: &str = "configured";

fn profile_status(profile: &BfdProfile, owner: &OwnerName, view: &View) -> v1::BfdProfileStatus {
    let BfdProfile { name, timers } = profile;
    let lacking = lacking(view, &IntentKey::BfdProfile(*name));
    let (state, reason) = lacking.unwrap_or((CONFIGURED.to_owned(), "".into()));
    v1::BfdProfileStatus {
        name: name.to_string(),
        state,
        owner: owner.to_string(),
        min_rx_ms: millis(timers.min_rx()),
        min_tx_ms: millis(timers.min_tx()),
        detect_multiplier: timers.detect_multiplier().into(),
        reason: reason.into_owned(),
        source: String::new(),
    }
}

fn ospf_status(
    interface: &OspfInterface,
    owner: &OwnerName,
    view: &View,
    frr: &FrrStatus,
) -> v1::OspfInterfaceStatus {
    let name = interface.name.to_string();
    let seen = frr.ospf_interfaces.get(&name);
    let mut status = v1::OspfInterfaceStatus {
        owner: owner.to_string(),
        state: PENDING.to_owned(),
        area_id: interface.area.to_string(),
        cost: interface.cost.map_or(0, |cost| cost.get().into()),
        ..v1::OspfInterfaceStatus::default()
    };
    if let Some(seen) = seen {
        status.state.clone_from(&seen.state);
        status.area_id.clone_from(&seen.area);
        status.cost = seen.cost;
        status.neighbor_count = u32::try_from(seen.neighbors.len()).unwrap_or(u32::MAX);
        status.neighbors = seen.neighbors.iter().map(ospf_neighbor).collect();
    }
    let lacking = lacking(view, &IntentKey::OspfInterface(interface.name));
    say_lacking(lacking, seen.is_some(), &mut status.state, &mut status.reason);
    status.interface_name = name;
    status
}

fn ospf_neighbor(
    (id, neighbor): (&std::net::Ipv4Addr, &monitor::OspfNeighbor),
) -> v1::OspfNeighborStatus {
    v1::OspfNeighborStatus {
        neighbor_id: id.to_string(),
        address: neighbor.address.to_string(),
        state: neighbor.state.clone(),
    }
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// A time as FRR's tables show it: `00:01:02`, `1d02h03m`, `2w3d04h`.
fn uptime(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match days {
        0 => format!("{hours:02}:{:02}:{:02}", minutes % 60, seconds % 60),
        1..7 => format!("{days}d{:02}h{:02}m", hours % 24, minutes % 60),
        _ => format!("{}w{}d{:02}h", days / 7, days % 7, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::Lags;
    use crate::{
        daemon::Daemon,
        model::{Change, PathAttributes, Protocol},
    };

    #[test]
    fn a_prefix_is_only_applied_where_frr_has_it() {
        let (prefix, protocol) = ("10.0.0.1/32".parse().unwrap(), Protocol::Bgp);
        let attributes = PathAttributes::default();
        let ad = Intent::Prefix(PrefixAdvertisement { prefix, protocol, attributes });
        let mut view = View::default();
        view.store.apply(&"novaedge".parse().unwrap(), &Change::Set(ad));
        let mut frr = FrrStatus::default();
        let of = |view: &View, frr: &FrrStatus| {
            prefix_statuses(view, &frr.advertised, None).next().expect("one")
        };
        assert_eq!(of(&view, &frr).state, "applied");
        let table = monitor::Advertised::of([prefix]);
        let before = std::mem::replace(&mut frr.advertised, table);
        assert_eq!(of(&view, &frr).state, "advertised");
        view.drifted.insert(IntentKey::Prefix(protocol, prefix));
        assert_eq!(of(&view, &frr).state, "drifted");
        view.drifted.clear();
        frr.advertised = before;
        let state = |view: &View| of(view, &frr).state;
        assert_eq!(state(&view), "applied");
        view.lags.lose(Daemon::Ospfd, "connection refused");
        view.lags.lose(Daemon::Mgmtd, "connection refused");
        assert_eq!(state(&view), "applied", "neither has anything of a prefix of BGP");
        view.lags.lose(Daemon::Bgpd, "it was restarted");
        assert_eq!(state(&view), "pending");
        assert_eq!(of(&view, &frr).reason, "bgpd: it was restarted");
        view.lags = Lags::default();
        view.lags.doubt("FRR has not been read yet");
        assert_eq!(state(&view), "pending");
        view.rejected.insert(IntentKey::Prefix(protocol, prefix), "% no".into());
        assert_eq!(state(&view), "rejected: % no");
    }

    #[test]
    fn times_are_shown_as_frr_shows_them() {
        for (seconds, text) in [
            (0, "00:00:00"),
            (3_723, "01:02:03"),
            (86_399, "23:59:59"),
            (93_780, "1d02h03m"),
            (604_800, "1w0d00h"),
            (1_483_200, "2w3d04h"),
        ] {
            assert_eq!(uptime(Duration::from_secs(seconds)), text);
        }
    }
}
