//! Candidates of gRPC clients: lists of edits, kept here until they are committed.
//!
//! mgmtd has one candidate for everybody, so none of these is there before its
//! commit. A candidate is what its client wants changed, not a copy of the running
//! configuration: what others commit in the meantime stays.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tonic::Status;

use super::change::Change;
use crate::frr::frontend::{Edit, MAX_FRAME_OUT};

/// Candidates at once; a client needs one. Bounds what clients that never delete
/// theirs can pile up.
const MAX_CANDIDATES: usize = 256;

/// Candidates of one connection.
const MAX_OF_CONNECTION: usize = 32;

/// A candidate that was not touched for so long is gone: gRPC does not tell when its
/// client went. Longer than a person at a shell leaves a step lying, and no limit to
/// programs, which take seconds.
const IDLE: Duration = Duration::from_secs(3600);

/// Size of all edits of one candidate: what one commit of 100,000 routes needs.
const MAX_SIZE: usize = 64 * 1024 * 1024;

/// Size of all candidates together: the gateway runs beside the daemons of a router, and
/// shall not take the memory of their tables.
pub(super) const MAX_TOTAL: usize = 4 * MAX_SIZE;

/// Size of one edit: what mgmtd takes in one message, less its header.
const MAX_EDIT: usize = MAX_FRAME_OUT - 1024;

#[derive(Debug)]
struct Candidate {
    change: Change,
    size: usize,
    /// Counts the replacements, so that a commit knows whether what it has applied is
    /// still what is here.
    generation: u64,
    touched: Instant,
    /// The connection that made it, where there is one.
    connection: Option<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    last_id: u32,
    by_id: BTreeMap<u32, Candidate>,
}

/// What a candidate was when its commit began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) change: Change,
    pub(super) generation: u64,
}

impl Inner {
    fn drop_idle(&mut self, now: Instant) {
        self.by_id.retain(|_, candidate| now.duration_since(candidate.touched) < IDLE);
    }

    fn of(&self, connection: Option<u64>) -> impl Iterator<Item = &Candidate> {
        self.by_id.values().filter(move |candidate| candidate.connection == connection)
    }

    /// Whether a connection may make one more candidate. Where there are as many as there may be, the one that was
    /// not touched for longest goes, of the connection that has the most.
    fn make_room(&mut self, connection: Option<u64>) -> Result<(), Status> {
        let mine = self.of(connection).count();
        if connection.is_some() && mine >= MAX_OF_CONNECTION {
            return Err(Status::resource_exhausted(format!(
                "this connection has {MAX_OF_CONNECTION} candidates already: delete some"
            )));
        }
        if self.by_id.len() < MAX_CANDIDATES {
            return Ok(());
        }
        let most = self.by_id.values().map(|it| it.connection);
        let most = most.max_by_key(|connection| self.of(*connection).count());
        let of_most = self.by_id.iter().filter(|(_, it)| Some(it.connection) == most);
        let oldest = of_most.min_by_key(|(_, it)| it.touched).map(|(id, _)| *id);
        match oldest.filter(|_| most.is_some_and(|most| self.of(most).count() > mine + 1)) {
            Some(oldest) => {
                tracing::warn!(
                    candidate = oldest,
                    "dropped: its connection has the most, and another needs one"
                );
                self.by_id.remove(&oldest);
                Ok(())
            }
            None => Err(Status::resource_exhausted(format!(
                "{MAX_CANDIDATES} candidates exist already"
            ))),
        }
    }
}

/// All candidates of a gateway.
#[derive(Debug)]
pub(super) struct Candidates {
    inner: Mutex<Inner>,
    /// Size of all together.
    most: usize,
}

impl Default for Candidates {
    fn default() -> Self {
        Self::of(MAX_TOTAL)
    }
}

impl Candidates {
    /// None yet, which together may have so many bytes.
    pub(super) fn of(most: usize) -> Self {
        Self { inner: Mutex::default(), most }
    }

    /// No code panics while it holds the lock; if one did, the map is still whole.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn create(&self, connection: Option<u64>) -> Result<u32, Status> {
        let mut inner = self.inner();
        inner.drop_idle(Instant::now());
        inner.make_room(connection)?;
        loop {
            // 0 would be "not set" in protobuf.
            inner.last_id = inner.last_id.checked_add(1).unwrap_or(1);
            let id = inner.last_id;
            if let Entry::Vacant(free) = inner.by_id.entry(id) {
                free.insert(Candidate {
                    change: Change::default(),
                    size: 0,
                    generation: 0,
                    touched: Instant::now(),
                    connection,
                });
                return Ok(id);
            }
        }
    }

    pub(super) fn delete(&self, id: u32) -> Result<(), Status> {
        self.inner().by_id.remove(&id).map(drop).ok_or_else(not_found)
    }

    pub(super) fn check(&self, id: u32) -> Result<(), Status> {
        self.with(id, |_| Ok(()))
    }

    /// Adds edits after those that are there: all or none.
    pub(super) fn extend(&self, id: u32, edits: Vec<Edit>) -> Result<(), Status> {
        self.put(id, edits, false)
    }

    /// Puts edits that begin with nothing in the place of those that are there.
    pub(super) fn replace(&self, id: u32, edits: Vec<Edit>) -> Result<(), Status> {
        self.put(id, edits, true)
    }

    fn put(&self, id: u32, edits: Vec<Edit>, replace: bool) -> Result<(), Status> {
        if edits.iter().any(|edit| edit.size() > MAX_EDIT) {
            return Err(Status::resource_exhausted(format!("one edit exceeds {MAX_EDIT} bytes")));
        }
        let more = edits.iter().map(Edit::size).sum::<usize>();
        let most = self.most;
        let (total, mine) = {
            let inner = self.inner();
            let size = |candidate: &Candidate| candidate.size;
            let connection = inner.by_id.get(&id).and_then(|candidate| candidate.connection);
            // What is called in this process has no connection, and leaves nothing behind.
            let mine =
                connection.map_or(0, |_| inner.of(connection).map(size).sum::<usize>() + more);
            (inner.by_id.values().map(size).sum::<usize>(), mine)
        };
        self.with(id, |candidate| {
            let old = if replace { 0 } else { candidate.size };
            for (size, max, what) in [
                (old + more, MAX_SIZE, "candidate exceeds"),
                (total + more, most, "all candidates together exceed"),
                // A connection leaves as much as it takes.
                (
                    total + more + mine,
                    most,
                    "the candidates of a connection leave others too little of",
                ),
            ] {
                if size > max {
                    return Err(Status::resource_exhausted(format!("{what} {max} bytes")));
                }
            }
            if replace {
                candidate.generation += 1;
                candidate.change = Change { replace: true, edits, ..Change::default() };
            } else {
                candidate.change.edits.extend(edits);
            }
            candidate.size = old + more;
            Ok(())
        })
    }

    /// What a commit of this candidate would do now.
    pub(super) fn snapshot(&self, id: u32) -> Result<Snapshot, Status> {
        self.with(id, |candidate| {
            let Candidate { change, generation, .. } = &*candidate;
            Ok(Snapshot { change: change.clone(), generation: *generation })
        })
    }

    /// The first `count` edits of this generation are in the running configuration now. The
    /// candidate may be gone, and may have got more edits, which stay.
    pub(super) fn committed(&self, id: u32, generation: u64, count: usize) {
        let _ = self.with(id, |candidate| {
            if candidate.generation == generation {
                candidate.change.replace = false;
                let edits = &mut candidate.change.edits;
                edits.drain(..count.min(edits.len()));
                candidate.size = edits.iter().map(Edit::size).sum();
            }
            Ok(())
        });
    }

    fn with<R>(
        &self,
        id: u32,
        f: impl FnOnce(&mut Candidate) -> Result<R, Status>,
    ) -> Result<R, Status> {
        let mut inner = self.inner();
        let now = Instant::now();
        inner.drop_idle(now);
        let candidate = inner.by_id.get_mut(&id).ok_or_else(not_found)?;
        candidate.touched = now;
        f(candidate)
    }
}

fn not_found() -> Status {
    Status::not_found("candidate configuration not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_candidate_is_not_found() {
        let candidates = Candidates::default();
        let id = candidates.create(None).unwrap();
        candidates.delete(id).unwrap();
        assert_eq!(candidates.delete(id).unwrap_err().code(), tonic::Code::NotFound);
        assert_eq!(candidates.snapshot(id).unwrap_err().code(), tonic::Code::NotFound);
    }

    #[test]
    fn edits_that_came_during_a_commit_stay() {
        let candidates = Candidates::default();
        let id = candidates.create(None).unwrap();
        candidates.replace(id, vec![Edit::delete("/a:b"), Edit::delete("/a:c")]).unwrap();
        let before = candidates.snapshot(id).unwrap();
        candidates.extend(id, vec![Edit::delete("/a:d")]).unwrap();
        candidates.committed(id, before.generation, before.change.edits.len());
        let after = candidates.snapshot(id).unwrap();
        assert_eq!(
            after.change,
            Change { replace: false, edits: vec![Edit::delete("/a:d")], ..Change::default() }
        );

        // Also those that took the place of the others.
        let before = candidates.snapshot(id).unwrap();
        candidates.replace(id, vec![Edit::delete("/a:e")]).unwrap();
        candidates.committed(id, before.generation, before.change.edits.len());
        let after = candidates.snapshot(id).unwrap();
        assert_eq!(
            after.change,
            Change { replace: true, edits: vec![Edit::delete("/a:e")], ..Change::default() }
        );
    }

    #[test]
    fn candidates_and_their_size_are_bounded() {
        let candidates = Candidates::default();
        for _ in 0..MAX_CANDIDATES {
            candidates.create(None).unwrap();
        }
        let exhausted = |refused: Status| refused.code() == tonic::Code::ResourceExhausted;
        assert!(exhausted(candidates.create(None).unwrap_err()));
        let big = vec![Edit::delete("x".repeat(MAX_EDIT)); 5];
        assert!(exhausted(candidates.extend(1, big).unwrap_err()));
        let huge = vec![Edit::delete("x".repeat(MAX_EDIT + 1))];
        assert!(exhausted(candidates.extend(1, huge).unwrap_err()));
        assert!(candidates.snapshot(1).unwrap().change.is_empty());

        let four = vec![Edit::delete("x".repeat(MAX_EDIT)); 4];
        for id in 1..=4 {
            candidates.extend(id, four.clone()).unwrap();
        }
        assert!(exhausted(candidates.extend(5, four.clone()).unwrap_err()));
        candidates.delete(1).unwrap();
        candidates.extend(5, four).unwrap();
    }

    #[test]
    fn one_connection_has_not_all_candidates() {
        let candidates = Candidates::of(4096);
        let make = |connection| candidates.create(Some(connection));
        let first: Vec<_> = (0..MAX_OF_CONNECTION).map(|_| make(0).unwrap()).collect();
        assert_eq!(make(0).unwrap_err().code(), tonic::Code::ResourceExhausted);
        for n in 1..(MAX_CANDIDATES / MAX_OF_CONNECTION) as u64 {
            (0..MAX_OF_CONNECTION).for_each(|_| assert!(make(n).is_ok()));
        }
        let mine = make(1000).unwrap();
        let gone = first.iter().filter(|id| candidates.check(**id).is_err()).count();
        assert!(gone <= 1);
        assert_eq!(candidates.inner().by_id.len(), MAX_CANDIDATES);
        // Nor all of their bytes.
        let other = candidates
            .inner()
            .by_id
            .iter()
            .find(|(_, it)| it.connection == Some(2))
            .map(|(id, _)| *id);
        let edit = |bytes| vec![Edit::delete("x".repeat(bytes))];
        let refused = candidates.extend(other.unwrap(), edit(3000)).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        candidates.extend(other.unwrap(), edit(1500)).unwrap();
        candidates.extend(mine, edit(1000)).unwrap();
    }

    #[test]
    fn a_candidate_that_nobody_touches_is_gone() {
        let candidates = Candidates::default();
        let (old, used) = (candidates.create(None).unwrap(), candidates.create(None).unwrap());
        let later = Instant::now() + IDLE;
        candidates.inner().by_id.get_mut(&used).unwrap().touched = later;
        candidates.inner().drop_idle(later);
        assert!(candidates.check(old).is_err());
        candidates.check(used).unwrap();
    }
}
