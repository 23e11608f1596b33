//! FRR: how its daemons are reached.

pub mod vty;
