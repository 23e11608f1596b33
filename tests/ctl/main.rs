//! `novaroutectl` as its users meet it: the real binary against a fake agent on a
//! socket of its own, and the rendering of fixed answers against golden files.

mod apply;
mod asking;
mod declared;
mod explain;
mod failures;
mod fake;
mod golden;
mod output;
mod requests;
mod screen;
mod transactions;
mod transactions_golden;
mod watch;
