//! What the executing daemon does not show of what mgmtd committed: has it refused it without a word, or has it not been
//! handed over yet?
//!
//! mgmtd commits also while the daemon is not attached to it, as after a restart of either, and hands the configuration
//! over when it is: within a second. A daemon that is attached, answers, and shows the same without the change for longer
//! than that has refused it. One that is not attached may still get it.

use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use super::{
    LOOK, MgmtdDriver, MgmtdError, NotShown,
    edits::{STATICD, holds},
};
use crate::tree::{Edit, Path, Tree};

/// How long the executing daemon has to show what mgmtd committed, from when it last showed anything new.
const HANDED_OVER: Duration = Duration::from_secs(3);

/// How long it has to attach itself to mgmtd, where it is not attached: it tries every quarter of a second.
const ATTACHED: Duration = Duration::from_secs(6);

/// How long is waited at all, for one that shows something new all the time: less than a commit has.
const AT_LAST: Duration = Duration::from_secs(10);

/// Longest description of what a daemon shows, in bytes: it goes into a gRPC status.
const LONGEST: usize = 400;

impl MgmtdDriver {
    /// Reads back from the daemon that executes, and compares it with what shall be there. Waits a moment
    /// for what mgmtd still has to hand over. Gives the edits that the daemon has refused without a word.
    ///
    /// # Errors
    /// The daemon can't be asked, or does not have what mgmtd has.
    pub(super) async fn read_back(&mut self, edits: &[Edit]) -> Result<Vec<NotShown>, MgmtdError> {
        let begun = Instant::now();
        let mut shown = (Tree::new(), begun);
        loop {
            let tree = self.executed().await?;
            let Some(first) = edits.iter().find(|edit| !holds(&tree, edit)) else {
                self.shown = Some(tree).filter(|_| !self.in_step);
                return Ok(Vec::new());
            };
            if tree != shown.0 {
                shown = (tree, Instant::now());
            }
            if shown.1.elapsed() >= HANDED_OVER {
                self.in_step = false;
                if self.is_attached().await {
                    return Ok(not_shown(edits, &shown.0));
                }
                if begun.elapsed() >= ATTACHED {
                    return Err(not_handed_over(first));
                }
            }
            if begun.elapsed() >= AT_LAST {
                self.in_step = false;
                return Err(not_handed_over(first));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether mgmtd says that the executing daemon is attached to it. A mgmtd that does not know the question is taken at
    /// its word that it has committed.
    async fn is_attached(&mut self) -> bool {
        let Some(canary) = &mut self.canary else { return false };
        match canary.show("show mgmt backend-adapter all").await {
            Ok(adapters) => {
                let client = |line: &str| {
                    line.trim().strip_prefix("Client:").map(str::trim) == Some(STATICD.1)
                };
                !adapters.contains("Client:") || adapters.lines().any(client)
            }
            Err(error) => {
                debug!(%error, "mgmtd was not asked for its backends");
                !error.is_fatal()
            }
        }
    }
}

fn not_handed_over(edit: &Edit) -> MgmtdError {
    MgmtdError::NotHandedOver { daemon: STATICD.1, path: edit.path.clone() }
}

/// Those of the edits that the daemon does not show, and what it shows instead.
fn not_shown(edits: &[Edit], shown: &Tree) -> Vec<NotShown> {
    let lacking = edits.iter().filter(|edit| !holds(shown, edit));
    lacking.map(|edit| NotShown { path: edit.path.clone(), words: words(edit, shown) }).collect()
}

/// In which object of the daemon an edit is: the routes to one prefix. Its path, and its name in words.
pub(crate) fn object(path: &Path) -> Option<(Path, &str)> {
    let at = path.0.iter().position(|step| &*step.name == "route-list")?;
    let prefix = path.0[at].key("prefix")?;
    Some((Path(path.0[..=at].to_vec()), prefix))
}

fn words(edit: &Edit, shown: &Tree) -> String {
    let daemon = STATICD.1;
    let Some((object, prefix)) = object(&edit.path) else {
        return format!("{daemon} does not apply what mgmtd committed: {}", edit.path);
    };
    let wanted = Path(edit.path.0[object.0.len()..].to_vec());
    let instead = match shown.subtree(&object) {
        Some(tree) => described(tree),
        None => "no route to it".to_owned(),
    };
    match edit.new {
        Some(_) => format!(
            "{daemon} refuses a route to {prefix} without a word: of {wanted} it shows nothing; {daemon} shows \
             {instead} instead"
        ),
        None => format!(
            "{daemon} keeps a route to {prefix} without a word: {daemon} still shows {instead}"
        ),
    }
}

/// What stands below, as paths.
fn described(tree: &Tree) -> String {
    let mut ends = Vec::new();
    tree.for_each_end(&mut |path, value| {
        ends.push(match value {
            Some(value) => format!("{path} = {value}"),
            None => path.to_string(),
        });
    });
    let mut text = ends.join(", ");
    if text.len() > LONGEST {
        let cut = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(cut);
        text.push_str(" ...");
    }
    text
}
