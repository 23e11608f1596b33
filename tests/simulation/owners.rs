//! What clients know: what each owner has, by what it was answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use novaroute::{
    commit::{Changed, Finish, Transaction, TransactionId, View},
    model::{Change, Intent, IntentKey},
    proto::v1::intent::Kind,
    wire,
};
use tokio::time::Instant;

use crate::{
    model::{Model, Object, remove, set},
    node::{EDGE_PREFIXES, GRACE, owner},
};

/// What an owner has.
pub type Have = BTreeMap<Object, Kind>;

/// What an owner has, and which declaration of each object that is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    pub have: Have,
    pub versions: BTreeMap<Object, u64>,
}

/// A transaction that rolls back unless it is confirmed.
#[derive(Debug, Clone)]
pub struct Awaiting {
    pub id: TransactionId,
    /// What stood there before each object, and which version of it the transaction made.
    pub before: Vec<(Object, Option<Kind>, u64)>,
    pub by: Instant,
}

/// One owner.
#[derive(Debug)]
pub struct Owner {
    pub name: &'static str,
    /// Whether a call is under way.
    pub busy: bool,
    pub known: Known,
    /// What the next start of the agent may find, the likeliest last.
    pub may_be: Vec<Known>,
    /// Counts declarations.
    count: u64,
    pub awaiting: Option<Awaiting>,
    /// What waited, and whose end is not on disk.
    pub lapsed: Option<Awaiting>,
    /// What was answered as not confirmed.
    pub unconfirmed: Option<TransactionId>,
    /// Until when a call waits for its confirmation that was refused, and that the next process may try again.
    pub in_doubt: Option<Instant>,
    /// Objects of which nobody knows whether they were declared anew as they were: a call was not answered.
    pub unsure: BTreeSet<Object>,
    pub connected: bool,
    /// Since when it is not connected.
    pub since: Instant,
    /// Whether the agent has started since.
    pub restarted: bool,
}

pub fn intent(kind: &Kind) -> Intent {
    let changes = wire::changes(&[set(kind)]).expect("what the model declares is valid");
    match changes.into_iter().next() {
        Some(Change::Set(intent)) => intent,
        other => panic!("no intent: {other:?}"),
    }
}

pub fn key(object: &Object) -> IntentKey {
    wire::changes(&[remove(object)]).expect("what the model declares is valid")[0].key()
}

/// What the agent says that an owner has.
pub fn stored(view: &View, name: &str) -> BTreeMap<IntentKey, Intent> {
    let all = view.store.of_owner(&owner(name));
    let clients = all.filter(|(key, _)| !matches!(key, IntentKey::Bgp | IntentKey::Drain));
    clients.map(|(key, intent)| (*key, intent.intent.clone())).collect()
}

fn intents(have: &Have) -> BTreeMap<IntentKey, Intent> {
    have.values().map(intent).map(|intent| (intent.key(), intent)).collect()
}

pub fn is(have: &Have, stored: &BTreeMap<IntentKey, Intent>) -> bool {
    have.len() == stored.len() && intents(have) == *stored
}

/// Prefixes that count for the quota.
pub fn prefixes(have: &Have) -> usize {
    let is_prefix = |it: &&Object| matches!(it, Object::Prefix(_) | Object::OspfPrefix(_));
    have.keys().filter(is_prefix).count()
}

/// How two differ, in few words.
fn difference(have: &Have, stored: &BTreeMap<IntentKey, Intent>) -> String {
    let known = intents(have);
    let keys: BTreeSet<&IntentKey> = known.keys().chain(stored.keys()).collect();
    let differs = keys.into_iter().filter(|key| known.get(key) != stored.get(key));
    let words = differs.map(|key| match (known.get(key), stored.get(key)) {
        (Some(_), None) => format!("{key} is gone"),
        (None, Some(_)) => format!("{key} is there"),
        _ => format!("{key} is otherwise"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The last transactions about what an owner has.
fn history(view: &View, name: &str) -> String {
    let owner = owner(name);
    let is_about = |it: &&Arc<Transaction>| {
        let owners =
            |it: &Changed| [&it.before, &it.after].map(|it| it.as_ref().map(|it| it.owner.clone()));
        it.owner == owner || it.changes.iter().flat_map(owners).flatten().any(|it| it == owner)
    };
    let all: Vec<_> = view.history.iter().filter(is_about).collect();
    let shown = all.iter().rev().take(6).rev().map(|it| {
        let keys: Vec<_> = it.changes.iter().map(|it| it.key.to_string()).collect();
        let of = (&it.ending, it.finish, it.confirm_by.is_some());
        format!("{} {} {of:?} {}", it.owner, it.origin, keys.join(", "))
    });
    format!("the last transactions: {:#?}", shown.collect::<Vec<_>>())
}

impl Owner {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            busy: false,
            known: Known::default(),
            may_be: vec![Known::default()],
            count: 0,
            awaiting: None,
            lapsed: None,
            unconfirmed: None,
            in_doubt: None,
            unsure: BTreeSet::new(),
            connected: true,
            since: Instant::now(),
            restarted: false,
        }
    }

    /// The soak's model of it.
    pub fn model(&self) -> Model {
        self.known
            .have
            .iter()
            .map(|(object, kind)| ((self.name, object.clone()), kind.clone()))
            .collect()
    }

    /// What it has after these were declared anew or taken away.
    pub fn then<'a>(&mut self, have: Have, anew: impl IntoIterator<Item = &'a Object>) -> Known {
        let before = &self.known;
        let objects = before.have.keys().chain(have.keys());
        let differs = |object: &&Object| before.have.get(*object) != have.get(*object);
        let all: BTreeSet<Object> =
            objects.filter(differs).cloned().chain(anew.into_iter().cloned()).collect();
        let mut versions = before.versions.clone();
        for object in all {
            self.count += 1;
            versions.insert(object, self.count);
        }
        Known { have, versions }
    }

    /// Which declaration of an object it has.
    pub fn version(&self, object: &Object) -> u64 {
        self.known.versions.get(object).copied().unwrap_or_default()
    }

    /// It was answered that this counts; `whole` where all that was answered is on disk.
    pub fn told(&mut self, now: Known, whole: bool) {
        self.known = now;
        self.kept(whole);
    }

    /// What it has is what the agent has; `whole` where that is on disk.
    pub fn kept(&mut self, whole: bool) {
        if whole {
            self.may_be.clear();
            self.lapsed = None;
        }
        self.may_be.push(self.known.clone());
    }

    /// What waited to be confirmed has ended; `whole` where that is on disk.
    pub fn ended(&mut self, whole: bool) {
        // A view may have told of it before the answer does.
        if let Some(awaiting) = self.awaiting.take() {
            self.lapsed = Some(awaiting).filter(|_| !whole);
        }
    }

    /// What is left when a transaction is taken back: what was changed since stays.
    pub fn taken_back(&self, awaiting: &Awaiting) -> Have {
        let mut have = self.known.have.clone();
        for (object, before, version) in &awaiting.before {
            if self.version(object) != *version {
                continue;
            }
            match before {
                Some(kind) => drop(have.insert(object.clone(), kind.clone())),
                None => drop(have.remove(object)),
            }
        }
        have
    }

    /// Takes note of what waits to be confirmed as the next process has found it, where this is what stood before.
    pub fn waits(&mut self, view: &View, before: &Have, by: Instant) {
        let owner = owner(self.name);
        let waiting = view
            .history
            .iter()
            .rev()
            .find(|it| it.owner == owner && it.awaits_confirmation() && it.finish.is_none());
        let Some(waiting) = waiting else { return };
        let all: BTreeSet<&Object> = self.known.have.keys().chain(before.keys()).collect();
        let changed = |object: &&Object| {
            let key = key(object);
            waiting.changes.iter().any(|change| change.key == key)
                && before.get(*object) != self.known.have.get(*object)
        };
        let of =
            |object: &Object| (object.clone(), before.get(object).cloned(), self.version(object));
        let before = all.into_iter().filter(changed).map(of).collect();
        self.awaiting = Some(Awaiting { id: waiting.id, before, by });
    }

    /// Takes note of a transaction that was not confirmed in time.
    pub fn follow(&mut self, view: &View) {
        let Some(awaiting) = &self.awaiting else { return };
        let finish = view.history.iter().find(|it| it.id == awaiting.id).and_then(|it| it.finish);
        match finish {
            None => {}
            Some(Finish::Confirmed) => self.ended(view.journal.is_empty()),
            Some(Finish::RolledBack) => {
                let mut back = self.taken_back(awaiting);
                let there = stored(view, self.name);
                for (object, before, _) in &awaiting.before {
                    let now = there.get(&key(object));
                    let may_be = [before.as_ref(), self.known.have.get(object)];
                    let is = |kind: &Option<&Kind>| kind.map(intent).as_ref() == now;
                    if self.unsure.contains(object)
                        && let Some(found) = may_be.into_iter().find(is)
                    {
                        match found {
                            Some(kind) => drop(back.insert(object.clone(), kind.clone())),
                            None => drop(back.remove(object)),
                        }
                    }
                }
                if prefixes(&back) > EDGE_PREFIXES {
                    // Not all of it was put back: which, is the agent's choice.
                    back.retain(|object, _| there.contains_key(&key(object)));
                }
                let whole = view.journal.is_empty();
                self.ended(whole);
                self.unsure.clear();
                let back = self.then(back, []);
                self.told(back, whole);
            }
        }
    }

    /// Holds what the agent has against what was answered.
    ///
    /// # Errors
    /// How they differ.
    pub fn check(&mut self, view: &View) -> Result<(), String> {
        if let Some(id) = self.unconfirmed
            && view.history.iter().any(|it| it.id == id && it.finish == Some(Finish::Confirmed))
        {
            return Err(format!("{}: its confirmation was refused, and counts", self.name));
        }
        self.follow(view);
        let there = stored(view, self.name);
        let gone = !self.connected && there.is_empty() && self.since.elapsed() >= GRACE;
        if self.busy || gone || is(&self.known.have, &there) {
            return Ok(());
        }
        let last = history(view, self.name);
        Err(format!("{}: {}; {last}", self.name, difference(&self.known.have, &there)))
    }

    /// It comes back after its grace period, and nothing of it is left.
    ///
    /// # Errors
    /// It is to be given something back.
    pub fn lost_all(&mut self, view: &View) -> Result<(), String> {
        let owed = |it: &Awaiting| {
            let it = view.history.iter().find(|transaction| transaction.id == it.id);
            it.is_some_and(|it| it.owes(&owner(self.name)))
        };
        let whole = view.journal.is_empty();
        if !self.awaiting.as_ref().is_some_and(owed) {
            self.ended(whole);
            let none = self.then(Have::new(), []);
            self.told(none, whole);
            return Ok(());
        }
        // An agent that died between the two: what is owed has its grace period again.
        self.known = self.then(Have::new(), []);
        self.kept(true);
        if self.restarted { Ok(()) } else { Err("it has left and is given something back".into()) }
    }

    /// A new process has read the journal.
    ///
    /// # Errors
    /// It found what nothing that was answered leads to.
    pub fn found(&mut self, view: &View) -> Result<(), String> {
        let there = stored(view, self.name);
        // What was in doubt may be on disk.
        self.unconfirmed = None;
        let awaiting = self.awaiting.clone();
        let rolled_back = |awaiting: &Awaiting| {
            let it = view.history.iter().find(|it| it.id == awaiting.id);
            it.is_some_and(|it| it.finish == Some(Finish::RolledBack))
        };
        if let Some(awaiting) = awaiting.filter(rolled_back) {
            let back = self.taken_back(&awaiting);
            let back = self.then(back, []);
            self.may_be.push(back);
        }
        if !self.connected && self.since.elapsed() >= GRACE {
            let none = self.then(Have::new(), []);
            self.may_be.push(none);
        }
        let mut all = std::mem::take(&mut self.may_be);
        let last = all.last().cloned().unwrap_or_default();
        all.retain(|known| is(&known.have, &there));
        let Some(found) = all.pop() else {
            let differs = difference(&last.have, &there);
            return Err(format!("{} after a restart: {differs}", self.name));
        };
        for (object, version) in &found.versions {
            let other = |it: &Known| it.versions.get(object) != Some(version);
            if all.iter().any(other) {
                self.unsure.insert(object.clone());
            }
        }
        let (before, lapsed) = (self.known.have.clone(), self.lapsed.take());
        self.told(found, true);
        (self.since, self.restarted) = (Instant::now(), true);
        self.awaiting = self.awaiting.take().or(lapsed);
        let finished = |awaiting: &Awaiting| {
            let it = view.history.iter().find(|it| it.id == awaiting.id);
            it.is_none_or(|it| it.finish.is_some())
        };
        self.awaiting = self.awaiting.take().filter(|awaiting| !finished(awaiting));
        if let Some(awaiting) = &mut self.awaiting {
            // Of a transaction from before its owner left for good nothing is given back.
            let it = view.history.iter().find(|it| it.id == awaiting.id);
            if it.is_some_and(|it| it.changes.iter().any(|change| change.renounced)) {
                awaiting.before.clear();
            }
        }
        if let (None, Some(by)) = (&self.awaiting, self.in_doubt.take()) {
            self.waits(view, &before, by);
        }
        Ok(())
    }
}
