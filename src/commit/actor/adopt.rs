//! What FRR may have of ours when the agent starts: all that the journal's intents stand for, now or before.

use std::collections::BTreeMap;

use crate::{
    commit::ownership::objects,
    daemon::Forest,
    journal::State,
    model::{Intent, IntentKey},
    protocol::kinds,
    render::{Shapes, render, render_former, render_into},
};

/// The trees of what is stored and of what stood before, as far as FRR may still have it.
///
/// What a peer and a BFD session of one address stand for follows from both, and the anchor of an OSPF prefix from the static
/// route beside it. Of a transaction that was cut off
/// FRR may have either side, so each counts beside the other, beside the other as it was, and alone.
///
/// What a transaction that was cut off before anything was sent declares is none of it, nor what is known to be
/// theirs; what is no longer declared and was kept is.
pub(super) fn adopted(state: &State, shapes: Shapes) -> Forest {
    let mut forest = declared(state, shapes);
    for (daemon, held) in &state.remembered {
        let tree = forest.entry(*daemon).or_default();
        tree.merge(&held.kept);
        for (path, kind) in objects::marked(&held.theirs, tree) {
            objects::strip(tree, &path, kind);
        }
    }
    forest
}

fn declared(state: &State, shapes: Shapes) -> Forest {
    let sent = |intent: &&Intent| !state.unsent.contains(intent);
    let stored = || state.store.iter().map(|(_, owned)| &owned.intent).filter(sent);
    let mut forest = render(state.orphaned.iter().chain(stored()), shapes);
    let goes_by_another = |intent: &&Intent| kinds::of(intent.key().kind()).goes_by_others;
    let mut before: BTreeMap<IntentKey, &Intent> = BTreeMap::new();
    for intent in stored().chain(&state.orphaned).filter(goes_by_another) {
        before.insert(intent.key(), intent);
        render_into(&mut forest, intent, shapes);
    }
    let before: Vec<&Intent> = before.into_values().collect();
    let sides = [
        render(before.iter().copied(), shapes),
        render_former(before.iter().copied()),
        render_former(state.orphaned.iter().chain(stored())),
    ];
    for (daemon, tree) in sides.into_iter().flatten() {
        forest.entry(daemon).or_default().merge(&tree);
    }
    forest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        daemon::Daemon,
        model::{Change, OwnerName},
        proto::v1,
        render::StaticShape,
        wire,
    };

    const SHAPES: Shapes = Shapes { static_routes: StaticShape::Nested, coalesce_time: None };

    fn peer(receive: u32) -> Intent {
        let peer = v1::BgpPeer {
            neighbor_address: "10.0.0.2".into(),
            remote_as: 65001,
            bfd_enabled: true,
            bfd_min_rx_ms: receive,
            address_families: vec![v1::AddressFamily::Ipv4Unicast as i32],
            ..v1::BgpPeer::default()
        };
        Intent::from(wire::peer(&peer).expect("a peer"))
    }

    fn session(receive: u32) -> Intent {
        let session = v1::BfdSession {
            peer_address: "10.0.0.2".into(),
            min_rx_ms: receive,
            ..v1::BfdSession::default()
        };
        Intent::BfdSession(wire::bfd_session(&session).expect("a session"))
    }

    fn state(stored: &[Intent], orphaned: &[Intent]) -> State {
        let owner: OwnerName = "admin".parse().expect("a name");
        let mut state = State { orphaned: orphaned.to_vec(), ..State::default() };
        for intent in stored {
            state.store.apply(&owner, &Change::Set(intent.clone()));
        }
        state
    }

    /// Whatever a transaction about the one or the other was to change, what FRR ran before it and runs after it is ours.
    #[test]
    fn what_a_peer_and_a_session_stood_for_before_is_adopted() {
        let (old, new) = (vec![peer(100), session(200)], vec![peer(110), session(210)]);
        let sides: Vec<Vec<Intent>> = vec![
            vec![],
            vec![old[0].clone()],
            vec![old[1].clone()],
            old.clone(),
            vec![new[0].clone(), old[1].clone()],
            vec![old[0].clone(), new[1].clone()],
        ];
        for before in &sides {
            for after in &sides {
                let gone = before.iter().filter(|intent| !after.contains(intent));
                let state = state(after, &gone.cloned().collect::<Vec<_>>());
                let ours = adopted(&state, SHAPES);
                for side in [before, after] {
                    for (daemon, tree) in render(side, SHAPES) {
                        let lists = |tree: &crate::tree::Tree| -> Vec<String> {
                            let mut entries = Vec::new();
                            tree.for_each_leaf(&mut |path, _| entries.push(path.to_string()));
                            entries
                        };
                        let adopted = ours.get(&daemon).map(lists).unwrap_or_default();
                        for path in lists(&tree) {
                            assert!(adopted.contains(&path), "{path} of {before:?} to {after:?}");
                        }
                        assert!([Daemon::Bgpd, Daemon::Bfdd].contains(&daemon));
                    }
                }
            }
        }
    }
}
