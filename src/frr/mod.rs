//! Everything that talks to FRR: sockets, their codecs and the drivers on top.
//!
//! | module | owns |
//! |---|---|
//! | `driver` | what the engine asks of a daemon, whatever transport leads to it |
//! | `vty` | VTY sockets, the table YANG ⇄ CLI, the driver for bgpd and bfdd |
//! | `frontend` | mgmtd's frontend socket, both generations of its protocol |
//! | `gateway` | FRR's `frr.Northbound` service, served on that socket |
//! | `northbound` | a client of any `frr.Northbound` service |
//! | `mgmtd` | the driver for what hangs on mgmtd: commits through the gateway, reads back |
//!
//! Knows nothing of owners, policy or gRPC clients.

pub mod driver;
pub mod frontend;
pub mod gateway;
pub mod mgmtd;
pub mod northbound;
pub mod retry;
pub mod transport;
pub mod vty;
