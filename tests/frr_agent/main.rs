//! The agent's binary on real FRR with real peers.
//!
//! | file | shows |
//! |---|---|
//! | `way` | the whole way of peers and prefixes, to the peers' own tables |
//! | `routes` | static routes, and several intents at once, all or nothing |
//! | `bfd` | BFD sessions, alone and beside a peer's |
//! | `ospf` | OSPF's interfaces and prefixes, with FRR and BIRD on the other side |
//! | `refusals` | what FRR or the agent refuses leaves no trace |
//! | `input` | bad input names its field and changes nothing |
//! | `changes` | changed and cleared fields reach FRR; a repeated call sends nothing |
//! | `foreign` | what others configured stays |
//! | `instance` | ConfigureBGP again |
//! | `configuration` | static peers, the node's own AS and router-id, quotas |
//! | `reload` | SIGHUP: all of a new configuration, or nothing |
//! | `restart` | daemons that die, the agent that dies |
//! | `monitor` | states, events and metrics are what FRR does |
//! | `alerts` | alerts on what a real agent counts |
//! | `claim` | two agents on one FRR |
//! | `models` | a YANG directory that lacks a model |
//! | `apart` | a daemon that is away holds up what it executes, and nothing else |
//! | `explain` | the way of one object, and what holds it up |
//! | `export` | what is declared, read back and applied again |
//! | `operator` | what the operator configured satisfies, refuses, keeps and outlives |
//! | `corners` | where two things meet |
//! | `coverage` | which door executes what of the FRR in use |
//! | `sessions` | owners that come and go |
//! | `spelling` | an operator's configuration in other spellings, and what can't be read |
//! | `values` | every value that the API takes, FRR takes and shows |
//! | `whole_peers` | what a peer can have beside the essential, and what the peer on the other side has of it |
//! | `screen` | novaroutectl's full screen and watches |

#[path = "../agent/mod.rs"]
mod agent;
#[path = "../lab/mod.rs"]
mod lab;

mod alerts;
mod apart;
mod bfd;
mod changes;
mod claim;
mod configuration;
mod corners;
mod coverage;
mod drain;
mod explain;
mod export;
mod foreign;
mod input;
mod instance;
mod models;
mod monitor;
mod operator;
mod ospf;
mod refusals;
mod reload;
mod restart;
mod routes;
mod screen;
mod sessions;
mod spelling;
mod values;
mod way;
mod whole_peers;
