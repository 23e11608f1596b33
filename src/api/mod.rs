//! The gRPC server: what clients speak.
//!
//! Owns parsing, authentication, sessions and the replies. Changes nothing
//! itself: it asks the commit actor through its handle. May import `model`, `policy`, `store`,
//! `commit`, `events` and `proto`.

pub mod parse;
