//! Records ⇄ model types. Pure.
//!
//! Intents are written as the messages of the public contract and read by the parser of the API, so that
//! a journal can't bring in what a client could not.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prost::Message;

use crate::{
    model::Intent,
    proto::journal::v1::{self, Result as Code},
    store::Owned,
    transaction::{Changed, Ending, Finish, Outcome, Transaction},
    wire,
};

/// A record that this program can't have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(pub String);

pub(super) fn owned(owned: &Owned) -> v1::OwnedIntent {
    v1::OwnedIntent {
        owner: owned.owner.to_string(),
        intent: Some(wire::intent_message(&owned.intent)),
        source: owned.source_text(),
    }
}

pub(super) fn to_owned(message: &v1::OwnedIntent) -> Result<Owned, Unreadable> {
    let owner = message.owner.parse().map_err(|e| Unreadable(format!("owner: {e}")))?;
    let source = match message.source.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|e| Unreadable(format!("source: {e}")))?),
    };
    Ok(Owned { owner, intent: to_intent(message.intent.as_ref())?, source })
}

pub(super) fn to_intent(message: Option<&crate::proto::v1::Intent>) -> Result<Intent, Unreadable> {
    let message = message.ok_or_else(|| Unreadable("an intent is lacking".to_owned()))?;
    wire::intent(message).map_err(|errors| Unreadable(errors.to_string()))
}

pub(super) fn transaction(transaction: &Transaction) -> v1::Transaction {
    v1::Transaction {
        id: transaction.id.to_string(),
        owner: transaction.owner.to_string(),
        origin: transaction.origin.clone(),
        begun_ms: millis(transaction.begun),
        changes: transaction
            .changes
            .iter()
            // What is not there before and after has no name that could be read.
            .filter(|change| change.before.is_some() || change.after.is_some())
            .map(|change| v1::Changed {
                before: change.before.as_deref().map(owned),
                after: change.after.as_deref().map(owned),
                superseded: change.superseded,
                renounced: change.renounced,
            })
            .map(|change| change.encode_to_vec())
            .collect(),
        confirm_by_ms: transaction.confirm_by.map(millis).unwrap_or_default(),
        settled: transaction.ending.as_ref().map(|ending| settled(ending, transaction.took)),
        finish: transaction.finish.map_or(0, |finish| finish_code(finish).into()),
        undoes: transaction.undoes.as_ref().map(ToString::to_string).unwrap_or_default(),
        remark: transaction.remark.clone(),
    }
}

pub(super) fn to_transaction(message: v1::Transaction) -> Result<Transaction, Unreadable> {
    let wrong = |what: &str| Unreadable(format!("transaction {}: {what}", message.id));
    let shared = |owned: &v1::OwnedIntent| to_owned(owned).map(Arc::new);
    // One at a time: as messages, 100,000 of them take 90 MiB.
    let changed = |bytes: Vec<u8>| {
        let change = v1::Changed::decode(&*bytes).map_err(|e| wrong(&e.to_string()))?;
        let before = change.before.as_ref().map(shared).transpose()?;
        let after = change.after.as_ref().map(shared).transpose()?;
        let key = after.as_ref().or(before.as_ref()).map(|owned| owned.intent.key());
        let key = key.ok_or_else(|| wrong("a change without an object"))?;
        let (superseded, renounced) = (change.superseded, change.renounced);
        Ok(Changed { key, before, after, superseded, renounced })
    };
    let (ending, took) = match &message.settled {
        Some(settled) => (Some(to_ending(settled)?), Duration::from_micros(settled.took_us)),
        None => (None, Duration::ZERO),
    };
    Ok(Transaction {
        id: message.id.parse().map_err(|_| wrong("no transaction id"))?,
        owner: message.owner.parse().map_err(|_| wrong("no owner"))?,
        origin: message.origin.clone(),
        begun: time(message.begun_ms),
        changes: message.changes.into_iter().map(changed).collect::<Result<_, _>>()?,
        confirm_by: (message.confirm_by_ms != 0).then(|| time(message.confirm_by_ms)),
        ending,
        took,
        finish: to_finish(message.finish),
        undoes: match message.undoes.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| wrong("no id of what it undoes"))?),
        },
        remark: message.remark.clone(),
    })
}

pub(super) fn settled(ending: &Ending, took: Duration) -> v1::Settled {
    let (result, message) = match ending {
        Ending::Done(Outcome::Confirmed) => (Code::Confirmed, ""),
        Ending::Done(Outcome::Unchanged) => (Code::Unchanged, ""),
        Ending::Done(Outcome::Pending) => (Code::Pending, ""),
        Ending::Refused(message) => (Code::Refused, message.as_str()),
    };
    v1::Settled {
        ids: Vec::new(),
        result: result.into(),
        message: message.to_owned(),
        took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        clean: false,
    }
}

pub(super) fn to_ending(settled: &v1::Settled) -> Result<Ending, Unreadable> {
    match settled.result() {
        Code::Confirmed => Ok(Ending::Done(Outcome::Confirmed)),
        Code::Unchanged => Ok(Ending::Done(Outcome::Unchanged)),
        Code::Pending => Ok(Ending::Done(Outcome::Pending)),
        Code::Refused => Ok(Ending::Refused(settled.message.clone())),
        Code::Unspecified => Err(Unreadable("a transaction settled in no way".to_owned())),
    }
}

pub(super) fn finish_code(finish: Finish) -> v1::Finish {
    match finish {
        Finish::Confirmed => v1::Finish::Confirmed,
        Finish::RolledBack => v1::Finish::RolledBack,
    }
}

pub(super) fn to_finish(code: i32) -> Option<Finish> {
    match v1::Finish::try_from(code) {
        Ok(v1::Finish::Confirmed) => Some(Finish::Confirmed),
        Ok(v1::Finish::RolledBack) => Some(Finish::RolledBack),
        Ok(v1::Finish::Unspecified) | Err(_) => None,
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn time(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}
