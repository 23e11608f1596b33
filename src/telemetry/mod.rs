//! What operators see: metrics, health, logs, and the HTTP server for the first two.
//!
//! Nothing else knows the names of metrics.
//!
//! | file | owns |
//! |---|---|
//! | `metrics` | every metric, its name and labels |
//! | `commit_metrics` | those of the path of a commit, and of the age of what is known of FRR |
//! | `sessions` | those of what is declared: sessions, static routes, prefixes, the drain |
//! | `process` | those of this process |
//! | `series` | what they have in common: registering, buckets, values |
//! | `labels` | the closed sets of label values |
//! | `health` | whether the agent is alive, and ready |
//! | `http` | `/metrics`, `/healthz`, `/readyz` |
//! | `logging` | log lines on standard error |
//! | `panics` | panics anywhere, logged and counted |

mod commit_metrics;
mod health;
mod http;
mod labels;
mod logging;
mod metrics;
mod panics;
mod process;
mod series;
mod sessions;

pub use commit_metrics::CommitMetrics;
pub use health::{HEARTBEAT_INTERVAL, HEARTBEAT_LIMIT, Health, Unhealthy};
pub use http::{HttpError, HttpServer};
pub use labels::{GrpcMethod, Operation, Protocol, ReloadResult, TransactionResult};
pub use logging::{LogControl, LogError, init as init_logging};
pub use metrics::Metrics;
pub use panics::watch_panics;
pub use sessions::{Declared, PeerSeries, STATIC_ROUTE_SERIES};
