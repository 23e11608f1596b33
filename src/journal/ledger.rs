//! The journal as tasks use it: a slow disk delays no other task on the runtime's threads.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Claims, Journal, JournalError, State};
use crate::{
    model::{Configured, Intent, OwnerName},
    transaction::{Ending, Transaction, TransactionId},
};

/// The journal of one task, which waits for one thing after another: so what is written keeps its order.
///
/// Cancel safety: what was begun is finished on disk; what is known of it here is right from the next call on.
#[derive(Debug)]
pub struct Ledger {
    journal: Arc<Mutex<Journal>>,
    /// Whether calls may have to wait for the disk: then they are for threads that may.
    takes_time: bool,
    /// As the last call left it.
    seen: Seen,
}

#[derive(Debug, Clone)]
struct Seen {
    state: State,
    size: u64,
    concerns: Vec<String>,
    writable: bool,
    damaged: usize,
}

impl Seen {
    fn of(journal: &Journal) -> Self {
        Self {
            state: journal.state().clone(),
            size: journal.size(),
            concerns: journal.concerns(),
            writable: journal.is_writable(),
            damaged: journal.damaged(),
        }
    }
}

impl Ledger {
    /// Of an open journal.
    pub fn new(journal: Journal) -> Self {
        let (seen, takes_time) = (Seen::of(&journal), journal.takes_time());
        Self { journal: Arc::new(Mutex::new(journal)), takes_time, seen }
    }

    /// What is in the journal.
    pub fn state(&self) -> &State {
        &self.seen.state
    }

    /// See [`Journal::size`].
    pub fn size(&self) -> u64 {
        self.seen.size
    }

    /// See [`Journal::concerns`].
    pub fn concerns(&self) -> &[String] {
        &self.seen.concerns
    }

    /// See [`Journal::is_writable`].
    pub fn is_writable(&self) -> bool {
        self.seen.writable
    }

    /// See [`Journal::damaged`].
    pub fn damaged(&self) -> usize {
        self.seen.damaged
    }

    /// See [`Journal::mend`].
    pub async fn mend(&mut self) {
        self.on_disk(Journal::mend).await;
    }

    /// See [`Journal::configured`].
    ///
    /// # Errors
    /// As there.
    pub async fn configured(&mut self, configured: Configured) -> Result<(), JournalError> {
        self.on_disk(|journal| journal.configured(configured)).await
    }

    /// See [`Journal::prepare`].
    ///
    /// # Errors
    /// As there.
    pub async fn prepare(
        &mut self,
        transactions: Vec<Arc<Transaction>>,
    ) -> Result<(), JournalError> {
        self.on_disk(move |journal| journal.prepare(&transactions)).await
    }

    /// See [`Journal::settle`].
    ///
    /// # Errors
    /// As there.
    pub async fn settle(
        &mut self,
        ids: Vec<TransactionId>,
        ending: Ending,
        took: Duration,
        clean: bool,
    ) -> Result<(), JournalError> {
        self.on_disk(move |journal| journal.settle(&ids, &ending, took, clean)).await
    }

    /// See [`Journal::claim`].
    ///
    /// # Errors
    /// As there.
    pub async fn claim(&mut self, claims: Claims) -> Result<(), JournalError> {
        // Read at the start alone: shared, it would be copied for each change.
        self.seen.state.remembered.clear();
        self.on_disk(move |journal| journal.claim(&claims)).await
    }

    /// See [`Journal::suspect`].
    pub async fn suspect(&mut self, intents: Vec<Intent>) {
        self.on_disk(move |journal| journal.suspect(&intents)).await;
    }

    /// See [`Journal::confirm`].
    ///
    /// # Errors
    /// As there.
    pub async fn confirm(&mut self, id: TransactionId) -> Result<(), JournalError> {
        self.on_disk(move |journal| journal.confirm(id)).await
    }

    /// See [`Journal::renounce`].
    pub async fn renounce(&mut self, owner: OwnerName) {
        self.on_disk(move |journal| journal.renounce(&owner)).await;
    }

    async fn on_disk<R: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Journal) -> R + Send + 'static,
    ) -> R {
        let journal = Arc::clone(&self.journal);
        let call = move || {
            // No call leaves it half changed: each changes what is in memory at its end.
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            let result = work(&mut journal);
            (result, Seen::of(&journal))
        };
        if !self.takes_time {
            let (result, seen) = call();
            self.seen = seen;
            return result;
        }
        match tokio::task::spawn_blocking(call).await {
            Ok((result, seen)) => {
                self.seen = seen;
                result
            }
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::mpsc};

    use super::{super::simulated::Simulated, *};

    /// The runtime has one thread, and the disk answers nothing until that thread has served another task.
    #[test]
    fn a_disk_that_takes_its_time_holds_up_nobody_else() {
        let disk = Simulated::new(1);
        let journal = Journal::open_on(Path::new("state"), Box::new(disk.clone()), None);
        let mut ledger = Ledger::new(journal.expect("opened"));
        let (holds, held) = mpsc::channel();
        let (served, is_served) = mpsc::channel();
        let holder = std::thread::spawn(move || {
            disk.hold(|| {
                holds.send(()).expect("the test waits");
                // A runtime that waits for the disk would wait for ever.
                is_served.recv_timeout(Duration::from_secs(60))
            })
        });
        held.recv().expect("the disk is held");
        let suspect = crate::wire::advertisement("10.0.0.1/32", 1, None).expect("valid");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let writing = tokio::spawn(async move {
                ledger.suspect(vec![Intent::Prefix(suspect)]).await;
                ledger
            });
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert!(!writing.is_finished(), "the disk was not asked");
            served.send(()).expect("the disk is held until then");
            let ledger = writing.await.expect("no panic");
            assert_eq!(ledger.state().orphaned.len(), 1);
        });
        assert_eq!(holder.join().expect("no panic"), Ok(()), "the runtime waited for the disk");
    }
}
