//! The one writer: everything that changes FRR passes through one actor.
//!
//! This file is the whole contract between the actor and the rest of the
//! program: a request with a oneshot for its answer, and a published view.

mod handle;
mod request;

pub use handle::{CommitHandle, Envelope, QUEUE, View};
pub use request::{CommitError, CommitRequest, Committed, Outcome, TransactionId};
