//! What survives the agent: intents, what FRR may still have of earlier ones, and the history.
//!
//! One append-only file, `journal`, in the state directory. A change is on disk before FRR is
//! touched, and how it ended is on disk before the client is told. A file that has grown is replaced
//! by a snapshot under the same name, so that there is one whole file at every moment.
//!
//! The file is written first, and what is in memory follows. Behind its records it has room that only what takes away may
//! use: a full disk keeps no owner from withdrawing. Where the disk refuses even that, the journal goes on in memory, says
//! so, and takes nothing that adds until all of it is written anew.
//!
//! | file | owns |
//! |---|---|
//! | `frame` | length and checksum around a record; pure |
//! | `message` | records ⇄ model types; pure |
//! | `replay` | records → state, and what to make of a transaction that never settled; pure |
//! | `claims` | whose objects are, as far as intents do not tell; pure |
//! | `undo` | what undoing a transaction comes to; pure |
//! | `disk` | what the journal needs of a disk |
//! | `log` | one file of records, with room behind them |
//! | `damage` | damaged files are kept, and said |
//! | `file` | open, append, replace; `file::health` what is the matter with the disk |
//! | `error` | why the journal can't be used |
//! | `lock` | one state directory has one agent |
//! | `ledger` | the journal as tasks use it: disk work is on threads that may wait |

mod claims;
mod damage;
mod disk;
mod error;
mod file;
mod frame;
mod ledger;
mod lock;
mod log;
mod message;
mod replay;
pub mod simulated;
#[cfg(test)]
mod simulation;
mod undo;

pub use claims::{Claim, Claims, Gone, Remembered, Stood, StoodLine};
pub use error::JournalError;
pub use file::Journal;
pub use ledger::Ledger;
pub use replay::State;
pub use undo::Undo;
