//! The daemon that executes what mgmtd commits: staticd. What it shows is the proof that it was applied.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    LOOK, MgmtdDriver, MgmtdError,
    edits::{STATICD, edits, holds},
};
use crate::{
    frr::{driver::NotShown, vty::VtyError},
    tree::{Edit, Tree},
};

impl MgmtdDriver {
    /// Connects to the executing daemon.
    pub(super) async fn meet_executor(&mut self) -> Result<(), MgmtdError> {
        self.in_step = false;
        self.session = Some(self.connect(STATICD.1).await?);
        Ok(())
    }

    /// What the executing daemon runs.
    pub(super) async fn executed(&mut self) -> Result<Tree, MgmtdError> {
        let (_, daemon) = STATICD;
        if self.session.is_none() {
            self.meet_executor().await?;
        }
        let shown = match &mut self.session {
            Some(session) => session.show("show configuration running json").await,
            None => Err(VtyError::Poisoned),
        };
        let json = shown.map_err(|source| {
            self.session = None;
            MgmtdError::ReadBack { daemon, source }
        })?;
        self.parse(daemon, &json).await
    }

    /// Those of the edits that the executing daemon does not show within a time.
    pub(super) async fn lacking(
        &mut self,
        edits: &[Edit],
        within: Duration,
    ) -> Result<Vec<Edit>, MgmtdError> {
        let begun = Instant::now();
        loop {
            let tree = self.executed().await?;
            if edits.iter().all(|edit| holds(&tree, edit)) {
                self.shown = Some(tree).filter(|_| !self.in_step);
                return Ok(Vec::new());
            }
            if begun.elapsed() >= within {
                let wrong = edits.iter().filter(|edit| !holds(&tree, edit));
                return Ok(wrong.cloned().collect());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Confirms all of `wanted`, where the executing daemon has not shown it since it or mgmtd was
    /// restarted: that mgmtd has it in its configuration says nothing then. What the daemon lacks it is told
    /// again. Gives what it does not show then either, though it has been handed over.
    ///
    /// # Errors
    /// The daemon can't be asked, or does not have what mgmtd has.
    pub(super) async fn confirm_in_step(
        &mut self,
        wanted: &Tree,
    ) -> Result<Vec<NotShown>, MgmtdError> {
        if self.in_step {
            return Ok(Vec::new());
        }
        let all = edits(&Tree::new(), wanted);
        let shown = self.shown.take();
        let seen = shown.is_some_and(|tree| all.iter().all(|edit| holds(&tree, edit)));
        if !seen && !self.read_back(&all).await?.is_empty() {
            self.tell_again(wanted).await?;
            let not_shown = self.read_back(&all).await?;
            if !not_shown.is_empty() {
                return Ok(not_shown);
            }
        }
        (self.in_step, self.shown) = (true, None);
        Ok(Vec::new())
    }
}
