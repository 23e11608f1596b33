//! The agent's binary on real FRR with real peers.
//!
//! | file | shows |
//! |---|---|
//! | `way` | the whole way of peers and prefixes, to the peers' own tables |
//! | `routes` | static routes, and several intents at once, all or nothing |
//! | `refusals` | what FRR or the agent refuses leaves no trace |
//! | `input` | bad input names its field and changes nothing |
//! | `changes` | changed and cleared fields reach FRR; a repeated call sends nothing |
//! | `foreign` | what others configured stays |
//! | `instance` | ConfigureBGP again |
//! | `configuration` | static peers, the node's own AS and router-id, quotas |
//! | `reload` | SIGHUP: all of a new configuration, or nothing |
//! | `restart` | daemons that die, the agent that dies |
//! | `corners` | where two things meet |
//! | `sessions` | owners that come and go |

#[path = "../agent/mod.rs"]
mod agent;
#[path = "../lab/mod.rs"]
mod lab;

mod changes;
mod configuration;
mod corners;
mod foreign;
mod input;
mod instance;
mod refusals;
mod reload;
mod restart;
mod routes;
mod sessions;
mod way;
