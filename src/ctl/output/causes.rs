//! What is most likely the matter with a session that is not established, of what bgpd says of it. Pure.
//!
//! Where the cause is at the far end this end sees only what comes from there: then the candidates are named.

/// What is seen of a session.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    pub(super) address: &'a str,
    pub(super) remote_as: u32,
    pub(super) state: &'a str,
    pub(super) last_reset: &'a str,
    /// The last NOTIFICATION: whether this end sent it, its code and subcode.
    pub(super) notification: Option<(bool, u32, u32)>,
}

/// The likely causes, the one that is plain alone; none for a session that is established.
pub(super) fn of(peer: &Seen<'_>) -> Vec<String> {
    if peer.state == "Established" {
        return Vec::new();
    }
    if peer.state == "pending" || peer.state.starts_with("rejected") || peer.state == "drifted" {
        return vec!["FRR does not have the peer as it is declared; Reason says why".to_owned()];
    }
    if peer.state.starts_with("Idle (Admin") {
        return one("the peer is shut down in FRR on this node (`show running-config`)");
    }
    let by_notification = peer.last_reset.contains("Notification");
    if let Some((sent, code, subcode)) = peer.notification
        && let Some(cause) = notified(sent, code, subcode, peer.remote_as)
    {
        // bgpd begins its next attempt with this word, and the cause is still the same.
        let next_attempt =
            code == 2 && peer.last_reset.to_lowercase().contains("waiting for peer open");
        if by_notification || next_attempt {
            return vec![cause];
        }
    }
    let why = peer.last_reset.to_lowercase();
    let told = |word: &str| why.contains(word);
    if told("no path to specified neighbor") {
        one(
            "this node has no route to the neighbour: an interface is down, or ebgp_multihop is missing",
        )
    } else if told("interface down") {
        one("the interface to the neighbour is down: look at the cable and the neighbour's port")
    } else if told("bfd down") {
        one("BFD lost the neighbour: `novaroutectl bfd -o wide` has both ends' diagnostics")
    } else if told("hold timer expired") || told("holdtimer") {
        one(
            "nothing came from the neighbour for the hold time: packets are lost, or it stands still",
        )
    } else {
        silent(peer)
    }
}

fn one(cause: &str) -> Vec<String> {
    vec![cause.to_owned()]
}

/// What a NOTIFICATION says (RFC 4271 section 6, RFC 4486), where it names the cause.
fn notified(sent: bool, code: u32, subcode: u32, remote_as: u32) -> Option<String> {
    let cause = match (code, subcode, sent) {
        (2, 2, true) => {
            return Some(format!(
                "the neighbour is in another AS than {remote_as}: correct remote_as, or the neighbour"
            ));
        }
        (2, 2, false) => "the neighbour expects another AS of this node: correct it there",
        (2, 3, _) => "both ends have one router-id, or one that is not valid",
        (2, 6, _) => "the hold time is one that the other end does not take",
        (4, _, true) => {
            "nothing came from the neighbour for the hold time: packets are lost, or it stands still"
        }
        (4, _, false) => {
            "the neighbour got nothing from this node for its hold time: packets are lost"
        }
        (6, 1, _) => "more prefixes came than the other end takes",
        (6, 2, false) => "the neighbour was shut down by its operator",
        (6, 3, false) => "the neighbour does not have this node as a peer any more",
        (6, 5, false) => {
            "the neighbour takes no session from this node: it has no such peer, or it is shut down there"
        }
        (6, 10, _) => "BFD lost the path: `novaroutectl bfd -o wide` has both ends' diagnostics",
        _ => return None,
    };
    Some(cause.to_owned())
}

/// Nothing comes from the neighbour: what may be the matter there, or on the way.
fn silent(peer: &Seen<'_>) -> Vec<String> {
    [
        format!("{} is down, or does not listen on its TCP port", peer.address),
        "a firewall drops TCP between both".to_owned(),
        "a password is set on one side alone, or another one".to_owned(),
        "the neighbour does not have this node as a peer".to_owned(),
    ]
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer<'a>(
        state: &'a str,
        last_reset: &'a str,
        notification: Option<(bool, u32, u32)>,
    ) -> Seen<'a> {
        Seen { address: "10.0.0.1", remote_as: 65009, state, last_reset, notification }
    }

    #[test]
    fn what_is_plain_is_named_alone() {
        let (sent, received) = ("BGP Notification send", "BGP Notification received");
        for (peer, word) in [
            (peer("Idle", sent, Some((true, 2, 2))), "another AS than 65009"),
            (peer("Active", "Waiting for peer OPEN", Some((true, 2, 2))), "another AS than 65009"),
            (peer("Idle", received, Some((false, 2, 2))), "another AS of this node"),
            (peer("Idle", received, Some((false, 6, 2))), "shut down by its operator"),
            (peer("Active", "No path to specified Neighbor", None), "no route"),
            (peer("Active", "Interface down", Some((false, 6, 2))), "interface"),
            (peer("Active", "BFD down received", None), "BFD lost"),
            (peer("Idle (Admin)", "Admin. shutdown", None), "shut down in FRR"),
            (peer("pending", "", None), "Reason"),
            // The notification is older than what was changed.
            (peer("Active", "Interface down", Some((true, 2, 2))), "interface"),
        ] {
            let causes = of(&peer);
            assert_eq!(causes.len(), 1, "{peer:?}: {causes:?}");
            assert!(causes[0].contains(word), "{word}: {causes:?}");
        }
        assert_eq!(of(&peer("Established", received, Some((false, 6, 2)))), [""; 0]);
    }

    #[test]
    fn where_the_neighbour_is_silent_the_candidates_are_named() {
        let changed = peer("Connect", "Password config change", Some((true, 2, 2)));
        for peer in
            [peer("Active", "", None), peer("Connect", "Waiting for peer OPEN", None), changed]
        {
            let causes = of(&peer);
            assert!(causes.iter().any(|it| it.contains("password")), "{causes:?}");
            assert!(causes.len() > 2, "{causes:?}");
        }
    }
}
