//! FRR's VTY sockets (`<daemon>.vty`): codec, sessions, the table YANG ⇄ CLI, and the driver.
//!
//! | file | owns |
//! |---|---|
//! | `codec` | the bytes of a request and a reply; sans-IO |
//! | `endpoint` | where a connection leads: a socket, or what stands for it in a simulation |
//! | `session` | one connection: pipelines, counted replies, timeouts |
//! | `error` | what goes wrong with a session |
//! | `redact` | secrets out of FRR's words |
//! | `table` | YANG ⇄ CLI, in both directions; pure |
//! | `script` | commands → what is typed, entering and leaving nodes; pure |
//! | `run` | commands carried out, from the configuration's top and back |
//! | `driver` | one daemon: read, apply, undo, restore |
//! | `steps` | lines before × lines after → steps with their inverses; pure |
//! | `proof` | whether a daemon shows what was sent, by the lines that it shows; pure |

mod codec;
mod driver;
mod endpoint;
mod error;
mod proof;
mod redact;
mod run;
mod script;
mod session;
pub mod steps;
pub mod table;

pub use codec::{CodecError, CommandError, MAX_COMMAND, MAX_REPLY, Reply, ReturnCode, VtyCodec};
pub(crate) use driver::AGAIN;
pub use driver::{ApplyError, Snapshot, VtyDriver, chain};
pub use endpoint::{Endpoint, SocketFile, Stream};
pub use error::VtyError;
pub use proof::unproven;
pub use redact::redact;
pub use session::{MAX_OUTSTANDING, PipelineOutcome, REPLY_TIMEOUT, Session};

pub use crate::protocol::{bfd::live, bgp::Question};
