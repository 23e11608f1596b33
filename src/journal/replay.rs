//! Records → state, and what to make of a transaction that never settled. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use prost::Message;

use super::{
    claims::{self, Claims, Remembered},
    frame,
    message::{
        self, Unreadable, finish_code, settled, to_ending, to_finish, to_intent, to_owned,
        to_transaction,
    },
};
use crate::{
    daemon::Daemon,
    model::{Configured, FieldErrors, Intent, IntentKey, OwnerName},
    proto::journal::v1::{self, record::Kind},
    store::Store,
    transaction::{Changed, Ending, Finish, Outcome, Transaction, TransactionId},
};

/// Format that this program writes.
pub(super) const VERSION: u32 = 1;

/// Transactions that are remembered. One of 10,000 prefixes takes 3 MB, one call 300 bytes.
pub const HISTORY: usize = 256;

/// Changes that the remembered transactions have together, so that large ones don't pile up.
const HISTORY_CHANGES: usize = 50_000;

/// Everything that survives.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Every intent with its owner.
    pub store: Store,
    /// Earlier intents of which FRR may still have something: it was not confirmed that it has
    /// not. What they render to and the store does not is taken out of FRR.
    pub orphaned: Vec<Intent>,
    /// The latest transactions, oldest first.
    pub history: VecDeque<Arc<Transaction>>,
    /// What the configuration declared when it was last read.
    pub configured: Configured,
    /// Whose objects are, as far as intents do not tell.
    pub remembered: BTreeMap<Daemon, Arc<Remembered>>,
    /// Intents of transactions that were cut off before anything of them was sent: what FRR has of them is not
    /// ours.
    pub unsent: Vec<Intent>,
    /// Whether what was prepared last was about to be sent.
    pub touching: bool,
}

impl State {
    /// Takes note of transactions that are about to be sent to FRR.
    pub fn prepare(&mut self, transactions: &[Arc<Transaction>]) {
        self.touching = false;
        self.history.extend(transactions.iter().cloned());
        self.bound();
    }

    /// Whether all of these need not be on disk: they change nothing, and nothing that waits to be confirmed goes by them.
    pub(super) fn is_trivial(&self, transactions: &[Arc<Transaction>]) -> bool {
        if !transactions.iter().all(|t| t.changes_nothing()) {
            return false;
        }
        let mut waiting = self.history.iter().filter(|t| t.awaits_confirmation()).peekable();
        if waiting.peek().is_none() {
            return true;
        }
        let keys: BTreeSet<IntentKey> =
            transactions.iter().flat_map(|t| &t.changes).map(|change| change.key).collect();
        !waiting.flat_map(|t| &t.changes).any(|change| keys.contains(&change.key))
    }

    /// Takes note of how transactions ended: `store` becomes what they made of it, unless they
    /// were refused. `clean` says that FRR has all of the store, and nothing else of ours.
    pub fn settle(
        &mut self,
        ids: &[TransactionId],
        ending: &Ending,
        took: std::time::Duration,
        clean: bool,
    ) {
        for id in ids {
            let Some(found) = self.history.iter_mut().rev().find(|t| t.id == *id) else {
                continue;
            };
            let transaction = Arc::make_mut(found);
            transaction.ending = Some(ending.clone());
            transaction.took = took;
            if let Ending::Done(_) = ending {
                let before = transaction.changes.iter().filter_map(|c| c.before.as_ref());
                self.orphaned.extend(before.map(|owned| owned.intent.clone()));
                transaction.roll_forward(&mut self.store);
                if let Some(undone) = transaction.undoes {
                    let remark = transaction.remark.clone();
                    self.finish(undone, Finish::RolledBack);
                    self.remark(undone, remark);
                }
            }
        }
        if clean {
            self.orphaned.clear();
        }
    }

    /// Takes note of whose objects are.
    pub fn claim(&mut self, claims: &Claims) {
        if claims.touching {
            self.touching = true;
            self.unsent.clear();
        }
        for (daemon, claim) in &claims.daemons {
            Arc::make_mut(self.remembered.entry(*daemon).or_default()).apply(claim);
        }
        self.remembered.retain(|_, held| **held != Remembered::default());
    }

    /// Takes note of what became of a transaction that had to be confirmed.
    pub fn finish(&mut self, id: TransactionId, finish: Finish) {
        if let Some(transaction) = self.history.iter_mut().rev().find(|t| t.id == id) {
            Arc::make_mut(transaction).finish = Some(finish);
        }
    }

    fn remark(&mut self, id: TransactionId, remark: String) {
        if let Some(transaction) = self.history.iter_mut().rev().find(|t| t.id == id) {
            Arc::make_mut(transaction).remark = remark;
        }
    }

    /// Whether something that waits to be confirmed would give this owner something back.
    pub fn is_owed(&self, owner: &OwnerName) -> bool {
        self.history.iter().any(|transaction| transaction.owes(owner))
    }

    /// Takes note that an owner has left, with all that it had.
    pub fn renounce(&mut self, owner: &OwnerName) {
        for transaction in self.history.iter_mut().filter(|t| t.owes(owner)) {
            let changes = Arc::make_mut(transaction).changes.iter_mut();
            changes.filter(|c| c.owes(owner)).for_each(|change| change.renounced = true);
        }
    }

    /// Forgets the oldest transactions, but none that is under way or waits to be confirmed.
    fn bound(&mut self) {
        let mut changes: usize = self.history.iter().map(|t| t.changes.len()).sum();
        let needed = |t: &Transaction| t.ending.is_none() || t.awaits_confirmation();
        while (self.history.len() > HISTORY || changes > HISTORY_CHANGES)
            && let Some(at) = self.history.iter().position(|t| !needed(t))
            && let Some(forgotten) = self.history.remove(at)
        {
            changes -= forgotten.changes.len();
            self.supersede(&forgotten, at);
        }
    }

    /// Earlier ones than this, which is forgotten, are no longer what the objects have their state from.
    fn supersede(&mut self, forgotten: &Transaction, at: usize) {
        let undone = forgotten.undoes.is_some() || forgotten.finish == Some(Finish::RolledBack);
        if at == 0 || undone || !matches!(forgotten.ending, Some(Ending::Done(_))) {
            return;
        }
        let keys: BTreeSet<IntentKey> = forgotten.changes.iter().map(|change| change.key).collect();
        let stale = |change: &Changed| !change.superseded && keys.contains(&change.key);
        for earlier in self.history.iter_mut().take(at) {
            if earlier.changes.iter().any(stale) {
                let changes = Arc::make_mut(earlier).changes.iter_mut();
                changes.filter(|c| keys.contains(&c.key)).for_each(|c| c.superseded = true);
            }
        }
    }

    /// What has no ending was cut off by a crash: its client was not told how it ended, and FRR may
    /// have any part of it. It is taken as accepted, to be applied now, since its client may
    /// have been answered just before; what was declared before is taken out of FRR. That is done before what came
    /// later, which otherwise would be overridden by it.
    fn roll_forward_unsettled(&mut self) {
        let cut_off = || self.history.iter().filter(|t| t.ending.is_none());
        let unsettled: Vec<TransactionId> = cut_off().map(|t| t.id).collect();
        if !self.touching {
            let after = cut_off().flat_map(|t| &t.changes).filter_map(|c| c.after.as_ref());
            let unsent: Vec<Intent> = after.map(|owned| owned.intent.clone()).collect();
            self.unsent.extend(unsent);
        }
        self.settle(&unsettled, &Ending::Done(Outcome::Pending), std::time::Duration::ZERO, false);
    }
}

/// The records of a snapshot.
pub(super) fn snapshot(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = v1::Header {
        version: VERSION,
        configured_bgp: state.configured.bgp.as_ref().map(crate::wire::bgp_message),
        configured_peers: state.configured.peers.iter().map(crate::wire::peer_message).collect(),
        configured_bfd_profiles: (state.configured.profiles.iter())
            .map(crate::wire::bfd_profile_message)
            .collect(),
    };
    push(&mut bytes, Kind::Header(header));
    for (_, owned) in state.store.iter() {
        push(&mut bytes, Kind::Stored(message::owned(owned)));
    }
    for intent in &state.orphaned {
        push(&mut bytes, Kind::Residual(crate::wire::intent_message(intent)));
    }
    for intent in &state.unsent {
        push(&mut bytes, Kind::Unsent(crate::wire::intent_message(intent)));
    }
    if let Some(claims) = claims::snapshot(&state.remembered) {
        push(&mut bytes, Kind::Claims(claims::message(&claims)));
    }
    for transaction in &state.history {
        push(&mut bytes, Kind::Transaction(message::transaction(transaction)));
    }
    push(&mut bytes, Kind::SnapshotEnd(v1::SnapshotEnd {}));
    bytes
}

pub(super) fn residual(intents: &[Intent]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for intent in intents {
        push(&mut bytes, Kind::Residual(crate::wire::intent_message(intent)));
    }
    bytes
}

pub(super) fn claimed(claims: &Claims) -> Vec<u8> {
    record(Kind::Claims(claims::message(claims)))
}

pub(super) fn prepared(transactions: &[Arc<Transaction>]) -> Vec<u8> {
    let transactions = transactions.iter().map(|t| message::transaction(t)).collect();
    record(Kind::Prepared(v1::Prepared { transactions }))
}

pub(super) fn settled_record(
    ids: &[TransactionId],
    ending: &Ending,
    took: std::time::Duration,
    clean: bool,
) -> Vec<u8> {
    let ids = ids.iter().map(ToString::to_string).collect();
    record(Kind::Settled(v1::Settled { ids, clean, ..settled(ending, took) }))
}

pub(super) fn finished(id: TransactionId, finish: Finish) -> Vec<u8> {
    record(Kind::Finished(v1::Finished { id: id.to_string(), finish: finish_code(finish).into() }))
}

pub(super) fn renounced(owner: &OwnerName) -> Vec<u8> {
    record(Kind::Renounced(v1::Renounced { owner: owner.to_string() }))
}

fn record(kind: Kind) -> Vec<u8> {
    let mut bytes = Vec::new();
    push(&mut bytes, kind);
    bytes
}

fn push(bytes: &mut Vec<u8>, kind: Kind) {
    frame::write(bytes, &v1::Record { kind: Some(kind) }.encode_to_vec());
}

/// Bytes of a file that are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// Where they begin.
    pub at: usize,
    /// How many.
    pub length: usize,
    /// What is known of them.
    pub what: String,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    pub state: State,
    /// Where the last whole record ends.
    pub end: usize,
    /// Bytes that are lost, in their order. Records behind them are taken.
    pub damage: Vec<Damage>,
    /// Bytes at the end that were being written when the writer died; they were never answered.
    pub cut_off: usize,
    /// Whether there is any record.
    begun: bool,
    /// Whether the snapshot at the beginning is over.
    whole: bool,
    transactions: BTreeMap<String, TransactionId>,
    /// Transactions of which only the ending was found. One that changed nothing has no more.
    unknown: Vec<String>,
}

/// Reads a whole file, across damage.
///
/// # Errors
/// The file is none of ours, or of another format. Nothing of it may be overwritten.
pub(super) fn replay(bytes: &[u8]) -> Result<Replayed, Unreadable> {
    let mut replayed = Replayed::default();
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        if let Some((record, behind)) = frame::read(rest) {
            if let Err(error) = replayed.take(record) {
                if !replayed.begun {
                    return Err(error);
                }
                let length = rest.len() - behind.len();
                replayed.damage.push(Damage {
                    at,
                    length,
                    what: format!("not understood: {error}"),
                });
            }
            at = bytes.len() - behind.len();
            replayed.end = at;
        } else if rest.iter().all(|byte| *byte == 0) {
            break;
        } else if let Some(next) = frame::find(&rest[1..]) {
            let length = next + 1;
            replayed.damage.push(Damage { at, length, what: "records are behind it".to_owned() });
            at += length;
            replayed.begun = true;
        } else {
            replayed.unread(rest, at)?;
            break;
        }
    }
    if !replayed.whole {
        let what = match replayed.begun {
            true => "the file ends within what it begins with: what was declared before",
            false => "there is no record: all that was declared",
        };
        replayed.damage.push(Damage { at: replayed.end, length: 0, what: what.to_owned() });
    }
    if let (Some(last), Some(_)) = (replayed.damage.last_mut(), replayed.unknown.first()) {
        let lost = replayed.unknown.join(", ");
        last.what.push_str(&format!("; what these transactions changed is lost: {lost}"));
    }
    replayed.state.roll_forward_unsettled();
    Ok(replayed)
}

impl Replayed {
    /// Takes note of bytes at the end that are no record.
    fn unread(&mut self, rest: &[u8], at: usize) -> Result<(), Unreadable> {
        if !self.begun {
            return Err(Unreadable("it does not begin like a journal".to_owned()));
        }
        let length = rest.len() - rest.iter().rev().take_while(|byte| **byte == 0).count();
        if frame::is_cut_off(rest) {
            self.cut_off = length;
        } else {
            self.damage.push(Damage { at, length, what: "the last record".to_owned() });
        }
        Ok(())
    }

    /// Takes one record.
    fn take(&mut self, record: &[u8]) -> Result<(), Unreadable> {
        let record = v1::Record::decode(record).map_err(|e| Unreadable(e.to_string()))?;
        match record.kind {
            Some(Kind::Header(header)) if !self.begun => {
                if header.version != VERSION {
                    return Err(Unreadable(format!(
                        "format {} is not {VERSION}, which this agent reads",
                        header.version
                    )));
                }
                self.begun = true;
                self.header(&header)?;
            }
            _ if !self.begun => {
                return Err(Unreadable("it does not begin like a journal".to_owned()));
            }
            // Behind damage the first record may be lost: what it says counts wherever it is.
            Some(Kind::Header(header)) => self.header(&header)?,
            Some(Kind::Stored(stored)) => {
                let owned = to_owned(&stored)?;
                let key = owned.intent.key();
                self.state.store.restore(key, Some(Arc::new(owned)));
            }
            Some(Kind::Residual(intent)) => self.state.orphaned.push(to_intent(Some(&intent))?),
            Some(Kind::Transaction(transaction)) => {
                let transaction = to_transaction(transaction)?;
                self.transactions.insert(transaction.id.to_string(), transaction.id);
                self.state.history.push_back(Arc::new(transaction));
            }
            Some(Kind::Claims(claims)) => self.state.claim(&claims::to_claims(&claims)?),
            Some(Kind::Unsent(intent)) => self.state.unsent.push(to_intent(Some(&intent))?),
            Some(Kind::SnapshotEnd(_)) => self.whole = true,
            Some(Kind::Prepared(prepared)) => self.prepared(prepared)?,
            Some(Kind::Settled(settled)) => self.settled(&settled)?,
            Some(Kind::Finished(finished)) => {
                self.goes_on();
                if let (Some(id), Some(finish)) =
                    (self.transactions.get(&finished.id), to_finish(finished.finish))
                {
                    self.state.finish(*id, finish);
                }
            }
            Some(Kind::Renounced(renounced)) => {
                let owner = renounced.owner.parse();
                self.state.renounce(&owner.map_err(|e| Unreadable(format!("owner: {e}")))?);
            }
            // Written by a later version, which kept the format's number: it can be ignored.
            None => {}
        }
        Ok(())
    }

    fn prepared(&mut self, prepared: v1::Prepared) -> Result<(), Unreadable> {
        let prepared: Vec<Arc<Transaction>> = prepared
            .transactions
            .into_iter()
            .map(|transaction| to_transaction(transaction).map(Arc::new))
            .collect::<Result<_, _>>()?;
        self.goes_on();
        self.transactions.extend(prepared.iter().map(|t| (t.id.to_string(), t.id)));
        self.state.prepare(&prepared);
        Ok(())
    }

    fn settled(&mut self, settled: &v1::Settled) -> Result<(), Unreadable> {
        let ending = to_ending(settled)?;
        let known = |id: &String| self.transactions.get(id).copied();
        let ids: Vec<_> = settled.ids.iter().filter_map(known).collect();
        // While one is under way, it may be said of FRR that it has nothing else.
        self.whole = true;
        let took = std::time::Duration::from_micros(settled.took_us);
        self.state.settle(&ids, &ending, took, settled.clean);
        let unknown = settled.ids.iter().filter(|id| !self.transactions.contains_key(*id));
        if let Ending::Done(_) = ending {
            self.unknown.extend(unknown.cloned());
        }
        Ok(())
    }

    /// There is one writer, which takes the next transaction when the last has ended: what has no ending by now has lost it.
    fn goes_on(&mut self) {
        self.whole = true;
        self.state.roll_forward_unsettled();
    }

    /// What the configuration declared.
    fn header(&mut self, header: &v1::Header) -> Result<(), Unreadable> {
        let unreadable = |e: FieldErrors| Unreadable(e.to_string());
        let bgp = header.configured_bgp.as_ref();
        let bgp = bgp.map(|bgp| crate::wire::bgp(bgp.local_as, &bgp.router_id));
        self.state.configured.bgp = bgp.transpose().map_err(unreadable)?;
        let peers = header.configured_peers.iter().map(crate::wire::peer);
        self.state.configured.peers = peers.collect::<Result<_, _>>().map_err(unreadable)?;
        let profiles = header.configured_bfd_profiles.iter().map(crate::wire::bfd_profile);
        self.state.configured.profiles = profiles.collect::<Result<_, _>>().map_err(unreadable)?;
        Ok(())
    }
}
