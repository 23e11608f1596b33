//! Every intent with its owner. Pure: no async, no I/O, no clock.
//!
//! Owns the set of declared intents as a persistent (structure sharing) ordered
//! map: a clone is a snapshot that costs a pointer, and a change copies a path of
//! the tree, whatever the number of intents.

mod counts;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Bound,
    sync::Arc,
};

use imbl::{OrdMap, ordmap::DiffItem};
use ipnet::IpNet;

pub use counts::Counts;

use crate::model::{
    BfdProfile, BgpGlobal, Change, Drain, Intent, IntentKey, IntentKind, OwnerName, PathAttributes,
    Peer, Prefix, PrefixAdvertisement, ProfileName, Source,
};

/// An intent and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Who declared it, or took it over as `admin`.
    pub owner: OwnerName,
    /// What is declared.
    pub intent: Intent,
    /// Where its owner has it from, in its own words.
    pub source: Option<Source>,
}

impl Owned {
    /// An intent of which its owner does not say where it is from.
    pub fn new(owner: OwnerName, intent: Intent) -> Self {
        Self { owner, intent, source: None }
    }

    /// Its source as the contract has it; empty where there is none.
    pub fn source_text(&self) -> String {
        self.source.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

/// What an owner has: the keys, and how many of each kind.
#[derive(Clone, Default)]
struct Held {
    keys: imbl::OrdSet<IntentKey>,
    counts: Counts,
}

/// Every intent, by its key and by its owner.
///
/// `clone` is a snapshot at the cost of two pointers. [`apply`](Self::apply) and
/// [`get`](Self::get) are logarithmic in the number of intents.
#[derive(Clone, Default)]
pub struct Store {
    intents: OrdMap<IntentKey, Arc<Owned>>,
    owners: OrdMap<OwnerName, Held>,
    /// How many prefixes carry these attributes; none is without any.
    attributes: OrdMap<PathAttributes, usize>,
}

impl Store {
    /// A store without intents.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many intents there are.
    pub fn len(&self) -> usize {
        self.intents.len()
    }

    /// Whether there is no intent.
    pub fn is_empty(&self) -> bool {
        self.intents.is_empty()
    }

    /// The intent about this object.
    pub fn get(&self, key: &IntentKey) -> Option<&Owned> {
        self.intents.get(key).map(Arc::as_ref)
    }

    /// The intent about this object, to be kept without a copy.
    pub fn get_shared(&self, key: &IntentKey) -> Option<&Arc<Owned>> {
        self.intents.get(key)
    }

    /// All intents in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&IntentKey, &Owned)> {
        self.intents.iter().map(|(key, owned)| (key, owned.as_ref()))
    }

    /// All intents behind this key, all of them where there is none, in the order of their keys; costs what it yields.
    pub fn after(&self, last: Option<IntentKey>) -> impl Iterator<Item = (&IntentKey, &Owned)> {
        let behind = last.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.intents.range((behind, Bound::Unbounded));
        range.map(|(key, owned)| (key, owned.as_ref()))
    }

    /// Whether this is a BFD session whose timers a peer of `admin` overrules: bfdd has one session for both.
    pub fn is_overruled(&self, owned: &Owned) -> bool {
        let Intent::BfdSession(session) = &owned.intent else { return false };
        let peer = self.get(&IntentKey::Peer(session.peer));
        peer.is_some_and(|peer| {
            let timers = match &peer.intent {
                Intent::Peer(peer) => peer.bfd.map(|bfd| (bfd, peer.bfd_profile)),
                _ => None,
            };
            peer.owner.is_admin()
                && !owned.owner.is_admin()
                && timers.is_some_and(|it| it != (session.timers, session.profile))
        })
    }

    /// A BFD profile and whose it is.
    pub fn bfd_profile(&self, name: ProfileName) -> Option<(&OwnerName, &BfdProfile)> {
        let owned = self.get(&IntentKey::BfdProfile(name))?;
        match &owned.intent {
            Intent::BfdProfile(profile) => Some((&owned.owner, profile)),
            _ => None,
        }
    }

    /// The intents that name a BFD profile. Costs what there is of all but prefixes and static routes.
    pub fn that_name(&self, profile: ProfileName) -> impl Iterator<Item = &Owned> {
        self.but_routes(None).filter(move |it| it.intent.named_profile() == Some(profile))
    }

    /// One owner's intents in the order of their keys; costs what it yields.
    pub fn of_owner<'a>(
        &'a self,
        owner: &OwnerName,
    ) -> impl Iterator<Item = (&'a IntentKey, &'a Owned)> + use<'a> {
        let keys = self.owners.get(owner).map(|held| held.keys.iter());
        keys.into_iter().flatten().filter_map(|key| Some((key, self.get(key)?)))
    }

    /// Intents of the kinds of which a node has few, of one owner or of all: all but prefixes and static
    /// routes. Costs what there is of these kinds.
    pub fn but_routes<'a>(
        &'a self,
        owner: Option<&'a OwnerName>,
    ) -> impl Iterator<Item = &'a Owned> {
        let last_before = IntentKey::Peer(IpAddr::V6(Ipv6Addr::from(u128::MAX)));
        let first_behind = IntentKey::BfdSession(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.intents
            .range(..=last_before)
            .chain(self.intents.range(first_behind..))
            .map(|(_, owned)| owned.as_ref())
            .filter(move |owned| owner.is_none_or(|owner| owned.owner == *owner))
    }

    /// The prefix whose key is the next after `last`, the first where there is none.
    pub fn prefix_after(
        &self,
        last: Option<IntentKey>,
    ) -> Option<(&IntentKey, &Owned, &PrefixAdvertisement)> {
        let before = IntentKey::Peer(IpAddr::V6(Ipv6Addr::from(u128::MAX)));
        let behind = (Bound::Excluded(last.unwrap_or(before)), Bound::Unbounded);
        let (key, owned) = self.intents.range(behind).next()?;
        match &owned.intent {
            Intent::Prefix(ad) => Some((key, owned, ad)),
            _ => None,
        }
    }

    /// The node's BGP instance, where it is configured.
    pub fn bgp(&self) -> Option<&BgpGlobal> {
        match &self.get(&IntentKey::Bgp)?.intent {
            Intent::Bgp(bgp) => Some(bgp),
            _ => None,
        }
    }

    /// The node's drain and whose it is, where it is drained.
    pub fn drain(&self) -> Option<(&OwnerName, Drain)> {
        let owned = self.get(&IntentKey::Drain)?;
        match owned.intent {
            Intent::Drain(drain) => Some((&owned.owner, drain)),
            _ => None,
        }
    }

    /// All BGP neighbours with their owners in the order of their addresses; costs
    /// what it yields.
    pub fn peers(&self) -> impl Iterator<Item = (&OwnerName, &Peer)> {
        let first = IntentKey::Peer(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.intents
            .range(first..)
            .take_while(|(key, _)| key.kind() == IntentKind::Peer)
            .filter_map(|(_, owned)| match &owned.intent {
                Intent::Peer(peer) => Some((&owned.owner, &**peer)),
                _ => None,
            })
    }

    /// The destinations of all static routes in their order; costs what it yields.
    pub fn static_routes(&self) -> impl Iterator<Item = Prefix> {
        let first = Prefix::try_from(IpNet::default()).ok().map(IntentKey::StaticRoute);
        let from = first.map_or(Bound::Unbounded, Bound::Included);
        self.intents.range((from, Bound::Unbounded)).map_while(|(key, _)| match key {
            IntentKey::StaticRoute(prefix) => Some(*prefix),
            _ => None,
        })
    }

    /// How many intents of each kind each owner has; owners that have none are absent.
    pub fn counts(&self) -> impl Iterator<Item = (&OwnerName, Counts)> {
        self.owners.iter().map(|(owner, held)| (owner, held.counts))
    }

    /// How many intents of each kind there are.
    pub fn count_all(&self) -> Counts {
        self.counts().map(|(_, counts)| counts).sum()
    }

    /// How many intents of each kind this owner has.
    pub fn counts_of(&self, owner: &OwnerName) -> Counts {
        self.owners.get(owner).map(|held| held.counts).unwrap_or_default()
    }

    /// How many prefixes carry exactly these attributes, and so share what renders them.
    pub fn users_of(&self, attributes: &PathAttributes) -> usize {
        self.attributes.get(attributes).copied().unwrap_or_default()
    }

    /// Makes one change and returns what stood in its place before.
    ///
    /// Whether `owner` may do this is for [`policy`](crate::policy) to say; an
    /// object that is set belongs to `owner` afterwards, whosever it was.
    pub fn apply(&mut self, owner: &OwnerName, change: &Change) -> Option<Arc<Owned>> {
        let set = match change {
            Change::Set(intent) => Some(Arc::new(Owned::new(owner.clone(), intent.clone()))),
            Change::Remove(_) => None,
        };
        self.restore(change.key(), set)
    }

    /// Notes where what is declared here is from.
    pub fn note_source(&mut self, key: &IntentKey, source: Source) {
        if let Some(owned) = self.intents.get_mut(key) {
            Arc::make_mut(owned).source = Some(source);
        }
    }

    /// Makes this what stands for the key, as [`apply`](Self::apply) returned it, and returns what stood there.
    pub fn restore(&mut self, key: IntentKey, owned: Option<Arc<Owned>>) -> Option<Arc<Owned>> {
        let before = match &owned {
            Some(owned) => self.intents.insert(key, owned.clone()),
            None => self.intents.remove(&key),
        };
        if let Some(before) = &before {
            self.disown(&before.owner, &key);
            self.count_attributes(&before.intent, false);
        }
        if let Some(owned) = owned {
            self.count_attributes(&owned.intent, true);
            let held = self.owners.entry(owned.owner.clone()).or_default();
            held.keys.insert(key);
            held.counts.add(key.kind());
        }
        before
    }

    /// What differs from an earlier snapshot, in the order of the keys: the
    /// intent before and the intent now. Shared parts are skipped, so that it costs what it yields.
    pub fn diff<'a>(
        &'a self,
        earlier: &'a Store,
    ) -> impl Iterator<Item = (&'a IntentKey, Option<&'a Owned>, Option<&'a Owned>)> {
        earlier.intents.diff(&self.intents).map(|item| match item {
            DiffItem::Add(key, now) => (key, None, Some(now.as_ref())),
            DiffItem::Update { old: (key, before), new: (_, now) } => {
                (key, Some(before.as_ref()), Some(now.as_ref()))
            }
            DiffItem::Remove(key, before) => (key, Some(before.as_ref()), None),
        })
    }

    fn count_attributes(&mut self, intent: &Intent, more: bool) {
        let Intent::Prefix(ad) = intent else { return };
        if ad.attributes.is_empty() {
            return;
        }
        let users = self.users_of(&ad.attributes);
        match (more, users) {
            (true, users) => drop(self.attributes.insert(ad.attributes.clone(), users + 1)),
            (false, 0 | 1) => drop(self.attributes.remove(&ad.attributes)),
            (false, users) => drop(self.attributes.insert(ad.attributes.clone(), users - 1)),
        }
    }

    /// Takes a key from the owner that had it.
    fn disown(&mut self, owner: &OwnerName, key: &IntentKey) {
        let Some(held) = self.owners.get_mut(owner) else { return };
        held.keys.remove(key);
        held.counts.subtract(key.kind());
        if held.keys.is_empty() {
            self.owners.remove(owner);
        }
    }
}

/// Says how much there is, not what: a store can hold 100,000 intents.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("intents", &self.intents.len())
            .field("owners", &self.owners.len())
            .finish()
    }
}
