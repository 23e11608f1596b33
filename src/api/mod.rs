//! The gRPC server: what clients speak.
//!
//! Owns parsing, authentication, sessions and the replies. Changes nothing
//! itself: it asks the commit actor through its handle.
//!
//! ```text
//! UnixListener ─▶ connection ─▶ route_control, transactions ─▶ parse ─▶ CommitHandle
//!                     │ opened, closed      │ enter                         ▲
//!                     └──────▶ sessions ◀───┘                               │
//!                                  └── withdrawal after the grace period ───┘
//! ```
//!
//! An owner's intents outlive its last connection by the grace period, or for good where
//! the owner is persistent; `Deregister` without `withdraw_all` is like a disconnect. The
//! BGP instance is the node's and is never withdrawn with an owner. What an owner declared
//! is still there when it comes back within that time, so that `reassert_intents` has
//! nothing to do; the journal makes the same true across restarts of the agent.

mod authority;
pub(crate) mod bfd;
mod budget;
mod caller;
mod codes;
mod connection;
mod declared;
mod diagnostics;
mod directory;
mod encoded;
mod explain;
mod history;
mod link_local;
mod maintenance;
mod origin;
mod replay;
mod route_control;
mod server;
mod service;
mod sessions;
mod socket;
mod static_routes;
mod status;
#[cfg(test)]
mod tests;
mod transactions;

pub use authority::{Authorities, NotHttp2};
pub use budget::{
    Admission, AdmissionLayer, Authenticate, Budget, Limits, MAX_GUEST_STREAMS, MAX_OWNER_STREAMS,
    ObserveRefusal, Refusal,
};
pub use caller::Caller;
pub use connection::{Connection, Listen, Unnamed, accept_unnamed};
pub use directory::{Directory, InForce, Reloaded};
pub use encoded::EncodedStatus;
pub use origin::{ConnectionId, MAX_CONNECTIONS, Origin};
pub use server::{DRAIN, MAX_CALLS, MAX_REQUEST, serve, server};
pub use service::{Api, Dependencies, ObserveCall};
pub use sessions::{MAX_OWNER_CONNECTIONS, Sessions, TooManyConnections};
pub use socket::{BindError, Socket, bind};
