//! What `GetStatus` answers: what is declared and what FRR makes of it.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use crate::{
    commit::View,
    model::{Intent, IntentKey, OwnerName, Peer, Protocol},
    proto::v1,
};

/// What a monitor last saw in FRR.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrrSnapshot {
    /// Version as FRR says it; empty while it was never reached.
    pub version: String,
    /// Whether FRR can be reached.
    pub connected: bool,
    /// How long FRR runs.
    pub uptime: Option<Duration>,
    /// BGP sessions by the address of the neighbour.
    pub peers: BTreeMap<IpAddr, PeerSnapshot>,
}

/// What FRR says of one BGP session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerSnapshot {
    /// State (RFC 4271 section 8.2.2) as FRR calls it: `Established`, `Active`, …
    pub state: String,
    /// How long the session is established.
    pub uptime: Option<Duration>,
    /// Prefixes that the neighbour sent and were accepted, over all families.
    pub prefixes_received: u32,
    /// Prefixes sent to the neighbour, over all families.
    pub prefixes_sent: u32,
    /// State of the BFD session as FRR calls it, where there is one.
    pub bfd_status: Option<String>,
}

/// Where the snapshot comes from. Answers at once, from memory.
pub trait StatusSource: Send + Sync + 'static {
    /// What was last seen.
    fn snapshot(&self) -> Arc<FrrSnapshot>;
}

/// A snapshot that somebody else replaces.
impl StatusSource for tokio::sync::watch::Receiver<Arc<FrrSnapshot>> {
    fn snapshot(&self) -> Arc<FrrSnapshot> {
        self.borrow().clone()
    }
}

/// State of what is stored and not in FRR yet.
const PENDING: &str = "pending";
/// State of what FRR has confirmed.
const APPLIED: &str = "applied";

/// State of a declared object; one that FRR refused says so in FRR's words.
fn stored_state(view: &View, key: &IntentKey) -> String {
    match (view.rejected.get(key), &view.pending) {
        (Some(words), _) => format!("rejected: {words}"),
        (None, Some(_)) => PENDING.to_owned(),
        (None, None) => APPLIED.to_owned(),
    }
}

/// Builds the answer for one owner, or for all.
pub(super) fn get_status(
    view: &View,
    frr: &FrrSnapshot,
    owner: Option<&OwnerName>,
) -> v1::GetStatusResponse {
    let mut response = v1::GetStatusResponse {
        frr_status: Some(v1::FrrStatus {
            version: frr.version.clone(),
            connected: frr.connected,
            uptime: frr.uptime.map(uptime).unwrap_or_default(),
        }),
        ..v1::GetStatusResponse::default()
    };
    let mut add = |owner: &OwnerName, intent: &Intent| match intent {
        Intent::Peer(peer) => {
            let mut status = peer_status(peer, owner, frr.peers.get(&peer.address));
            if let Some(words) = view.rejected.get(&intent.key()) {
                status.state = format!("rejected: {words}");
            }
            response.peers.push(status);
        }
        Intent::Prefix(ad) => response.prefixes.push(v1::PrefixStatus {
            prefix: ad.prefix.to_string(),
            protocol: match ad.protocol {
                Protocol::Bgp => v1::Protocol::Bgp,
                Protocol::Ospf => v1::Protocol::Ospf,
            } as i32,
            owner: owner.to_string(),
            state: stored_state(view, &intent.key()),
        }),
        Intent::Bgp(_)
        | Intent::StaticRoute(_)
        | Intent::BfdSession(_)
        | Intent::OspfInterface(_) => {}
    };
    match owner {
        Some(owner) => view.store.of_owner(owner).for_each(|(_, it)| add(&it.owner, &it.intent)),
        None => view.store.iter().for_each(|(_, it)| add(&it.owner, &it.intent)),
    }
    response
}

fn peer_status(peer: &Peer, owner: &OwnerName, seen: Option<&PeerSnapshot>) -> v1::PeerStatus {
    v1::PeerStatus {
        neighbor_address: peer.address.to_string(),
        remote_as: peer.remote_as.get(),
        state: seen.map_or_else(|| PENDING.to_owned(), |seen| seen.state.clone()),
        owner: owner.to_string(),
        prefixes_received: seen.map_or(0, |seen| seen.prefixes_received),
        prefixes_sent: seen.map_or(0, |seen| seen.prefixes_sent),
        uptime: seen.and_then(|seen| seen.uptime).map(uptime).unwrap_or_default(),
        bfd_enabled: peer.bfd.is_some(),
        bfd_status: seen.and_then(|seen| seen.bfd_status.clone()).unwrap_or_default(),
        description: peer.description.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
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
    use crate::model::{Change, PathAttributes, PrefixAdvertisement};

    #[test]
    fn a_prefix_is_only_applied_where_frr_has_it() {
        let (prefix, protocol) = ("10.0.0.1/32".parse().unwrap(), Protocol::Bgp);
        let attributes = PathAttributes::default();
        let ad = Intent::Prefix(PrefixAdvertisement { prefix, protocol, attributes });
        let mut view = View::default();
        view.store.apply(&"novaedge".parse().unwrap(), &Change::Set(ad));
        let state =
            |view: &View| get_status(view, &FrrSnapshot::default(), None).prefixes.remove(0).state;
        assert_eq!(state(&view), "applied");
        view.pending = Some("bgpd can't be reached".into());
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
