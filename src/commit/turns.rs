//! Whose turn it is: each owner's requests wait in a queue of their own, and owners are served in turn. So one
//! owner's flood costs another no more than the batch that is under way.
//!
//! An owner's own requests keep their order. Between owners there is none to keep: who waits for an
//! answer before the next call has it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{CommitError, CommitRequest, Committed, Request};
use crate::model::OwnerName;

/// Requests of one owner that may wait: as many as one batch takes.
pub const QUEUE_OF_OWNER: usize = 1024;

/// A request on its way to the actor, and its place among those of its owner.
#[derive(Debug)]
pub struct Queued {
    /// What is asked.
    pub request: Request,
    /// Whether it is decided by itself: together with others it was refused.
    pub(super) alone: bool,
    /// Free again when the request is served.
    pub(super) _place: Option<OwnedSemaphorePermit>,
}

/// The places of every owner that ever asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Arc<Mutex<BTreeMap<OwnerName, Arc<Semaphore>>>>);

impl Places {
    /// A place for a request of this owner; requests of nobody need none.
    ///
    /// # Errors
    /// The owner has as many that wait as it may have.
    pub(super) fn take(
        &self,
        owner: Option<&OwnerName>,
    ) -> Result<Option<OwnedSemaphorePermit>, CommitError> {
        let Some(owner) = owner else { return Ok(None) };
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_owner = || Arc::new(Semaphore::new(QUEUE_OF_OWNER));
        let free = Arc::clone(places.entry(owner.clone()).or_insert_with(of_owner));
        let busy = |_| CommitError::Busy { waiting: QUEUE_OF_OWNER };
        free.try_acquire_owned().map(Some).map_err(busy)
    }
}

/// A request to commit, with the place for its answer.
pub(super) type Enquiry = (CommitRequest, oneshot::Sender<Result<Committed, CommitError>>);

/// What is served next.
#[derive(Debug)]
pub(super) enum Turn {
    /// Commits that are decided together.
    Commits(Vec<Enquiry>),
    /// Anything else, and a commit that is decided by itself.
    Other(Request),
}

/// The requests that wait, by owner; whose turn is next stands first. No queue is empty.
#[derive(Debug, Default)]
pub(super) struct Turns(VecDeque<(Option<OwnerName>, VecDeque<Queued>)>);

impl Turns {
    /// Waits until something is to be served, and takes in all that came meanwhile. `false` where
    /// nothing can come any more.
    ///
    /// Cancel safety: what was taken from the channel is here.
    pub(super) async fn arrivals(&mut self, requests: &mut mpsc::Receiver<Queued>) -> bool {
        if self.0.is_empty() {
            let Some(first) = requests.recv().await else { return false };
            self.add(first);
        }
        // No more than there are now: who comes while this runs waits for the next turn.
        for _ in 0..requests.len() {
            let Ok(queued) = requests.try_recv() else { break };
            self.add(queued);
        }
        true
    }

    /// Has these wait again, in their order and before what else their owners ask: each for a turn of its own, in turn with what
    /// others ask. Their places are free already, so that an owner may have a batch more than [`QUEUE_OF_OWNER`].
    pub(super) fn put_back(&mut self, batch: Vec<Enquiry>) {
        for (request, answer) in batch.into_iter().rev() {
            let owner = Some(request.owner.clone());
            let at = self.0.iter().position(|(of, _)| *of == owner);
            let mut queue =
                at.and_then(|at| self.0.remove(at)).map(|(_, queue)| queue).unwrap_or_default();
            let request = Request::Commit(request, answer);
            queue.push_front(Queued { request, alone: true, _place: None });
            self.0.push_front((owner, queue));
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|(_, queue)| queue.len()).sum()
    }

    fn add(&mut self, queued: Queued) {
        let owner = queued.request.owner();
        match self.0.iter_mut().find(|(of, _)| of.as_ref() == owner) {
            Some((_, queue)) => queue.push_back(queued),
            None => {
                let owner = owner.cloned();
                self.0.push_back((owner, VecDeque::from([queued])));
            }
        }
    }

    /// The next turn: one request that is no commit or is decided by itself, or commits (`most` at the most), one of each owner
    /// after another. An owner whose next request is of the former is passed over in such a batch, and is the
    /// first afterwards.
    pub(super) fn next(&mut self, most: usize) -> Option<Turn> {
        let is_together = |queue: &VecDeque<Queued>| {
            queue.front().is_some_and(|it| matches!(it.request, Request::Commit(..)) && !it.alone)
        };
        let (owner, mut queue) = self.0.pop_front()?;
        if !is_together(&queue) {
            let queued = queue.pop_front()?;
            if !queue.is_empty() {
                self.0.push_back((owner, queue));
            }
            return Some(Turn::Other(queued.request));
        }
        self.0.push_front((owner, queue));
        let (mut served, passed): (VecDeque<_>, VecDeque<_>) =
            self.0.drain(..).partition(|(_, queue)| is_together(queue));
        let mut batch = Vec::new();
        let mut rest = VecDeque::new();
        while batch.len() < most
            && let Some((owner, mut queue)) = served.pop_front()
        {
            if let Some(Queued { request: Request::Commit(request, answer), .. }) =
                queue.pop_front()
            {
                batch.push((request, answer));
            }
            match is_together(&queue) {
                true => served.push_back((owner, queue)),
                false if queue.is_empty() => {}
                false => rest.push_back((owner, queue)),
            }
        }
        self.0 = passed.into_iter().chain(rest).chain(served).collect();
        Some(Turn::Commits(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> OwnerName {
        name.parse().expect("a name")
    }

    fn request(of: &str) -> CommitRequest {
        CommitRequest::new(owner(of), "test", vec![])
    }

    fn queued(request: Request) -> Queued {
        Queued { request, alone: false, _place: None }
    }

    fn commit(of: &str) -> Queued {
        queued(Request::Commit(request(of), oneshot::channel().0))
    }

    fn plan(of: &str) -> Queued {
        queued(Request::Plan(request(of), oneshot::channel().0))
    }

    /// Turns as text: a batch by its owners, anything else in brackets.
    fn order(requests: Vec<Queued>, most: usize) -> Vec<String> {
        let mut turns = Turns::default();
        requests.into_iter().for_each(|queued| turns.add(queued));
        let mut shown = Vec::new();
        while let Some(turn) = turns.next(most) {
            shown.push(match turn {
                Turn::Commits(batch) => {
                    batch.iter().map(|(it, _)| it.owner.to_string()).collect::<Vec<_>>().join(" ")
                }
                Turn::Other(it) => format!("[{}]", it.owner().expect("an owner")),
            });
        }
        assert_eq!(turns.len(), 0);
        shown
    }

    #[test]
    fn owners_are_served_in_turn() {
        let flood = || (0..6).map(|_| commit("a"));
        assert_eq!(order(flood().chain([commit("b")]).collect(), 4), ["a b a a", "a a a"]);
        // What is slow and comes one by one holds nobody up for longer than one of it.
        let plans = (0..4).map(|_| plan("a"));
        let others = [commit("b"), plan("c"), commit("b")];
        assert_eq!(
            order(plans.chain(others).collect(), 4),
            ["[a]", "b b", "[c]", "[a]", "[a]", "[a]"]
        );
    }

    #[test]
    fn an_owners_own_requests_keep_their_order() {
        let requests = vec![commit("a"), plan("a"), commit("a"), commit("b")];
        assert_eq!(order(requests, 9), ["a b", "[a]", "a"]);
    }

    /// What was decided together, and has to be decided alone, holds up no other owner for longer than one of it.
    #[test]
    fn what_is_put_back_comes_one_by_one_and_in_turn() {
        let mut turns = Turns::default();
        let enquiries = ["a", "a", "b", "a"].map(|of| (request(of), oneshot::channel().0));
        [commit("a"), commit("c")].into_iter().for_each(|queued| turns.add(queued));
        turns.put_back(enquiries.into());
        assert_eq!(turns.len(), 6);
        let mut next = || match turns.next(9) {
            Some(Turn::Commits(batch)) if batch.len() == 1 => batch[0].0.owner.to_string(),
            Some(Turn::Other(Request::Commit(request, _))) => request.owner.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!([(); 6].map(|()| next()), ["a", "b", "c", "a", "a", "a"]);
    }

    #[test]
    fn an_owner_has_its_places_and_no_more() {
        let places = Places::default();
        let (a, b) = (owner("a"), owner("b"));
        let mut held: Vec<_> = (0..QUEUE_OF_OWNER).map(|_| places.take(Some(&a))).collect();
        assert!(held.iter().all(Result::is_ok));
        assert!(matches!(places.take(Some(&a)), Err(CommitError::Busy { .. })));
        places.take(Some(&b)).expect("another owner is not concerned");
        places.take(None).expect("nor is the agent itself");
        held.pop();
        places.take(Some(&a)).expect("what was served makes room");
    }
}
