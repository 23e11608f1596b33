//! Everything that talks to FRR: sockets, their codecs and the drivers on top.
//!
//! May import `model`, `tree` and `yang`; knows nothing of owners, policy or gRPC clients.

pub mod vty;
