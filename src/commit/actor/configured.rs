//! What the configuration declares by itself: the node's instance, and neighbours of `admin`.
//!
//! The instance is set where the configuration says something else than when it was last read, so that
//! what clients have set since then stands. Its neighbours stand as it says; one that another owner has
//! is left alone. Neighbours that it said before and says no longer go.

use std::collections::BTreeSet;

use tracing::{error, info, warn};

use super::Actor;
use crate::{
    commit::{CommitError, CommitRequest},
    journal::{Journal, JournalError, State},
    model::{Change, Configured, Intent, IntentKey, OwnerName},
    policy::{Policies, Violation, check_all},
    store::Store,
    transaction::Transaction,
};

/// Origin of transactions that nobody called for.
const ORIGIN: &str = "configuration";

/// Whose all of it is.
fn admin() -> OwnerName {
    OwnerName::ADMIN.parse().expect("admin is a valid owner name")
}

/// Leaves out neighbours that another owner has.
fn leave_others(store: &Store, now: &mut Configured) {
    now.peers.retain(|peer| match store.get(&IntentKey::Peer(peer.address)) {
        Some(owned) if owned.owner != admin() => {
            let (peer, owner) = (peer.address, &owned.owner);
            warn!(%peer, %owner, "a client has this peer of the configuration, and keeps it");
            false
        }
        _ => true,
    });
    now.profiles.retain(|profile| match store.bfd_profile(profile.name) {
        Some((owner, _)) if *owner != admin() => {
            let profile = profile.name;
            warn!(%profile, %owner, "a client has this BFD profile of the configuration, and keeps it");
            false
        }
        _ => true,
    });
}

/// What is noted before the change is made: neighbours of both, so that whatever the agent dies in, the
/// next one knows which to take out; and no instance where it changes, so that the next one sees any as new.
fn meanwhile(before: &Configured, now: &Configured) -> Configured {
    let bgp = now.bgp.clone().filter(|_| now.bgp == before.bgp);
    Configured { bgp, ..now.clone().with_others_of(before) }
}

/// What has to change, so that the configuration stands.
fn changes(state: &State, now: &Configured) -> Vec<Change> {
    let (store, before, admin) = (&state.store, &state.configured, admin());
    let mut changes = Vec::new();
    if let Some(bgp) = &now.bgp
        && (now.bgp != before.bgp || store.bgp().is_none())
    {
        changes.push(Change::Set(Intent::Bgp(bgp.clone())));
    }
    changes.extend(now.intents().map(Change::Set));
    let gone = before.keys().into_iter().filter(|key| !now.keys().contains(key));
    let ours = |key: &IntentKey| store.get(key).is_some_and(|owned| owned.owner == admin);
    changes.extend(gone.filter(ours).map(Change::Remove));
    changes.retain(|change| match change {
        Change::Set(intent) => store.get(&change.key()).map(|owned| &owned.intent) != Some(intent),
        Change::Remove(_) => true,
    });
    changes
}

/// The store as the changes leave it. The file is the operator's own word: it is held to no quota.
fn permit(store: &Store, changes: &[Change]) -> Result<Store, Vec<Violation>> {
    check_all(&Policies::default(), store, &admin(), changes)
}

/// Takes what the configuration says at the start as declared, to be sent with all the rest. What does
/// not fit to what clients have set since is left out, and said.
///
/// Gives the objects of the configuration; and the configuration again where the disk refuses it, to be declared when
/// the disk works.
pub(super) fn adopt(
    journal: &mut Journal,
    now: Configured,
) -> (BTreeSet<IntentKey>, Option<Configured>) {
    match try_adopt(journal, now.clone()) {
        Ok(keys) => (keys, None),
        Err(error) => {
            error!(%error, "what the configuration declares anew is taken when the disk works");
            (now.keys(), Some(now))
        }
    }
}

fn try_adopt(
    journal: &mut Journal,
    mut now: Configured,
) -> Result<BTreeSet<IntentKey>, JournalError> {
    leave_others(&journal.state().store, &mut now);
    let mut changes = changes(journal.state(), &now);
    let before = journal.state().store.clone();
    let mut after = permit(&before, &changes);
    if let Err(violations) = &after {
        for violation in violations {
            error!(%violation, "the configuration does not fit to what clients have declared");
        }
        changes.retain(|change| violations.iter().all(|violation| violation.key != change.key()));
        after = permit(&before, &changes);
    }
    match after {
        Ok(after) if !changes.is_empty() => {
            journal.configured(meanwhile(&journal.state().configured, &now))?;
            journal.declare(Transaction::new(&admin(), ORIGIN, &changes, &before, &after))?;
        }
        _ => {}
    }
    let keys = now.keys();
    journal.configured(now)?;
    Ok(keys)
}

impl Actor {
    /// Makes the configuration stand that was read now, all or nothing. Says how many objects changed.
    pub(super) async fn configure(&mut self, mut now: Configured) -> Result<usize, CommitError> {
        let state = self.journal.state();
        leave_others(&state.store, &mut now);
        let before_reload = state.configured.clone();
        let changes = changes(state, &now);
        let before = state.store.clone();
        let after = permit(&before, &changes).map_err(CommitError::Policy)?;
        let count = changes.len();
        if count > 0 {
            self.configured_now(meanwhile(&before_reload, &now)).await?;
            let request = CommitRequest::new(admin(), ORIGIN, changes);
            let transaction =
                Transaction::new(&request.owner, ORIGIN, &request.changes, &before, &after);
            let transaction = std::sync::Arc::new(transaction);
            let id = transaction.id;
            let result = self.carry_out(after, &[transaction], &[&request]).await;
            self.observer.request(&request, result.is_ok());
            match result {
                Ok(outcome) => info!(transaction = %id, changes = count, ?outcome, "configured"),
                Err(error) => {
                    self.configured_now(before_reload).await?;
                    return Err(error);
                }
            }
        }
        self.configured = std::sync::Arc::new(now.keys());
        self.configured_now(now).await?;
        self.publish();
        Ok(count)
    }

    async fn configured_now(&mut self, configured: Configured) -> Result<(), CommitError> {
        Ok(self.journal.configured(configured).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::*;
    use crate::{
        proto::v1,
        transaction::{Ending, Outcome},
        wire,
    };

    fn peer(number: u8, remote_as: u32) -> crate::model::Peer {
        let neighbor_address = format!("10.0.0.{number}");
        wire::peer(&v1::BgpPeer { neighbor_address, remote_as, ..Default::default() })
            .expect("a peer")
    }

    fn file(local_as: u32, peers: &[(u8, u32)]) -> Configured {
        let bgp = Some(wire::bgp(local_as, "").expect("an instance"));
        let peers = peers.iter().map(|(n, remote)| peer(*n, *remote)).collect();
        Configured { bgp, peers, profiles: Vec::new() }
    }

    fn open(dir: &Path) -> Journal {
        Journal::open(dir).expect("opened")
    }

    /// A client's call.
    fn call(journal: &mut Journal, who: &str, change: Change) {
        let (owner, before) = (who.parse().expect("a name"), journal.state().store.clone());
        let mut after = before.clone();
        after.apply(&owner, &change);
        let transaction = Transaction::new(&owner, "test", &[change], &before, &after);
        let id = transaction.id;
        journal.prepare(&[transaction.into()]).expect("written");
        let done = Ending::Done(Outcome::Confirmed);
        journal.settle(&[id], &done, Duration::ZERO, true).expect("written");
    }

    /// What is stored: peers with their owner and AS.
    fn peers(journal: &Journal) -> Vec<String> {
        let peers = journal.state().store.peers();
        peers.map(|(who, peer)| format!("{who} {} {}", peer.address, peer.remote_as)).collect()
    }

    fn local_as(journal: &Journal) -> u32 {
        journal.state().store.bgp().expect("an instance").local_as.get()
    }

    #[test]
    fn peers_stand_as_the_file_says_and_those_of_clients_are_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = open(dir.path());
        adopt(&mut journal, file(65000, &[(1, 65001), (2, 65001)]));
        assert_eq!(peers(&journal), ["admin 10.0.0.1 65001", "admin 10.0.0.2 65001"]);
        assert_eq!(journal.state().history.len(), 1);
        call(&mut journal, "edge", Change::Set(Intent::from(peer(3, 65003))));
        call(&mut journal, "admin", Change::Set(Intent::from(peer(4, 65004))));

        // The next start reads the same file: nothing happens.
        drop(journal);
        let mut journal = open(dir.path());
        adopt(&mut journal, file(65000, &[(1, 65001), (2, 65001)]));
        assert_eq!(journal.state().history.len(), 3, "no further transaction");

        // Added (10.0.0.5), changed (.1), removed (.2); one that a client has (.3).
        let now = file(65000, &[(1, 65009), (3, 65009), (5, 65005)]);
        let (keys, _) = adopt(&mut journal, now);
        let expected = [
            "admin 10.0.0.1 65009",
            "edge 10.0.0.3 65003",
            "admin 10.0.0.4 65004",
            "admin 10.0.0.5 65005",
        ];
        assert_eq!(peers(&journal), expected);
        assert_eq!(keys.len(), 2, "the client's is none of the configuration's");
        // What was in FRR is known, so that it is taken out.
        let left = &journal.state().orphaned;
        assert!(left.contains(&Intent::from(peer(2, 65001))), "{left:?}");

        // What the file claimed and a client had stays the client's when the file no longer says it.
        adopt(&mut journal, file(65000, &[]));
        assert_eq!(peers(&journal), ["edge 10.0.0.3 65003", "admin 10.0.0.4 65004"]);
    }

    #[test]
    fn the_instance_that_a_client_set_stands_until_the_file_says_another() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = open(dir.path());
        adopt(&mut journal, file(65000, &[]));
        let bgp = wire::bgp(65010, "").expect("an instance");
        call(&mut journal, "edge", Change::Set(Intent::Bgp(bgp)));
        adopt(&mut journal, file(65000, &[]));
        assert_eq!(local_as(&journal), 65010);
        adopt(&mut journal, file(65020, &[]));
        assert_eq!(local_as(&journal), 65020);
    }

    #[test]
    fn what_does_not_fit_at_the_start_is_left_out_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = open(dir.path());
        adopt(&mut journal, file(65000, &[]));
        let bgp = wire::bgp(65010, "").expect("an instance");
        call(&mut journal, "edge", Change::Set(Intent::Bgp(bgp)));
        let mut now = file(65000, &[(1, 65001), (2, 65000)]);
        now.peers[1].peer_type = Some(crate::model::PeerType::Internal);
        adopt(&mut journal, now);
        assert_eq!(peers(&journal), ["admin 10.0.0.1 65001"]);
    }

    /// Whatever the agent dies in, the next start with any file ends where that file says.
    #[test]
    fn a_death_between_any_two_writes_leaves_nothing_behind() {
        let (old, new) = (file(65000, &[(1, 65001)]), file(65001, &[(2, 65002)]));
        // 0: after the note, 1: after the transaction, 2: after all of it.
        for died in 0..3 {
            for next in [&old, &new, &file(65002, &[])] {
                let dir = tempfile::tempdir().expect("a directory");
                let mut journal = open(dir.path());
                adopt(&mut journal, old.clone());
                let noted = meanwhile(&journal.state().configured, &new);
                if died == 0 {
                    journal.configured(noted).expect("written");
                } else {
                    adopt(&mut journal, new.clone());
                    if died == 1 {
                        journal.configured(noted).expect("written");
                    }
                }
                drop(journal);
                let mut journal = open(dir.path());
                adopt(&mut journal, next.clone());
                let of_file = |peer: &crate::model::Peer| {
                    format!("admin {} {}", peer.address, peer.remote_as)
                };
                let expected: Vec<_> = next.peers.iter().map(of_file).collect();
                assert_eq!(peers(&journal), expected, "died {died}, {next:?}");
                let expected = next.bgp.as_ref().expect("an instance").local_as.get();
                assert_eq!(local_as(&journal), expected, "died {died}");
            }
        }
    }
}
