//! Candidates of gRPC clients: lists of edits, kept here until they are committed.
//!
//! mgmtd has one candidate for everybody, so none of these is there before its
//! commit. A candidate is what its client wants changed, not a copy of the running
//! configuration: what others commit in the meantime stays.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tonic::Status;

use super::commit::Change;
use crate::frr::frontend::{Edit, MAX_FRAME_OUT};

/// Candidates at once; a client needs one. Bounds what clients that never delete
/// theirs can pile up.
const MAX_CANDIDATES: usize = 256;

/// A candidate that nobody has touched for so long is gone: gRPC does not tell when its
/// client went. Longer than a person at a shell leaves a step lying, and no limit to
/// programs, which take seconds.
const IDLE: Duration = Duration::from_secs(3600);

/// Size of all edits of one candidate: what one commit of 100,000 routes needs.
const MAX_SIZE: usize = 64 * 1024 * 1024;

/// Size of all candidates together: the gateway runs beside the daemons of a router, and
/// shall not take the memory of their tables.
const MAX_TOTAL: usize = 4 * MAX_SIZE;

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
}

/// All candidates of a gateway.
#[derive(Debug, Default)]
pub(super) struct Candidates(Mutex<Inner>);

impl Candidates {
    /// No code panics while it holds the lock; if one did, the map is still whole.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn create(&self) -> Result<u32, Status> {
        let mut inner = self.inner();
        inner.drop_idle(Instant::now());
        if inner.by_id.len() >= MAX_CANDIDATES {
            return Err(Status::resource_exhausted(format!(
                "{MAX_CANDIDATES} candidates exist already"
            )));
        }
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
        let total = self.inner().by_id.values().map(|candidate| candidate.size).sum::<usize>();
        self.with(id, |candidate| {
            let old = if replace { 0 } else { candidate.size };
            for (size, max, what) in [
                (old + more, MAX_SIZE, "candidate exceeds"),
                (total + more, MAX_TOTAL, "all candidates together exceed"),
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
        let id = candidates.create().unwrap();
        candidates.delete(id).unwrap();
        assert_eq!(candidates.delete(id).unwrap_err().code(), tonic::Code::NotFound);
        assert_eq!(candidates.snapshot(id).unwrap_err().code(), tonic::Code::NotFound);
    }

    #[test]
    fn edits_that_came_during_a_commit_stay() {
        let candidates = Candidates::default();
        let id = candidates.create().unwrap();
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
            candidates.create().unwrap();
        }
        let exhausted = |refused: Status| refused.code() == tonic::Code::ResourceExhausted;
        assert!(exhausted(candidates.create().unwrap_err()));
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
    fn a_candidate_that_nobody_touches_is_gone() {
        let candidates = Candidates::default();
        let (old, used) = (candidates.create().unwrap(), candidates.create().unwrap());
        let later = Instant::now() + IDLE;
        candidates.inner().by_id.get_mut(&used).unwrap().touched = later;
        candidates.inner().drop_idle(later);
        assert!(candidates.check(old).is_err());
        candidates.check(used).unwrap();
    }
}
