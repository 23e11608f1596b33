//! What survives the agent: intents, what FRR may still have of earlier ones, and the history.
//!
//! One append-only file, `journal`, in the state directory. A change is on disk before FRR is
//! touched, and how it ended is on disk before the client is told. A file that has grown is replaced
//! by a snapshot under the same name, so that there is one whole file at every moment.
//!
//! | file | owns |
//! |---|---|
//! | `frame` | length and checksum around a record; pure |
//! | `message` | records ⇄ model types; pure |
//! | `replay` | records → state, and what to make of a transaction that never settled; pure |
//! | `file` | the file: open, append, replace |

mod file;
mod frame;
mod message;
mod replay;

pub use file::{Journal, JournalError};
pub use replay::State;
