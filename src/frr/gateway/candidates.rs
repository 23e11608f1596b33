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

use crate::frr::frontend::Edit;

/// Candidates at once; a client needs one. Bounds what clients that never delete
/// theirs can pile up.
const MAX_CANDIDATES: usize = 256;

/// A candidate that nobody has touched for so long makes room when all are taken.
const IDLE: Duration = Duration::from_secs(600);

/// Size of all edits of one candidate: what one commit of 100,000 routes needs.
const MAX_SIZE: usize = 64 * 1024 * 1024;

#[derive(Debug)]
struct Candidate {
    edits: Vec<Edit>,
    size: usize,
    touched: Instant,
}

#[derive(Debug, Default)]
struct Inner {
    last_id: u32,
    by_id: BTreeMap<u32, Candidate>,
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
        if inner.by_id.len() >= MAX_CANDIDATES {
            inner
                .by_id
                .retain(|_, candidate| candidate.touched.elapsed() < IDLE);
        }
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
                    edits: Vec::new(),
                    size: 0,
                    touched: Instant::now(),
                });
                return Ok(id);
            }
        }
    }

    pub(super) fn delete(&self, id: u32) -> Result<(), Status> {
        self.inner()
            .by_id
            .remove(&id)
            .map(drop)
            .ok_or_else(not_found)
    }

    pub(super) fn check(&self, id: u32) -> Result<(), Status> {
        self.with(id, |_| Ok(()))
    }

    /// Adds edits after those that are there: all or none.
    pub(super) fn extend(&self, id: u32, edits: Vec<Edit>) -> Result<(), Status> {
        self.with(id, |candidate| {
            let size = candidate.size + edits.iter().map(Edit::size).sum::<usize>();
            if size > MAX_SIZE {
                return Err(Status::resource_exhausted(format!(
                    "candidate exceeds {MAX_SIZE} bytes"
                )));
            }
            candidate.size = size;
            candidate.edits.extend(edits);
            Ok(())
        })
    }

    pub(super) fn edits(&self, id: u32) -> Result<Vec<Edit>, Status> {
        self.with(id, |candidate| Ok(candidate.edits.clone()))
    }

    /// The first `count` edits are in the running configuration now. The candidate
    /// may be gone, and may have got more edits.
    pub(super) fn committed(&self, id: u32, count: usize) {
        let _ = self.with(id, |candidate| {
            candidate.edits.drain(..count.min(candidate.edits.len()));
            candidate.size = candidate.edits.iter().map(Edit::size).sum();
            Ok(())
        });
    }

    fn with<R>(
        &self,
        id: u32,
        f: impl FnOnce(&mut Candidate) -> Result<R, Status>,
    ) -> Result<R, Status> {
        let mut inner = self.inner();
        let candidate = inner.by_id.get_mut(&id).ok_or_else(not_found)?;
        candidate.touched = Instant::now();
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
        assert_eq!(
            candidates.delete(id).unwrap_err().code(),
            tonic::Code::NotFound
        );
        assert_eq!(
            candidates.edits(id).unwrap_err().code(),
            tonic::Code::NotFound
        );
    }

    #[test]
    fn edits_that_came_during_a_commit_stay() {
        let candidates = Candidates::default();
        let id = candidates.create().unwrap();
        candidates
            .extend(id, vec![Edit::delete("/a:b"), Edit::delete("/a:c")])
            .unwrap();
        let count = candidates.edits(id).unwrap().len();
        candidates.extend(id, vec![Edit::delete("/a:d")]).unwrap();
        candidates.committed(id, count);
        assert_eq!(candidates.edits(id).unwrap(), [Edit::delete("/a:d")]);
    }

    #[test]
    fn candidates_and_their_size_are_bounded() {
        let candidates = Candidates::default();
        for _ in 0..MAX_CANDIDATES {
            candidates.create().unwrap();
        }
        assert_eq!(
            candidates.create().unwrap_err().code(),
            tonic::Code::ResourceExhausted
        );
        let big = vec![Edit::delete("x".repeat(MAX_SIZE + 1))];
        assert_eq!(
            candidates.extend(1, big).unwrap_err().code(),
            tonic::Code::ResourceExhausted
        );
        assert!(candidates.edits(1).unwrap().is_empty());
    }
}
