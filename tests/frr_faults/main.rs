//! Faults of the machine and of others on real FRR: what is promised in each is a line in `tests/README.md`. Deaths
//! of the agent at every step are in `tests/frr_transactions/crash.rs`, all of it by chance in
//! `tests/frr_model/main.rs`.
//!
//! | file | shows |
//! |---|---|
//! | `daemons` | FRR's daemons hang and die, in turn and all at once |
//! | `mgmtd` | what mgmtd forgets, and locks of somebody else |
//! | `vty` | a daemon whose VTY is silent, short, wrong, or hangs up between two replies |
//! | `proxy` | … for which this stands between the agent and the daemon |
//! | `disk` | a full disk, a read-only state directory |
//! | `memory` | what is more than the agent's memory holds |
//! | `clock` | the time of day steps |
//! | `sockets` | sockets that are taken away or replaced, and a second agent |
//! | `stuck` | what FRR refuses, with or without a word, while the agent brings it back |
//! | `stopping` | the agent's end while FRR hangs |
//! | `strangers` | callers without a token, and owners, that take what they can get |
//! | `version` | FRR of another version after a restart |

#[path = "../agent/mod.rs"]
mod agent;
#[path = "../lab/mod.rs"]
mod lab;

mod aggregate;
mod clock;
mod daemons;
mod disk;
mod memory;
mod mgmtd;
mod proxy;
mod sockets;
mod stopping;
mod strangers;
mod stuck;
mod version;
mod vty;

use std::time::Duration;

/// A daemon that was away is filled again within this, on a busy machine.
const REFILL: Duration = Duration::from_secs(60);
