//! Tasks whose death is noticed: it is logged, counted, and ends the agent.
//!
//! A task that panics takes no other down. Without this the agent would go on without its monitor, or without the ends of
//! grace periods, and look well. An agent that starts anew finds everything in its journal and in FRR.

use std::{any::Any, future::Future, panic::AssertUnwindSafe};

use futures::FutureExt;
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::error;

/// A part of the agent that it can't do without. The names are label values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// The commit actor.
    Commits,
    /// The thread of libyang.
    Libyang,
    /// What watches FRR's daemons.
    Monitor,
    /// What makes events of what the monitor saw.
    Transitions,
    /// What asks daemons and transports for their models.
    Survey,
    /// Metrics and health.
    Http,
    /// Signals and reloads of the configuration.
    Reload,
    /// The ends of owners' grace periods.
    Sessions,
    /// The gRPC server.
    Clients,
    /// What keeps FRR for this agent alone.
    Claim,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Commits,
        Self::Libyang,
        Self::Monitor,
        Self::Transitions,
        Self::Survey,
        Self::Http,
        Self::Reload,
        Self::Sessions,
        Self::Clients,
        Self::Claim,
    ];

    /// Name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commits => "commits",
            Self::Libyang => "libyang",
            Self::Monitor => "monitor",
            Self::Transitions => "transitions",
            Self::Survey => "survey",
            Self::Http => "http",
            Self::Reload => "reload",
            Self::Sessions => "sessions",
            Self::Clients => "clients",
            Self::Claim => "claim",
        }
    }
}

/// A task that is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Which.
    pub task: Task,
    /// How it ended.
    pub why: String,
}

/// Starts tasks and reports those that die. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Supervisor(mpsc::Sender<Death>);

impl Supervisor {
    /// A supervisor, and where it reports to.
    pub fn new() -> (Self, mpsc::Receiver<Death>) {
        // The first death ends the agent: there is room for one of each.
        let (deaths, reports) = mpsc::channel(Task::ALL.len());
        (Self(deaths), reports)
    }

    /// Starts a task that lives until `stop`: its end before that is a death, as a panic always is. What the task gives
    /// back is `None` where it panicked.
    pub fn spawn<T: Send + 'static>(
        &self,
        on: &Handle,
        task: Task,
        stop: &CancellationToken,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<Option<T>> {
        let (supervisor, stop) = (self.clone(), stop.clone());
        on.spawn(async move {
            let done = supervisor.survive(task, work).await;
            if done.is_some() && !stop.is_cancelled() {
                supervisor.died(task, "it has ended by itself");
            }
            done
        })
    }

    /// Starts a task that ends when it is done: only a panic is a death.
    pub fn spawn_errand(
        &self,
        on: &Handle,
        task: Task,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let supervisor = self.clone();
        drop(on.spawn(async move { supervisor.survive(task, work).await }));
    }

    /// Reports a death.
    pub fn died(&self, task: Task, why: &str) {
        error!(task = task.name(), why, "a part of the agent has died");
        // Where there is no room the agent is ending already.
        let _ = self.0.try_send(Death { task, why: why.to_owned() });
    }

    async fn survive<T>(&self, task: Task, work: impl Future<Output = T>) -> Option<T> {
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(done) => Some(done),
            Err(panic) => {
                self.died(task, &format!("it panicked: {}", words(&*panic)));
                None
            }
        }
    }
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whatever_dies_is_reported_and_what_is_stopped_is_not() {
        let (supervisor, mut deaths) = Supervisor::new();
        let (here, stop) = (Handle::current(), CancellationToken::new());
        let works = supervisor.spawn(&here, Task::Http, &stop, stop.clone().cancelled_owned());
        let panics =
            supervisor.spawn(&here, Task::Monitor, &stop, async { panic!("number {}", 7) });
        assert!(panics.await.unwrap().is_none());
        let ends = supervisor.spawn(&here, Task::Survey, &stop, async { 7 });
        assert_eq!(ends.await.unwrap(), Some(7));
        supervisor.spawn_errand(&here, Task::Sessions, async {});
        supervisor.spawn_errand(&here, Task::Sessions, async { panic!("plain") });
        let mut reported = Vec::new();
        for _ in 0..3 {
            let Death { task, why } = deaths.recv().await.unwrap();
            reported.push((task, why));
        }
        assert_eq!(
            reported,
            [
                (Task::Monitor, "it panicked: number 7".to_owned()),
                (Task::Survey, "it has ended by itself".to_owned()),
                (Task::Sessions, "it panicked: plain".to_owned()),
            ]
        );
        stop.cancel();
        assert_eq!(works.await.unwrap(), Some(()));
        assert!(deaths.try_recv().is_err());
    }
}
