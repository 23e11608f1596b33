//! What a person on call sees of a node: series, alerts and the commands that name a cause, on real FRR.
//!
//! | file | shows |
//! |---|---|
//! | `night` | each trouble of a night with the command that names its cause; writes a page of the book |
//! | `disk` | a disk that can be full |
//! | `series` | every session has its series as long as it is declared, and its alert |

#[path = "../agent/mod.rs"]
mod agent;
#[path = "../lab/mod.rs"]
mod lab;

mod disk;
mod night;
mod series;
