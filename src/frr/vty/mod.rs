//! FRR's VTY sockets.

pub mod steps;
pub mod table;
