//! NovaRoute: a node-local routing agent for FRR.
//!
//! Clients declare *intents* over gRPC; NovaRoute checks that they may, renders
//! them into FRR's own YANG, has libyang validate that, and commits it as one
//! transaction. `ARCHITECTURE.md` draws the way of an intent through the modules
//! below and states the invariants.

#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods))]

/// Generated protobuf and gRPC code; the contracts are in `proto/`.
#[allow(missing_docs, clippy::all)]
pub mod proto {
    /// NovaRoute's own contract.
    pub mod v1 {
        tonic::include_proto!("novaroute.v1");
        /// `RouteControl` as the agent serves it: `GetStatus` answers with what is encoded already.
        pub mod served {
            include!(concat!(env!("OUT_DIR"), "/served/novaroute.v1.rs"));
        }
    }
    /// What the agent writes to its state directory.
    pub mod journal {
        /// First format.
        pub mod v1 {
            tonic::include_proto!("novaroute.journal.v1");
        }
    }
    /// FRR's `frr.Northbound`.
    pub mod frr {
        tonic::include_proto!("frr");
    }
    /// mgmtd's frontend messages that FRR 10.3 speaks in protobuf.
    pub mod mgmtd {
        tonic::include_proto!("mgmtd");
    }
}

pub mod agent;
pub mod api;
#[cfg_attr(not(test), deny(clippy::too_many_lines))]
pub mod commit;
pub mod config;
pub mod coverage;
pub mod ctl;
pub mod daemon;
pub mod events;
pub mod failpoint;
pub mod fields;
#[cfg_attr(not(test), deny(clippy::too_many_lines))]
pub mod frr;
#[cfg_attr(not(test), deny(clippy::too_many_lines))]
pub mod journal;
pub mod model;
pub mod monitor;
pub mod policy;
#[cfg_attr(not(test), deny(clippy::too_many_lines))]
pub mod protocol;
pub mod render;
pub mod store;
pub mod supervise;
pub mod telemetry;
pub mod transaction;
pub mod tree;
pub mod validate;
pub mod wire;
pub mod world;
pub mod yang;
