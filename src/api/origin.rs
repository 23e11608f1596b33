//! Connections as the rest of this module knows them: by number, and where they come from.

use std::{fmt, net::SocketAddr};

use super::caller::Caller;

/// Most connections at a time: a node has a handful of clients, and each connection
/// costs a file descriptor of the usual 1,024.
pub const MAX_CONNECTIONS: usize = 256;

/// One accepted connection. Numbers are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// Its number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The caller gives each number once.
    pub(super) fn new(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// Its connection.
    pub id: ConnectionId,
    /// Who opened that, where it is a Unix socket.
    pub caller: Option<Caller>,
    /// From where, where it is TCP.
    pub address: Option<SocketAddr>,
}
