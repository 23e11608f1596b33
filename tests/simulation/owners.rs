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
    pub have: Have,
    /// What the next start of the agent may find.
    pub may_be: Vec<Have>,
    /// Counts the changes of each object.
    pub versions: BTreeMap<Object, u64>,
    pub awaiting: Option<Awaiting>,
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
            have: Have::new(),
            may_be: vec![Have::new()],
            versions: BTreeMap::new(),
            awaiting: None,
            unsure: BTreeSet::new(),
            connected: true,
            since: Instant::now(),
            restarted: false,
        }
    }

    /// The soak's model of it.
    pub fn model(&self) -> Model {
        self.have.iter().map(|(object, kind)| ((self.name, object.clone()), kind.clone())).collect()
    }

    /// It was answered that this counts; `whole` where all that was answered is on disk.
    pub fn told(&mut self, now: Have, whole: bool) {
        let objects: BTreeSet<_> = self.have.keys().chain(now.keys()).cloned().collect();
        for object in objects {
            if self.have.get(&object) != now.get(&object) {
                *self.versions.entry(object).or_default() += 1;
            }
        }
        self.have = now;
        if whole {
            self.may_be.clear();
        }
        self.may_be.push(self.have.clone());
    }

    /// These were declared anew, whatever they were before: they are others now.
    pub fn touched(&mut self, objects: impl Iterator<Item = Object>) {
        objects.for_each(|object| *self.versions.entry(object).or_default() += 1);
    }

    /// What is left when a transaction is taken back: what was changed since stays.
    pub fn taken_back(&self, awaiting: &Awaiting) -> Have {
        let mut have = self.have.clone();
        for (object, before, version) in &awaiting.before {
            if self.versions.get(object).copied().unwrap_or_default() != *version {
                continue;
            }
            match before {
                Some(kind) => drop(have.insert(object.clone(), kind.clone())),
                None => drop(have.remove(object)),
            }
        }
        have
    }

    /// Takes note of a transaction that was not confirmed in time.
    pub fn follow(&mut self, view: &View) {
        let Some(awaiting) = &self.awaiting else { return };
        let finish = view.history.iter().find(|it| it.id == awaiting.id).and_then(|it| it.finish);
        match finish {
            None => {}
            Some(Finish::Confirmed) => self.awaiting = None,
            Some(Finish::RolledBack) => {
                let mut back = self.taken_back(awaiting);
                let there = stored(view, self.name);
                for (object, before, _) in &awaiting.before {
                    let now = there.get(&key(object));
                    let may_be = [before.as_ref(), self.have.get(object)];
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
                self.awaiting = None;
                self.unsure.clear();
                self.told(back, view.journal.is_empty());
            }
        }
    }

    /// Holds what the agent has against what was answered.
    ///
    /// # Errors
    /// How they differ.
    pub fn check(&mut self, view: &View) -> Result<(), String> {
        self.follow(view);
        let there = stored(view, self.name);
        let gone = !self.connected && there.is_empty() && self.since.elapsed() >= GRACE;
        if self.busy || gone || is(&self.have, &there) {
            return Ok(());
        }
        let last = history(view, self.name);
        Err(format!("{}: {}; {last}", self.name, difference(&self.have, &there)))
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
            self.awaiting = None;
            self.told(Have::new(), whole);
            return Ok(());
        }
        // An agent that died between the two: what is owed has its grace period again.
        self.have = Have::new();
        self.may_be = vec![Have::new()];
        if self.restarted { Ok(()) } else { Err("it has left and is given something back".into()) }
    }

    /// A new process has read the journal.
    ///
    /// # Errors
    /// It found what nothing that was answered leads to.
    pub fn found(&mut self, view: &View) -> Result<(), String> {
        let there = stored(view, self.name);
        let awaiting = self.awaiting.clone();
        let rolled_back = |awaiting: &Awaiting| {
            let it = view.history.iter().find(|it| it.id == awaiting.id);
            it.is_some_and(|it| it.finish == Some(Finish::RolledBack))
        };
        if let Some(awaiting) = awaiting.filter(rolled_back) {
            self.may_be.push(self.taken_back(&awaiting));
        }
        if !self.connected && self.since.elapsed() >= GRACE {
            self.may_be.push(Have::new());
        }
        let found = self.may_be.iter().rev().find(|have| is(have, &there)).cloned();
        let Some(found) = found else {
            let last = self.may_be.last().cloned().unwrap_or_default();
            return Err(format!("{} after a restart: {}", self.name, difference(&last, &there)));
        };
        self.told(found, true);
        (self.since, self.restarted) = (Instant::now(), true);
        let finished = |awaiting: &Awaiting| {
            let it = view.history.iter().find(|it| it.id == awaiting.id);
            it.is_none_or(|it| it.finish.is_some())
        };
        self.awaiting = self.awaiting.take().filter(|awaiting| !finished(awaiting));
        Ok(())
    }
}
