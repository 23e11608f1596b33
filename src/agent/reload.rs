//! Another configuration while the agent runs (SIGHUP): all of it or nothing.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::adapters::Owned;
use crate::{
    api::Sessions,
    commit::{CommitError, CommitHandle},
    config::{Config, ConfigError, Source},
    failpoint,
    frr::vty::chain,
    policy::Policies,
    telemetry::{LogControl, Metrics, ReloadResult},
};

/// Why a configuration is not in force. Everything is as it was.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    /// The file is wrong.
    #[error("{}", chain(.0))]
    Config(#[from] ConfigError),
    /// What it declares was refused.
    #[error("what it declares is refused: {0}")]
    Refused(#[from] CommitError),
}

/// What a reload reaches.
pub(super) struct Reloader {
    pub(super) source: Source,
    pub(super) logs: LogControl,
    pub(super) commit: CommitHandle,
    pub(super) policies: watch::Sender<Arc<Policies>>,
    pub(super) directory: Arc<Owned>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) metrics: Arc<Metrics>,
    /// What is in force.
    pub(super) running: Config,
}

impl Reloader {
    /// Reloads at each request, until `stop`, or until no request can come any more.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<()>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                request = requests.recv() => match request {
                    Some(()) => self.reload().await,
                    // What watches for signals is gone: the agent would hear no SIGTERM either.
                    None => return,
                },
            }
        }
    }

    async fn reload(&mut self) {
        failpoint::die("reload");
        let path = self.source.path().display().to_string();
        let result = match self.put_in_force().await {
            Ok(changed) => {
                info!(path, changed, "configuration reloaded: {}", self.running.summary());
                ReloadResult::Success
            }
            Err(error) => {
                error!(path, %error, "configuration not reloaded, nothing is changed");
                ReloadResult::Failure
            }
        };
        self.metrics.config_reload(result);
    }

    /// Says how many objects of the configuration changed.
    async fn put_in_force(&mut self) -> Result<usize, ReloadError> {
        let mut new = self.source.load()?;
        for setting in new.keep_what_needs_a_restart(&self.running) {
            warn!(setting, "is changed in the file; it takes effect when the agent is restarted");
        }
        for warning in new.warnings() {
            warn!("{warning}");
        }
        // All that can be refused comes first.
        let changed = self.commit.configure(new.configured()).await?;
        self.metrics.add_owners(new.owners.names().cloned());
        // Policies before tokens: an owner that the new file lets in is held to its policy.
        self.policies.send_replace(Arc::new(new.owners.policies()));
        self.directory.replace(&new);
        self.sessions.reconfigured();
        self.logs.set_level(new.log_level);
        self.running = new;
        Ok(changed)
    }
}
