//! mgmtd's frontend socket (`mgmtd_fe.sock`), the transport by which a commit
//! reaches the daemons that execute it.
//!
//! Owns the frame codec, the messages of both protocol generations and the
//! [`Session`] that hides which of them the daemon speaks. Knows nothing of gRPC
//! and nothing of what the configuration means.
//!
//! The codec and the messages are sans-IO; only the connection below
//! [`Session`] touches a socket.

mod connection;
mod decode;
mod error;
mod frame;
mod message;
mod native;
mod protobuf;
mod query;
mod session;
#[cfg(test)]
mod vectors;

pub use error::{Error, FrameError, MessageError};
pub use frame::{Frame, FrameCodec, MAX_FRAME_IN, MAX_FRAME_OUT};
pub use message::{
    Action, Content, Datastore, Defaults, Edit, Format, Generation, Get, Message, Operation, Reply,
};
pub(crate) use query::is_nothing;
pub use session::{Committed, Session};
