//! Records → state, and what to make of a transaction that never settled. Pure.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use prost::Message;

use super::{
    frame,
    message::{
        self, Unreadable, finish_code, settled, to_ending, to_finish, to_intent, to_owned,
        to_transaction,
    },
};
use crate::{
    model::{Configured, FieldErrors, Intent},
    proto::journal::v1::{self, record::Kind},
    store::Store,
    transaction::{Ending, Finish, Outcome, Transaction, TransactionId},
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
    pub residue: Vec<Intent>,
    /// The latest transactions, oldest first.
    pub history: VecDeque<Arc<Transaction>>,
    /// What the configuration declared when it was last read.
    pub configured: Configured,
}

impl State {
    /// Takes note of transactions that are about to be sent to FRR.
    pub fn prepare(&mut self, transactions: &[Transaction]) {
        self.history.extend(transactions.iter().cloned().map(Arc::new));
        self.bound();
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
                self.residue.extend(before.map(|owned| owned.intent.clone()));
                transaction.roll_forward(&mut self.store);
            }
        }
        if clean {
            self.residue.clear();
        }
    }

    /// Takes note of what became of a transaction that had to be confirmed.
    pub fn finish(&mut self, id: TransactionId, finish: Finish) {
        if let Some(transaction) = self.history.iter_mut().rev().find(|t| t.id == id) {
            Arc::make_mut(transaction).finish = Some(finish);
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
        }
    }

    /// What has no ending was cut off by a crash: nobody was told how it ended, and FRR may
    /// have any part of it. It is taken as accepted, to be applied now, since its client may
    /// have been answered just before; what stood before is taken out of FRR.
    fn roll_forward_unsettled(&mut self) {
        let unsettled: Vec<TransactionId> =
            self.history.iter().filter(|t| t.ending.is_none()).map(|t| t.id).collect();
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
    };
    push(&mut bytes, Kind::Header(header));
    for (_, owned) in state.store.iter() {
        push(&mut bytes, Kind::Stored(message::owned(owned)));
    }
    for intent in &state.residue {
        push(&mut bytes, Kind::Residual(crate::wire::intent_message(intent)));
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

pub(super) fn prepared(transactions: &[Transaction]) -> Vec<u8> {
    let transactions = transactions.iter().map(message::transaction).collect();
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

fn record(kind: Kind) -> Vec<u8> {
    let mut bytes = Vec::new();
    push(&mut bytes, kind);
    bytes
}

fn push(bytes: &mut Vec<u8>, kind: Kind) {
    frame::write(bytes, &v1::Record { kind: Some(kind) }.encode_to_vec());
}

/// Reads a whole file. Also says how many of its bytes are whole records.
///
/// # Errors
/// The file is of another format, or a whole record is not one of ours. A file that is cut off is
/// no error: what is behind the cut was never answered.
pub(super) fn replay(bytes: &[u8]) -> Result<(State, usize), Unreadable> {
    let mut state = State::default();
    let mut rest = bytes;
    let (mut begun, mut whole) = (false, false);
    let mut transactions: BTreeMap<String, TransactionId> = BTreeMap::new();
    while let Some((record, after)) = frame::read(rest) {
        let record = v1::Record::decode(record).map_err(|e| Unreadable(e.to_string()))?;
        match record.kind {
            Some(Kind::Header(header)) if !begun => {
                if header.version != VERSION {
                    return Err(Unreadable(format!(
                        "format {} is not {VERSION}, which this agent reads",
                        header.version
                    )));
                }
                let bgp = header.configured_bgp.as_ref();
                let bgp = bgp.map(|bgp| crate::wire::bgp(bgp.local_as, &bgp.router_id));
                let unreadable = |e: FieldErrors| Unreadable(e.to_string());
                state.configured.bgp = bgp.transpose().map_err(unreadable)?;
                let peers = header.configured_peers.iter().map(crate::wire::peer);
                state.configured.peers = peers.collect::<Result<_, _>>().map_err(unreadable)?;
                begun = true;
            }
            _ if !begun => return Err(Unreadable("it does not begin like a journal".to_owned())),
            Some(Kind::Stored(stored)) => {
                let owned = to_owned(&stored)?;
                state.store.restore(owned.intent.key(), Some(owned));
            }
            Some(Kind::Residual(intent)) => state.residue.push(to_intent(Some(&intent))?),
            Some(Kind::Transaction(transaction)) => {
                let transaction = to_transaction(&transaction)?;
                transactions.insert(transaction.id.to_string(), transaction.id);
                state.history.push_back(Arc::new(transaction));
            }
            Some(Kind::SnapshotEnd(_)) => whole = true,
            Some(Kind::Prepared(prepared)) => {
                let prepared: Vec<Transaction> =
                    prepared.transactions.iter().map(to_transaction).collect::<Result<_, _>>()?;
                transactions.extend(prepared.iter().map(|t| (t.id.to_string(), t.id)));
                state.prepare(&prepared);
            }
            Some(Kind::Settled(settled)) => {
                let ids: Vec<_> =
                    settled.ids.iter().filter_map(|id| transactions.get(id).copied()).collect();
                let took = std::time::Duration::from_micros(settled.took_us);
                state.settle(&ids, &to_ending(&settled)?, took, settled.clean);
            }
            Some(Kind::Finished(finished)) => {
                if let (Some(id), Some(finish)) =
                    (transactions.get(&finished.id), to_finish(finished.finish))
                {
                    state.finish(*id, finish);
                }
            }
            // Written by a later version, which kept the format's number: it can be ignored.
            None | Some(Kind::Header(_)) => {}
        }
        rest = after;
    }
    if !bytes.is_empty() && !whole {
        return Err(Unreadable("its snapshot is not whole".to_owned()));
    }
    state.roll_forward_unsettled();
    Ok((state, bytes.len() - rest.len()))
}
