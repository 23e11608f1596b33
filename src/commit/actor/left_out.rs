//! What FRR refuses while all of it is brought back is left out, so that it holds up nothing else.
//!
//! A refusal names an object. Where that object is desired, the intents that stand for it are rejected. Where it goes, no
//! intent is to blame: it is stuck, stays ours, and goes when FRR lets it. Both are tried again, with the pauses of `resync`.

use std::collections::{BTreeMap, btree_map::Entry};

use tracing::{error, warn};

use super::Actor;
use crate::{
    commit::{
        CommitRequest, EngineError,
        engine::{Refusal, Rejected},
    },
    daemon::{Daemon, Forest},
    model::{Change, IntentKey},
    protocol::kinds,
    render::{Shapes, render_into},
    store::Store,
    tree::Path,
};

impl Actor {
    /// Leaves out what was refused of what is desired. `false` where nothing new is known of it, so that to try again
    /// would end the same way.
    pub(super) fn leave_out(&mut self, rejected: Rejected, desired: &Forest) -> bool {
        let Rejected { error, mut refusals } = rejected;
        if let (true, EngineError::Refused { message, at: Some(at) }) = (refusals.is_empty(), error)
        {
            refusals.push(Refusal { message, at });
        }
        let is_desired = |refusal: &Refusal| {
            let (daemon, path) = &refusal.at;
            desired.get(daemon).is_some_and(|tree| tree.contains(path))
        };
        let (stand, go): (Vec<Refusal>, Vec<Refusal>) = refusals.into_iter().partition(is_desired);
        let mut found = false;
        for Refusal { message, at } in go {
            if let Entry::Vacant(entry) = self.stuck.entry(at) {
                let (daemon, object) = entry.key();
                warn!(%daemon, %object, reason = message,
                    "FRR refuses to lose what is no longer declared; it stays and is tried again");
                entry.insert(message);
                found = true;
            }
        }
        self.tell_engine_of_stuck();
        for (key, message) in blamed(self.store(), &stand, self.engine.shapes()) {
            if let Entry::Vacant(entry) = self.rejected.entry(key) {
                error!(intent = %key, reason = message, "FRR refuses this intent");
                entry.insert(message);
                found = true;
            }
        }
        self.publish();
        found
    }

    /// Tries those of what is stuck again that are meant.
    pub(super) fn forget_stuck(&mut self, meant: impl Fn(&(Daemon, Path)) -> bool) {
        let before = self.stuck.len();
        self.stuck.retain(|at, _| !meant(at));
        if self.stuck.len() != before {
            self.tell_engine_of_stuck();
        }
    }

    /// Tries what is stuck of these changes again: who asks for it gets FRR's answer.
    pub(super) fn try_stuck_again(&mut self, requests: &[&CommitRequest]) {
        if self.stuck.is_empty() {
            return;
        }
        let mut concerned = Forest::new();
        for key in requests.iter().flat_map(|request| &request.changes).map(Change::key) {
            if let Some(owned) = self.store().get(&key) {
                render_into(&mut concerned, &owned.intent, self.engine.shapes());
            }
        }
        self.forget_stuck(|(daemon, path)| {
            concerned.get(daemon).is_some_and(|tree| tree.contains(path))
        });
    }

    fn tell_engine_of_stuck(&mut self) {
        let mut stuck: BTreeMap<Daemon, Vec<Path>> = BTreeMap::new();
        for (daemon, path) in self.stuck.keys() {
            stuck.entry(*daemon).or_default().push(path.clone());
        }
        self.engine.set_stuck(stuck);
    }
}

/// The intents that stand for what was refused, each with the words.
fn blamed(store: &Store, refusals: &[Refusal], shapes: Shapes) -> BTreeMap<IntentKey, String> {
    let mut blamed = BTreeMap::new();
    let mut left: Vec<Refusal> = refusals.to_vec();
    // What no intent says by itself (OSPF's identifier is that of BGP) is said by those that stand for what is around it.
    while !left.is_empty() {
        let found = standing_for(store, &left, shapes, &mut blamed);
        let mut found = found.into_iter();
        left.retain_mut(|refusal| {
            let above = refusal.at.1.0.pop().is_some() && !refusal.at.1.0.is_empty();
            !found.next().unwrap_or(true) && above
        });
    }
    let bgp = blamed.get(&IntentKey::Bgp).cloned();
    if let Some(message) = bgp {
        let needs_bgp = |key: &&IntentKey| kinds::of(key.kind()).needs_bgp;
        for key in store.iter().map(|(key, _)| key).filter(needs_bgp) {
            blamed.entry(*key).or_insert_with(|| format!("needs the BGP instance: {message}"));
        }
    }
    blamed
}

/// Adds the intents that stand for what was refused. Says of each refusal whether there is one.
fn standing_for(
    store: &Store,
    refusals: &[Refusal],
    shapes: Shapes,
    blamed: &mut BTreeMap<IntentKey, String>,
) -> Vec<bool> {
    let mut found = vec![false; refusals.len()];
    for (key, owned) in store.iter() {
        let mut forest = Forest::new();
        render_into(&mut forest, &owned.intent, shapes);
        for (at, Refusal { message, at: (daemon, path) }) in refusals.iter().enumerate() {
            if forest.get(daemon).is_some_and(|tree| tree.contains(path)) {
                blamed.entry(*key).or_insert_with(|| message.clone());
                found[at] = true;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{
            BgpGlobal, Intent, NextHop, OwnerName, PathAttributes, PrefixAdvertisement, Protocol,
            StaticRoute,
        },
        render::{StaticShape, render},
    };

    const SHAPES: Shapes = Shapes { static_routes: StaticShape::Nested, coalesce_time: None };

    fn store() -> Store {
        let owner: OwnerName = "admin".parse().expect("a name");
        let prefix = |text: &str, protocol| {
            Intent::Prefix(PrefixAdvertisement {
                prefix: text.parse().expect("a prefix"),
                protocol,
                attributes: PathAttributes::default(),
            })
        };
        let route = |text: &str| {
            Intent::StaticRoute(StaticRoute {
                prefix: text.parse().expect("a prefix"),
                next_hop: NextHop::Blackhole,
                distance: StaticRoute::DEFAULT_DISTANCE,
                tag: 0,
            })
        };
        let bgp = BgpGlobal {
            local_as: 65000.try_into().expect("an AS number"),
            router_id: Some("10.0.0.1".parse().expect("an identifier")),
        };
        let mut store = Store::new();
        for intent in [
            Intent::Bgp(bgp),
            prefix("10.1.0.0/16", Protocol::Bgp),
            prefix("10.2.0.0/16", Protocol::Bgp),
            prefix("10.3.0.0/16", Protocol::Ospf),
            route("10.4.0.0/16"),
        ] {
            store.apply(&owner, &Change::Set(intent));
        }
        store
    }

    /// The keys that are blamed for a refusal of each of these leaves or entries.
    fn keys(daemon: Daemon, part: &str) -> Vec<String> {
        let store = store();
        let all = render(store.iter().map(|(_, owned)| &owned.intent), SHAPES);
        let mut path = None;
        all[&daemon].for_each_end(&mut |end, _| {
            if end.to_string().contains(part) {
                path.get_or_insert_with(|| end.clone());
            }
        });
        let at = (daemon, path.expect("such a path"));
        let refusal = Refusal { message: "no".to_owned(), at };
        blamed(&store, &[refusal], SHAPES).keys().map(ToString::to_string).collect()
    }

    #[test]
    fn a_refusal_is_blamed_on_those_that_stand_for_it_and_on_nobody_else() {
        assert_eq!(keys(Daemon::Bgpd, "10.1.0.0"), ["bgp prefix 10.1.0.0/16"]);
        assert_eq!(keys(Daemon::Mgmtd, "10.4.0.0"), ["static route 10.4.0.0/16"]);
        assert_eq!(keys(Daemon::Mgmtd, "10.3.0.0"), ["ospf prefix 10.3.0.0/16"]);
        // It says so by itself: it is what the process is for.
        assert_eq!(keys(Daemon::Ospfd, "router-id"), ["ospf prefix 10.3.0.0/16"]);
        // Without the instance there are none of these.
        assert_eq!(
            keys(Daemon::Bgpd, "local-as"),
            ["BGP instance", "bgp prefix 10.1.0.0/16", "bgp prefix 10.2.0.0/16"]
        );
    }
}
