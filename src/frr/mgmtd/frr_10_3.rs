//! Repairs of what FRR 10.3's mgmtd gets wrong: with 10.3 this file goes, and what calls it.
//!
//! - Whenever any of its sessions ends, mgmtd makes the candidate a copy of running: edits are lost, or all of a commit that
//!   is under way (`commit_until_it_stands`); and it forgets what it has just told the daemons (`compare_with_last`).
//! - Its own gRPC says yes and tells nobody (`tell_again`).
//! - When it starts anew it has forgotten what the daemons run (`sweep`).

use tracing::{debug, warn};

use super::{
    MgmtdDriver, MgmtdError,
    edits::{edits, holds, leaf},
    request,
};
use crate::{
    frr::{
        driver::NotShown,
        gateway::ROUNDS,
        northbound::{Answer, Edits, Error},
    },
    tree::{Edit, Node, Path, Step, Tree, advance, reverse},
};

/// The edit that a northbound makes first, with its path as text: what stood there before.
struct First {
    path: String,
    old: Option<Node>,
}

impl First {
    fn of(request: &Edits, edits: &[Edit]) -> Option<Self> {
        let deleted =
            |path: &String| Self { path: path.clone(), old: Some(Node::Container(Tree::new())) };
        let merged = |edit: &Edit| Self { path: edit.path.to_string(), old: edit.old.clone() };
        request.delete.iter().min().map(deleted).or_else(|| edits.first().map(merged))
    }
}

impl MgmtdDriver {
    /// Commits through the frontend socket, again where another session has reset the candidate meanwhile.
    pub(super) async fn commit_until_it_stands(
        &mut self,
        edits: &[Edit],
    ) -> Result<Answer, MgmtdError> {
        self.shown = None;
        let mut applied = None;
        for round in 0..ROUNDS {
            let request = request(edits, &self.yang).await?;
            let first = First::of(&request, edits);
            let edits_made = self.northbound.commit(request, "novaroute").await?;
            if edits_made != Answer::Unchanged {
                applied = Some(edits_made);
            }
            if self.first_stands(first.as_ref()).await? {
                return Ok(applied.unwrap_or(edits_made));
            }
            debug!(round, "another session of mgmtd reset the candidate during an apply");
        }
        let message = format!("other sessions of mgmtd reset its candidate {ROUNDS} times");
        Err(Error::Unknown { message }.into())
    }

    /// Whether mgmtd's running configuration is another than before the edit that was made first. On FRR 10.3 any session that ends
    /// has mgmtd forget the edits that were made so far, or all of a commit that is under way: that one in any
    /// case. What is merged comes last, and at once.
    async fn first_stands(&self, first: Option<&First>) -> Result<bool, MgmtdError> {
        let Some(First { path, old }) = first else { return Ok(true) };
        let json = self.northbound.get_config(path).await?;
        Ok(match old {
            None => json.is_some(),
            // What equals its default is not shown.
            Some(Node::Leaf(old)) => json.is_none_or(|json| leaf(&json).as_ref() != Some(old)),
            Some(_) => json.is_none(),
        })
    }

    /// mgmtd claims to have what the executing daemon does not run, as its own gRPC leaves it: for mgmtd
    /// there is nothing to change. So it forgets that, and gets it back as it had it, with what of
    /// something foreign stands in it.
    pub(super) async fn tell_again(&mut self, wanted: &Tree) -> Result<(), MgmtdError> {
        let claimed = self.read_tree().await?;
        let executed = self.executed().await?;
        let mut goal = executed.clone();
        goal.merge(&claimed.overlap(wanted));
        let mut rest = claimed.clone();
        for lacking in edits(&executed, &goal) {
            rest.remove(&lacking.path);
        }
        let gone = edits(&claimed, &rest);
        warn!(nodes = gone.len(), "staticd does not run what mgmtd claims; it is told again");
        self.commit_until_it_stands(&gone).await?;
        self.commit_until_it_stands(&reverse(&gone)).await?;
        Ok(())
    }

    /// Has the executing daemon asked for all that is ours at the next opportunity, where mgmtd does not have all of what
    /// was applied last, or has already what is to be new. On FRR 10.3 a session that ends in the middle of an
    /// apply makes mgmtd forget what it has just told the daemons.
    pub(super) fn compare_with_last(&mut self, running: &Tree, last: &Tree, wanted: &Tree) {
        let is_there = |edit: &Edit| edit.new.is_some() && holds(running, edit);
        let has_new = || {
            let can_have = !running.is_empty() && !last.includes(wanted);
            can_have && edits(last, wanted).iter().any(is_there)
        };
        if self.in_step && (!running.includes(last) || has_new()) {
            debug!("mgmtd does not have what was applied, or more");
            self.in_step = false;
        }
    }

    /// Takes away what the executing daemon still runs of `last` and `wanted` has not, where it or mgmtd was
    /// restarted since it was seen to be in step. A mgmtd that starts anew has forgotten what the daemon
    /// runs, and does not take it away; nor can it be deleted there. So it is made known to mgmtd again
    /// first. What is not in `last` is foreign and stays. Gives what the daemon still shows.
    ///
    /// # Errors
    /// FRR's words.
    pub(super) async fn sweep(
        &mut self,
        last: &Tree,
        wanted: &Tree,
    ) -> Result<Vec<NotShown>, MgmtdError> {
        if self.in_step {
            return Ok(Vec::new());
        }
        if edits(last, wanted).iter().all(|edit| edit.new.is_some()) {
            return Ok(Vec::new());
        }
        let executed = self.executed().await?;
        // Of what the daemon runs, so that nothing foreign goes with an entry that holds something of ours.
        let mut rest = executed.clone();
        advance(&mut rest, last, &Tree::new(), wanted, &|_| None);
        let gone = edits(&executed, &rest);
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        warn!(nodes = gone.len(), "staticd still runs what mgmtd has forgotten");
        // With all that the daemon runs to the same prefix: of an entry of which mgmtd knew ours alone it would take all away.
        let mut others = executed.clone();
        for edit in &gone {
            others.remove(&route_of(&edit.path));
        }
        self.commit_until_it_stands(&edits(&others, &executed)).await?;
        self.commit_until_it_stands(&gone).await?;
        self.read_back(&gone).await
    }
}

/// The entry of a route's prefix that a path is in: `route-list`.
fn route_of(path: &Path) -> Path {
    let is_route = |step: &Step| &*step.name == "route-list";
    match path.0.iter().position(is_route) {
        Some(at) => Path(path.0[..=at].to_vec()),
        None => path.clone(),
    }
}
