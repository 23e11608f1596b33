//! The northbound driver and the gateway on a real FRR: what they say is committed
//! is asked back from the daemon that executes it and from the kernel.

#[path = "../lab/mod.rs"]
mod lab;

mod bed;
mod commits;
mod contention;
mod losses;
mod phases;
mod program;
mod reads;
mod replace;
