//! Everything that speaks with FRR's daemons.
//!
//! - [`frontend`]: mgmtd's frontend socket, both generations of its protocol.
//! - [`gateway`]: FRR's `frr.Northbound` service, served on that socket.
//! - [`northbound`]: the driver, a client of any `frr.Northbound` service.

pub mod frontend;
pub mod gateway;
pub mod northbound;
