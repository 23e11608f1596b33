//! The part of what is desired that a batch changes.

use std::collections::BTreeSet;

use super::Actor;
use crate::{
    commit::{
        Applied, CommitRequest, EngineError,
        engine::{Judging, Part},
    },
    daemon::Daemon,
    model::{Change, Intent, IntentKey, Protocol},
    render::{Shapes, render, render_shared},
    store::Store,
};

impl Actor {
    /// Has what a batch changes judged, which begins at once, without a look at the rest. `None` where it
    /// takes that look.
    pub(super) fn judge_part(&self, after: &Store, requests: &[&CommitRequest]) -> Option<Judging> {
        let keys: BTreeSet<IntentKey> =
            requests.iter().flat_map(|request| &request.changes).map(Change::key).collect();
        let doubtful = self.out_of_step.is_some()
            || self.unreachable.contains_key(&Daemon::Bgpd)
            || keys.iter().any(|key| self.rejected.contains_key(key));
        if doubtful {
            return None;
        }
        let part = part(self.store(), after, &keys, self.engine.shapes())?;
        self.engine.judge_part(part)
    }

    /// Applies the part that was judged. `None` where it takes a look at the whole.
    pub(super) async fn send_part(
        &mut self,
        judging: Judging,
    ) -> Result<Option<Applied>, EngineError> {
        let applied = self.engine.commit_part(judging).await?;
        // What could not be reached before was not tried.
        Ok(applied.map(|mut applied| {
            for (daemon, why) in &self.unreachable {
                applied.unreachable.entry(*daemon).or_insert_with(|| why.clone());
            }
            applied
        }))
    }
}

/// What changes where these objects change; `None` where they are not all prefixes of BGP.
fn part(before: &Store, after: &Store, keys: &BTreeSet<IntentKey>, shapes: Shapes) -> Option<Part> {
    if !keys.iter().all(|key| matches!(key, IntentKey::Prefix(Protocol::Bgp, _))) {
        return None;
    }
    let daemon = Daemon::Bgpd;
    // The lines stand in the instance, which does not change.
    let instance = Intent::Bgp(after.bgp().filter(|_| before.bgp() == after.bgp())?.clone());
    let of = |store: &Store| {
        let intents = keys.iter().filter_map(|key| store.get(key)).map(|owned| &owned.intent);
        render(intents.chain([&instance]), shapes)
    };
    let (mut last, mut desired) = (of(before), of(after));
    let mut keep = desired.clone();
    for intent in keys.iter().filter_map(|key| before.get(key)).map(|owned| &owned.intent) {
        if let Intent::Prefix(ad) = intent
            && after.users_of(&ad.attributes) > 0
        {
            render_shared(&mut keep, intent);
        }
    }
    let [last, desired, keep] = [&mut last, &mut desired, &mut keep]
        .map(|forest| forest.remove(&daemon).unwrap_or_default());
    Some(Part { daemon, last, desired, keep })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{OwnerName, PathAttributes, PrefixAdvertisement},
        render::StaticShape,
        tree::{Tree, advance},
    };

    const SHAPES: Shapes = Shapes { static_routes: StaticShape::Nested };

    fn prefix(text: &str, med: Option<u32>) -> Intent {
        let med = med.and_then(std::num::NonZeroU32::new);
        Intent::Prefix(PrefixAdvertisement {
            prefix: text.parse().expect("a prefix"),
            protocol: Protocol::Bgp,
            attributes: PathAttributes { med, ..PathAttributes::default() },
        })
    }

    fn store(intents: impl IntoIterator<Item = Intent>) -> Store {
        let owner: OwnerName = "admin".parse().expect("a name");
        let bgp = crate::model::BgpGlobal {
            local_as: 65000.try_into().expect("an AS number"),
            router_id: None,
        };
        let mut store = Store::new();
        for intent in std::iter::once(Intent::Bgp(bgp)).chain(intents) {
            store.apply(&owner, &Change::Set(intent));
        }
        store
    }

    fn whole(store: &Store) -> Tree {
        let mut forest = render(store.iter().map(|(_, owned)| &owned.intent), SHAPES);
        forest.remove(&Daemon::Bgpd).unwrap_or_default()
    }

    /// What the parts make of all that was ours is what all that is desired renders to.
    #[test]
    fn a_part_leads_to_the_whole() {
        let (one, two) = (prefix("10.0.0.1/32", Some(5)), prefix("10.0.0.2/32", Some(5)));
        let plain = prefix("10.0.0.1/32", None);
        let other = prefix("10.0.0.1/32", Some(6));
        let states = [
            vec![],
            vec![one.clone()],
            vec![one.clone(), two.clone()],
            vec![other.clone(), two.clone()],
            vec![plain.clone(), two.clone()],
            vec![two],
            vec![other],
            vec![plain],
        ];
        for before in &states {
            for after in &states {
                let keys = before.iter().chain(after).map(Intent::key).collect();
                let (before, after) = (store(before.clone()), store(after.clone()));
                let part = part(&before, &after, &keys, SHAPES).expect("prefixes only");
                let mut tree = whole(&before);
                advance(&mut tree, &part.last, &part.desired, &part.keep, &|_| None);
                assert_eq!(tree, whole(&after));
            }
        }
    }
}
