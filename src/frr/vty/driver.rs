//! Configures one daemon over its VTY socket, as strictly as a transaction.
//!
//! Reads the running configuration, sends steps, takes them back, and reads again: nothing is
//! called applied that the daemon does not show.

use std::{sync::Arc, time::Duration};

use tracing::warn;

use super::{
    Endpoint, Question, Reply, Session, VtyError, redact,
    run::{Behind, Executed, INTO_CONFIGURATION, OUT_OF_CONFIGURATION, Refusal, refusal, run},
    steps::{Command, Step, spelled, steps, without_those_of_others},
    table::{Defaults, Running, Table},
};
use crate::{
    daemon::Daemon,
    frr::retry::Retry,
    tree::{Tree, diff, without},
};

/// Time that a daemon that has just failed has to take a new connection: everybody else waits
/// meanwhile. One that is back answers in a millisecond.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

/// A daemon's configuration: its words, and what the table makes of them.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// `show running-config`, word for word. May hold passwords.
    pub text: String,
    /// What it means.
    pub running: Running,
}

/// Why steps were not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The daemon refused a command; nothing behind it was begun on purpose.
    #[error("{daemon} refused {command:?}: {words}")]
    Refused {
        /// Which daemon.
        daemon: Daemon,
        /// The command, without secrets.
        command: String,
        /// FRR's words, without secrets.
        words: String,
        /// Index of the step that was refused, where FRR's words name one.
        step: Option<usize>,
        /// Indexes of the steps that were carried out, in their order.
        done: Vec<usize>,
    },
    /// The connection failed: what was carried out is only known by reading back.
    #[error("{daemon}: {}", chain(source))]
    Lost {
        /// Which daemon.
        daemon: Daemon,
        /// What happened.
        source: VtyError,
    },
}

impl ApplyError {
    /// Name of the kind, for metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Lost { source, .. } => source.kind(),
        }
    }

    /// What to do about it.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused { .. } => Retry::Never,
            Self::Lost { source, .. } => source.retry(),
        }
    }
}

/// An error with all that caused it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The driver of one daemon.
#[derive(Debug)]
pub struct VtyDriver {
    daemon: Daemon,
    endpoint: Arc<dyn Endpoint>,
    connect_timeout: Duration,
    table: &'static Table,
    session: Option<Session>,
    /// Counts connections.
    generation: u64,
    /// Whether the last attempt to use a session failed.
    failed: bool,
}

impl VtyDriver {
    /// A driver that connects when it is first used.
    ///
    /// `None` where the daemon is not configured over its VTY.
    pub fn new(
        daemon: Daemon,
        endpoint: Arc<dyn Endpoint>,
        connect_timeout: Duration,
    ) -> Option<Self> {
        let table = Table::of(daemon)?;
        Some(Self {
            daemon,
            endpoint,
            connect_timeout,
            table,
            session: None,
            generation: 0,
            failed: false,
        })
    }

    /// The daemon's table.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Number of the connection; `None` where there is none. As long as it stays the daemon was not
    /// restarted.
    pub fn generation(&self) -> Option<u64> {
        self.session.as_ref().map(|_| self.generation)
    }

    /// Waits until the daemon hangs up, as it does when it stops; for ever where there is no
    /// connection. Cancel safe.
    pub async fn closed(&mut self) {
        match &mut self.session {
            Some(session) => {
                session.closed().await;
                self.session = None;
            }
            None => std::future::pending().await,
        }
    }

    async fn session(&mut self) -> Result<&mut Session, VtyError> {
        if self.session.is_none() {
            let limit =
                if self.failed { self.connect_timeout.min(AGAIN) } else { self.connect_timeout };
            self.session = Some(Session::connect_to(self.endpoint.clone(), limit).await?);
            self.generation += 1;
            self.failed = false;
        }
        Ok(self.session.as_mut().expect("connected just above"))
    }

    /// Forgets the session where the error says that it is of no further use.
    fn note(&mut self, error: VtyError) -> VtyError {
        if error.is_fatal() {
            self.session = None;
            self.failed = true;
        }
        error
    }

    /// Whether the daemon answers, on a new connection where it was restarted.
    ///
    /// # Errors
    /// It does not, within this time.
    pub async fn answers(&mut self, within: Duration) -> Result<(), VtyError> {
        let asked = async {
            if let Some(session) = &mut self.session
                && session.command("enable").await.is_err()
            {
                self.session = None;
            }
            self.session().await.map(drop)
        };
        let answer = tokio::time::timeout(within, asked).await;
        let late = |_| Err(VtyError::Timeout { command: 0, waited: within });
        answer.unwrap_or_else(late).inspect_err(|_| {
            (self.session, self.failed) = (None, true);
        })
    }

    /// Reads the running configuration.
    ///
    /// # Errors
    /// The daemon can't be reached or does not answer.
    pub async fn read(&mut self, defaults: &Defaults) -> Result<Snapshot, VtyError> {
        let had_session = self.session.is_some();
        let text = match self.show_running().await {
            // The daemon may have been restarted since: then a new connection will do.
            Err(error) if had_session && error.is_fatal() => self.show_running().await?,
            result => result?,
        };
        let running = self.table.parse(&text, defaults);
        Ok(Snapshot { text, running })
    }

    /// Whether the daemon's answers are those that are wanted.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn proves(&mut self, questions: &[Question]) -> Result<bool, VtyError> {
        let commands: Vec<&str> = questions.iter().map(|q| q.command.as_str()).collect();
        let result = match self.session().await {
            Ok(session) => session.pipeline(&commands, |_, _| true).await,
            Err(error) => Err(error),
        };
        let answers = result.map_err(|error| self.note(error))?.replies;
        Ok(are_proven(questions, &answers))
    }

    /// `show running-config`, word for word. May hold passwords.
    ///
    /// # Errors
    /// The daemon can't be reached or does not answer.
    pub async fn show_running(&mut self) -> Result<String, VtyError> {
        let result = match self.session().await {
            Ok(session) => session.running_config().await,
            Err(error) => Err(error),
        };
        result.map_err(|error| self.note(error))
    }

    /// What the daemon answers to a question.
    ///
    /// # Errors
    /// The daemon can't be reached, or does not know the question.
    pub async fn show(&mut self, question: &str) -> Result<String, VtyError> {
        let result = match self.session().await {
            Ok(session) => session.show(question).await,
            Err(error) => Err(error),
        };
        result.map_err(|error| self.note(error))
    }

    /// Types commands from the configuration's top, all at once: once begun the daemon carries all of them out. Gives the
    /// first refusal's words.
    ///
    /// Cancel safety: none, as in [`VtyDriver::apply`].
    ///
    /// # Errors
    /// The connection failed.
    pub async fn type_at_once(&mut self, commands: &[String]) -> Result<Option<String>, VtyError> {
        let texts = std::iter::once(INTO_CONFIGURATION)
            .chain(commands.iter().map(String::as_str))
            .chain([OUT_OF_CONFIGURATION]);
        let texts: Vec<&str> = texts.collect();
        let result = match self.session().await {
            Ok(session) => session.pipeline(&texts, |_, _| true).await,
            Err(error) => Err(error),
        };
        let outcome = result.map_err(|error| self.note(error))?;
        Ok(refusal(&outcome, |at| texts[at], |at| at).map(|refusal| refusal.words))
    }

    /// Carries the steps out, in order, until one is refused.
    ///
    /// Cancel safety: none; the caller is the commit actor, which is not cancelled.
    ///
    /// # Errors
    /// FRR's words, with what was carried out until then.
    pub async fn apply(&mut self, steps: &[Step]) -> Result<(), ApplyError> {
        self.apply_and_prove(steps, &[]).await.map(drop)
    }

    /// Like [`VtyDriver::apply`], and asks these questions behind the steps without waiting for the answers to
    /// these: the daemon executes what it gets in its order. Whether its answers are those that are wanted.
    ///
    /// Cancel safety: none, as there.
    ///
    /// # Errors
    /// As there.
    pub async fn apply_and_prove(
        &mut self,
        steps: &[Step],
        questions: &[Question],
    ) -> Result<bool, ApplyError> {
        let commands: Vec<&Command> = steps.iter().map(|step| &step.command).collect();
        let Executed { refusal, done, answers } =
            self.run(&commands, Behind::Ends, questions).await?;
        match refusal {
            None => Ok(are_proven(questions, &answers)),
            Some(Refusal { command, words, step }) => {
                let step = Some(step);
                Err(ApplyError::Refused { daemon: self.daemon, command, words, step, done })
            }
        }
    }

    /// Takes steps back, the last first, by the inverses that were computed before. Goes on after a
    /// refusal: only reading back tells whether all is as before. An object that holds by now what these steps did not bring
    /// is left to [`VtyDriver::restore`], which takes nothing of somebody else's along.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn undo<'a>(
        &mut self,
        done: impl DoubleEndedIterator<Item = &'a Step>,
    ) -> Result<(), ApplyError> {
        let mut done: Vec<&Step> = done.collect();
        if done.iter().any(|step| step.makes) {
            let text = self.show_running().await.map_err(|source| self.lost(source))?;
            // What an object has by itself, nobody brought: defaults are not filled in.
            let now = self.table.parse(&text, &Defaults::default());
            let shown = self.table.lines(&now.tree);
            done = without_those_of_others(&done, &shown, &now.foreign);
        }
        let commands: Vec<&Command> = done.iter().rev().flat_map(|step| &step.inverse).collect();
        let executed = self.run(&commands, Behind::GoesOn, &[]).await?;
        if let Some(Refusal { command, words, .. }) = executed.refusal {
            warn!(daemon = %self.daemon, command, words, "refused while undoing");
        }
        Ok(())
    }

    /// Brings what of `ours` the daemon ran before back, whatever it runs now, and reads whether it is so, word
    /// for word unless somebody has typed meanwhile. What is not `ours` and came since stays: it is
    /// somebody else's. What is not `ours` and went since comes back: a command of ours took it along.
    ///
    /// # Errors
    /// What still differs, or why nothing can be done.
    pub async fn restore(
        &mut self,
        before: &Snapshot,
        ours: &Tree,
        defaults: &Defaults,
    ) -> Result<(), String> {
        let goal = |now: &Snapshot| beside_newer(&before.running.tree, ours, now);
        let back = |now: &Snapshot| {
            let stands = |line| now.running.foreign.contains(line);
            now.text == before.text
                || (now.running.tree == goal(now) && before.running.foreign.iter().all(stands))
        };
        match self.lead_to(goal, defaults, back).await? {
            None => Ok(()),
            Some(now) => Err(format!(
                "{} shows other lines than before: {}",
                self.daemon,
                first_difference(before, &now)
            )),
        }
    }

    /// Like [`VtyDriver::restore`], where it is only known what the daemon's words meant.
    ///
    /// # Errors
    /// As there.
    pub async fn restore_tree(
        &mut self,
        before: &Tree,
        ours: &Tree,
        defaults: &Defaults,
    ) -> Result<(), String> {
        let goal = |now: &Snapshot| beside_newer(before, ours, now);
        let back = |now: &Snapshot| now.running.tree == goal(now);
        match self.lead_to(goal, defaults, back).await? {
            None => Ok(()),
            Some(now) => {
                let wrong = diff(&goal(&now), &now.running.tree).into_iter().next();
                let path = wrong.map(|edit| edit.path).unwrap_or_default();
                Err(format!("{} runs something else than before at {path}", self.daemon))
            }
        }
    }

    /// Sends what leads to the goal, unless the daemon is there, and gives what it runs if it is not there
    /// then either.
    async fn lead_to(
        &mut self,
        goal: impl Fn(&Snapshot) -> Tree,
        defaults: &Defaults,
        there: impl Fn(&Snapshot) -> bool,
    ) -> Result<Option<Snapshot>, String> {
        let now = self.read(defaults).await.map_err(|error| chain(&error))?;
        if there(&now) {
            return Ok(None);
        }
        let (shown, wanted) = (self.table.lines(&now.running.tree), self.table.lines(&goal(&now)));
        let mut back = steps(&shown, &wanted, &now.running.foreign).map_err(|e| e.to_string())?;
        spelled(&mut back, &now.running.spelling);
        self.apply(&back).await.map_err(|error| error.to_string())?;
        let now = self.read(defaults).await.map_err(|error| chain(&error))?;
        Ok((!there(&now)).then_some(now))
    }

    fn lost(&mut self, source: VtyError) -> ApplyError {
        let source = self.note(source);
        ApplyError::Lost { daemon: self.daemon, source }
    }

    /// Carries commands out on the session.
    async fn run(
        &mut self,
        commands: &[&Command],
        behind: Behind,
        questions: &[Question],
    ) -> Result<Executed, ApplyError> {
        let executed = match self.session().await {
            Ok(session) => run(session, commands, behind, questions).await,
            Err(error) => Err(error),
        };
        executed.map_err(|source| self.lost(source))
    }
}

/// Whether every question has its answer, and the one that is wanted.
fn are_proven(questions: &[Question], answers: &[Reply]) -> bool {
    let mut pairs = questions.iter().zip(answers);
    questions.len() == answers.len() && pairs.all(|(q, answer)| q.is_proven_by(&answer.text))
}

/// What was there before, and what came since and is not ours.
fn beside_newer(before: &Tree, ours: &Tree, now: &Snapshot) -> Tree {
    let mut goal = before.clone();
    goal.merge(&without(&now.running.tree, ours));
    goal
}

/// The first line that is in only one of two configurations, without secrets.
fn first_difference(before: &Snapshot, now: &Snapshot) -> String {
    let pairs = before.text.lines().zip(now.text.lines());
    let (mut old, mut new) = ("(end)", "(end)");
    match pairs.into_iter().find(|(a, b)| a != b) {
        Some((a, b)) => (old, new) = (a, b),
        None => {
            let common = before.text.lines().count().min(now.text.lines().count());
            old = before.text.lines().nth(common).unwrap_or(old);
            new = now.text.lines().nth(common).unwrap_or(new);
        }
    }
    format!("{:?} where {:?} stood", redact(new), redact(old))
}
