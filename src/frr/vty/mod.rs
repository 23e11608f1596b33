//! FRR's VTY sockets (`<daemon>.vty`): codec, sessions, and the CLI grammar table.
//!
//! | file | owns |
//! |---|---|
//! | `codec` | the bytes of a request and a reply; sans-IO |
//! | `session` | one connection: pipelines, counted replies, timeouts |
//! | `error` | what goes wrong with a session |
//! | `redact` | secrets out of FRR's words |

mod codec;
mod error;
mod redact;
mod session;

pub use codec::{CodecError, CommandError, MAX_COMMAND, MAX_REPLY, Reply, ReturnCode, VtyCodec};
pub use error::VtyError;
pub use redact::redact;
pub use session::{MAX_OUTSTANDING, PipelineOutcome, REPLY_TIMEOUT, Session};
