//! The one writer: everything that changes FRR passes through one actor.
//!
//! | file | owns |
//! |---|---|
//! | `request` | what the actor is asked and what it answers: the whole contract |
//! | `handle` | the way in, and the view that the actor publishes |
//! | `lag` | which daemons may lack something of what is stored; pure |
//! | `turns` | whose request is served next: owners in turn |
//! | `sessions` | what a change does to BGP sessions; pure |
//! | `actor` | batches, policy, the store, answers, resynchronisation |
//! | `blame` | which change of a transaction FRR refused; pure |
//! | `ownership` | whose what FRR runs is: ours, theirs or unknown, and what follows; pure |
//! | `plan` | last-applied × running × desired → what is sent; pure |
//! | `engine` | candidate, validate, prepare, apply, confirm, reconcile, undo |

mod actor;
mod blame;
mod engine;
mod handle;
mod lag;
mod ownership;
mod plan;
mod request;
mod sessions;
mod turns;

pub use actor::{Actor, LeaveError, NoObserver, Observer, Parts, Stage, Via};
pub use engine::{Applied, Engine, EngineError};
pub use handle::{CommitHandle, QUEUE, View};
pub use lag::Lags;
pub use ownership::Kept;
pub use plan::{DaemonPlan, Plan};
pub use request::{Adopted, CommitError, CommitRequest, Committed, Request};
pub use sessions::{Effect, SessionChange};
pub use turns::{QUEUE_OF_OWNER, Queued};

pub use crate::transaction::{Changed, Ending, Finish, Outcome, Transaction, TransactionId};
