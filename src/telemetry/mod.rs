//! What operators see: metrics, health, logs, and the HTTP server for the first two.
//!
//! May import `model`, `policy`, `events`, `config` and the generated contract; nothing else knows the names of
//! metrics.
//!
//! | file | owns |
//! |---|---|
//! | `metrics` | every metric, its name and labels |
//! | `labels` | the closed sets of label values |
//! | `health` | whether the agent is alive, and ready |
//! | `http` | `/metrics`, `/healthz`, `/readyz` |
//! | `logging` | log lines on standard error |

mod health;
mod http;
mod labels;
mod logging;
mod metrics;

pub use health::{HEARTBEAT_INTERVAL, HEARTBEAT_LIMIT, Health, Unhealthy};
pub use http::{HttpError, HttpServer};
pub use labels::{GrpcMethod, Operation, Protocol, ReloadResult, TransactionResult};
pub use logging::{LogControl, LogError, init as init_logging};
pub use metrics::Metrics;
