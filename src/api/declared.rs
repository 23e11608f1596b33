//! What `GetDeclared` answers: everything that is declared, of one moment, part by part.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::Arc,
    time::UNIX_EPOCH,
};

use tokio_stream::Stream;
use tonic::Status;

use super::{budget::Place, status::state_of};
use crate::{
    commit::{Ending, Transaction, View},
    model::{BgpGlobal, IntentKey, OwnerName},
    proto::v1::{self, intent::Kind},
    store::Owned,
    wire,
};

/// Intents of one part: some 100 KiB, so that neither a client nor the agent ever holds all of a hundred thousand as messages.
const PART: usize = 500;

/// Said of what the agent's own file declares.
const CONFIGURATION: &str = "configuration";

/// Said of what a client declares.
const REQUEST: &str = "request";

/// The answer.
pub(super) type Parts = Pin<Box<dyn Stream<Item = Result<v1::GetDeclaredResponse, Status>> + Send>>;

/// What is still to be told, and of what.
struct Rest {
    view: Arc<View>,
    owner: Option<OwnerName>,
    /// The last that was told; `None` before the first part.
    told: Option<Option<IntentKey>>,
    /// Given back when the client has read all of it.
    _place: Place,
}

/// All that one owner has declared, or all owners, as this view has it. What is told is made as it is read.
pub(super) fn parts(view: Arc<View>, owner: Option<OwnerName>, place: Place) -> Parts {
    let rest = Rest { view, owner, told: None, _place: place };
    let parts = futures::stream::unfold(Some(rest), |rest| async move {
        let (part, rest) = rest?.next();
        Some((Ok(part), rest))
    });
    Box::pin(parts)
}

impl Rest {
    /// The next part, and what is left behind it.
    fn next(mut self) -> (v1::GetDeclaredResponse, Option<Self>) {
        let node = self.told.is_none().then(|| node(&self.view));
        let wanted = self.view.store.after(self.told.flatten());
        let wanted =
            wanted.filter(|(_, it)| self.owner.as_ref().is_none_or(|owner| it.owner == *owner));
        let some: Vec<_> = wanted.take(PART).collect();
        let authors = authors(&self.view, &some.iter().map(|(key, _)| **key).collect());
        let last = some.last().map(|(key, _)| **key);
        let is_all = some.len() < PART;
        let told =
            |(key, owned): (&IntentKey, &Owned)| intent(&self.view, key, owned, authors.get(key));
        let intents = some.into_iter().map(told).collect();
        self.told = Some(last);
        (v1::GetDeclaredResponse { node, intents }, (!is_all).then_some(self))
    }
}

/// What is told of one intent, and of the transaction that last changed it.
fn intent(
    view: &View,
    key: &IntentKey,
    owned: &Owned,
    author: Option<&Arc<Transaction>>,
) -> v1::DeclaredIntent {
    let (intent, has_password) = without_password(owned);
    let (state, reason) = state_of(view, key);
    v1::DeclaredIntent {
        intent: Some(intent),
        has_password,
        owner: owned.owner.to_string(),
        from: if is_configured(view, key, owned) { CONFIGURATION } else { REQUEST }.into(),
        source: owned.source_text(),
        state,
        reason,
        transaction_id: author.map(|it| it.id.to_string()).unwrap_or_default(),
        declared_unix_ms: author.map(|it| millis(it)).unwrap_or_default(),
    }
}

/// The message of an intent without its secret, and whether it has one.
fn without_password(owned: &Owned) -> (v1::Intent, bool) {
    let mut intent = wire::intent_message(&owned.intent);
    let has_password = match &mut intent.kind {
        Some(Kind::Peer(peer)) => !std::mem::take(&mut peer.password).is_empty(),
        _ => false,
    };
    (intent, has_password)
}

/// Whether the agent's file declares it, as it is.
fn is_configured(view: &View, key: &IntentKey, owned: &Owned) -> bool {
    match (key, view.store.bgp()) {
        (IntentKey::Bgp, Some(bgp)) => view.configured_bgp.as_ref() == Some(bgp),
        _ => owned.owner.is_admin() && view.configured.contains(key),
    }
}

/// The instance, and where its values come from.
fn node(view: &View) -> v1::NodeInstance {
    let owned = view.store.get(&IntentKey::Bgp);
    let (Some(bgp), Some(owned)) = (view.store.bgp(), owned) else {
        return v1::NodeInstance::default();
    };
    let from = |same: fn(&BgpGlobal, &BgpGlobal) -> bool| {
        let configured = view.configured_bgp.as_ref().is_some_and(|it| same(it, bgp));
        if configured { CONFIGURATION } else { REQUEST }
    };
    let router_id_from = match bgp.router_id {
        Some(_) => from(|a, b| a.router_id == b.router_id),
        None => "FRR",
    };
    v1::NodeInstance {
        local_as: bgp.local_as.get(),
        local_as_from: from(|a, b| a.local_as == b.local_as).to_owned(),
        router_id: bgp.router_id.map(|id| id.to_string()).unwrap_or_default(),
        router_id_from: router_id_from.to_owned(),
        owner: owned.owner.to_string(),
    }
}

/// The latest transaction that is remembered to have changed each of these objects. Asked of one part at a time: a caller
/// that reads slowly keeps nothing of it.
pub(super) fn authors(
    view: &View,
    wanted: &BTreeSet<IntentKey>,
) -> BTreeMap<IntentKey, Arc<Transaction>> {
    let mut authors = BTreeMap::new();
    let done = |it: &&Arc<Transaction>| matches!(it.ending, Some(Ending::Done(_)));
    for transaction in view.history.iter().filter(done) {
        for change in transaction.changes.iter().filter(|it| it.before != it.after) {
            if wanted.contains(&change.key) {
                authors.insert(change.key, transaction.clone());
            }
        }
    }
    authors
}

fn millis(transaction: &Transaction) -> i64 {
    let since = transaction.begun.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
