//! Another configuration while the agent runs.
//!
//! Asked for (SIGHUP, `Reload`): all of it or nothing. Since its files changed: what resets no session is taken at once, the rest
//! waits to be asked for. The files are looked at every few seconds (`watch_interval`) rather than watched by inotify: the kubelet
//! swaps a symbolic link in a mount, editors rename, overlays tell nothing, and a look at what a path leads to sees all of it.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{self, Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::adapters::{Ask, Owned};
use crate::{
    api::{Directory, InForce, Reloaded, Sessions},
    commit::{CommitError, CommitHandle},
    config::{Config, ConfigError, Signature, Source},
    failpoint,
    frr::vty::chain,
    policy::Policies,
    telemetry::{LogControl, Metrics, ReloadResult},
    world,
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

/// What has a configuration read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A signal.
    Signal,
    /// A call.
    Request,
    /// Its files have changed.
    Watch,
}

impl By {
    /// Its name in the contract.
    fn name(self) -> &'static str {
        match self {
            Self::Signal => "SIGHUP",
            Self::Request => "request",
            Self::Watch => "watch",
        }
    }
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

/// What came of a reload that was not refused.
struct Done {
    changed: usize,
    waits_for_reload: Vec<&'static str>,
    waits_for_restart: Vec<&'static str>,
}

/// What is said of a configuration at the start.
pub(super) fn in_force(source: &Source, config: &Config) -> InForce {
    InForce {
        file: source.path().display().to_string(),
        json: format!("{:#}", config.redacted()),
        since: Some(world::time_of_day()),
        by: "start",
        ..InForce::default()
    }
}

/// The files of the configuration, looked at now and then.
struct Watch {
    interval: Option<Interval>,
    /// What they were when they were last read.
    read: Signature,
    /// What they were at the last look.
    seen: Signature,
}

impl Watch {
    fn new(every: Option<Duration>, now: Signature) -> Self {
        let interval = every.map(|every| {
            let mut interval = time::interval(every);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        Self { interval, read: now.clone(), seen: now }
    }

    /// Waits until they are others than those that were read, and were the same at two looks: what is being written is not
    /// read by halves. Cancel safe.
    async fn changed(&mut self, source: &Source) {
        let Some(interval) = &mut self.interval else { return std::future::pending().await };
        loop {
            interval.tick().await;
            let now = source.signature();
            let is_settled = now == self.seen;
            self.seen = now;
            if is_settled && self.seen != self.read {
                return;
            }
        }
    }
}

impl Reloader {
    /// Reloads at each request and change, until `stop`, or until no signal can come any more.
    pub(super) async fn run(
        mut self,
        mut signals: mpsc::Receiver<()>,
        mut asked: mpsc::Receiver<Ask>,
        stop: CancellationToken,
    ) {
        let mut watch = Watch::new(self.running.watch_interval, self.source.signature());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                signal = signals.recv() => match signal {
                    Some(()) => drop(self.reload(By::Signal, &mut watch).await),
                    // What watches for signals is gone: the agent would hear no SIGTERM either.
                    None => return,
                },
                Some(answer) = asked.recv() => {
                    let reloaded = self.reload(By::Request, &mut watch).await;
                    // Who asked may have gone.
                    drop(answer.send(reloaded));
                }
                () = watch.changed(&self.source) => drop(self.reload(By::Watch, &mut watch).await),
            }
        }
    }

    async fn reload(&mut self, by: By, watch: &mut Watch) -> Reloaded {
        failpoint::die("reload");
        // What changes while it is read is read again.
        watch.read = self.source.signature();
        let path = self.source.path().display().to_string();
        let before = self.directory.in_force();
        match self.put_in_force(by).await {
            Ok(Done { changed, waits_for_reload, waits_for_restart }) => {
                let summary = self.running.summary();
                info!(path, by = by.name(), changed, "configuration reloaded: {summary}");
                for section in &waits_for_reload {
                    warn!(
                        section,
                        "is changed in the file and may reset sessions; it takes effect at \
                        novaroutectl reload or SIGHUP"
                    );
                }
                self.directory.say(InForce {
                    json: format!("{:#}", self.running.redacted()),
                    since: Some(world::time_of_day()),
                    by: by.name(),
                    waits_for_reload,
                    waits_for_restart: waits_for_restart.clone(),
                    error: None,
                    ..before
                });
                self.metrics.config_reload(ReloadResult::Success);
                Ok((changed, waits_for_restart))
            }
            Err(error) => {
                error!(path, by = by.name(), %error, "configuration not reloaded, nothing is changed");
                let told = error.to_string();
                let failed = Some((world::time_of_day(), told.clone()));
                self.directory.say(InForce { error: failed, ..before });
                self.metrics.config_reload(ReloadResult::Failure);
                Err(told)
            }
        }
    }

    async fn put_in_force(&mut self, by: By) -> Result<Done, ReloadError> {
        let mut new = self.source.load()?;
        let waits_for_restart = new.keep_what_needs_a_restart(&self.running);
        for setting in &waits_for_restart {
            warn!(setting, "is changed in the file; it takes effect when the agent is restarted");
        }
        for warning in new.warnings() {
            warn!("{warning}");
        }
        // All that can be refused comes first.
        let (waits_for_reload, changed) = match by {
            By::Watch => (new.keep_what_may_reset(&self.running), 0),
            By::Signal | By::Request => (vec![], self.commit.configure(new.configured()).await?),
        };
        self.metrics.add_owners(new.owners.names().cloned());
        // Policies before tokens: an owner that the new file lets in is held to its policy.
        self.policies.send_replace(Arc::new(new.owners.policies()));
        self.directory.replace(&new);
        self.sessions.reconfigured();
        self.logs.set_level(new.log_level);
        self.running = new;
        Ok(Done { changed, waits_for_reload, waits_for_restart })
    }
}
