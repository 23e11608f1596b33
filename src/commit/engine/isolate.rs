//! What is refused, found object by object, where all of FRR is brought back: one object that can't be carried out
//! holds up no other.
//!
//! A commit for a client is all or nothing, and ends with the first refusal. One that brings FRR back is for many, so it
//! goes on behind a refusal and gathers them: the caller leaves those objects out and tries again. Every loop has a
//! bound: what is refused gets smaller with each attempt, and [`MOST_ATTEMPTS`] end it where there are too many.

use tokio::time::Instant;

use super::{
    Engine, Failure,
    candidate::{Behind, Progress, Share},
    send::Sent,
};
use crate::{
    commit::plan::DaemonPlan,
    daemon::Daemon,
    frr::{
        driver::{Phase, Proof},
        mgmtd::object,
    },
    tree::{Edit, Path},
};

/// Attempts to find what a daemon refuses, in one commit. A mgmtd that is asked for one route among 10,000 takes a second.
const MOST_ATTEMPTS: usize = 64;

impl Engine {
    /// Applies a phase of what a commit does in a daemon. Edits are confirmed, too: they are one transaction.
    pub(super) async fn apply_share(
        &mut self,
        by: Instant,
        daemon: Daemon,
        share: &mut Share,
        phase: Phase,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        if let DaemonPlan::Edits(edits) = &share.plan {
            progress.sent += edits.len();
            progress.done.insert(daemon, Vec::new());
            return self.commit_edits(by, daemon, &share.plan, edits, progress).await;
        }
        self.apply_commands(by, daemon, share, phase, progress).await
    }

    /// Sends a phase of commands. Where refusals are gathered it goes on behind each, without what is inside the object that was
    /// refused.
    async fn apply_commands(
        &mut self,
        by: Instant,
        daemon: Daemon,
        share: &mut Share,
        phase: Phase,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut left: Vec<usize> = share.plan.indexes(phase).collect();
        // Where the words name no step, each is sent alone.
        let mut alone = false;
        let mut refusals = 0;
        while refusals < MOST_ATTEMPTS {
            left.retain(|at| {
                let path = share.plan.path(*at);
                !path.is_some_and(|path| progress.is_refused(daemon, path))
            });
            let some = if alone { &left[..left.len().min(1)] } else { &left[..] };
            if some.is_empty() {
                return Ok(());
            }
            let only = some.len() == 1;
            let Sent { done, result } = self.send_some(by, daemon, share, phase, some).await;
            progress.sent += some.len();
            progress.done.entry(daemon).or_default().extend(&done);
            left.retain(|at| !done.contains(at));
            let (message, at) = match result {
                Ok(proven) => {
                    share.proven = proven;
                    match alone {
                        false => return Ok(()),
                        true => continue,
                    }
                }
                Err(Failure::Refused(message, at)) if progress.behind == Behind::GoesOn => {
                    (message, at)
                }
                Err(failure) => return Err(failure),
            };
            refusals += 1;
            let first = left.first().filter(|_| only);
            let first = first.and_then(|at| Some((daemon, share.plan.path(*at)?.clone())));
            match at.or(first) {
                Some(at) => progress.refuse(message, at)?,
                None => alone = true,
            }
        }
        Ok(())
    }

    /// Sends these of the steps of a phase.
    async fn send_some(
        &mut self,
        by: Instant,
        daemon: Daemon,
        share: &Share,
        phase: Phase,
        which: &[usize],
    ) -> Sent {
        // Questions are about the end, and so go with what is sent last.
        let is_last = phase == Phase::Remove || share.plan.len(Phase::Remove) == 0;
        let questions = share.evidence.questions().filter(|_| is_last);
        match &share.plan {
            DaemonPlan::Commands(commands) if which.len() < share.plan.len(phase) => {
                let some = DaemonPlan::Commands(commands.only(phase, which));
                let mut sent = self.send(by, daemon, &some, phase, None).await;
                sent.done.iter_mut().for_each(|at| *at = which[*at]);
                sent
            }
            plan => self.send(by, daemon, plan, phase, questions).await,
        }
    }

    /// Commits edits and confirms them. Where refusals are gathered, and the daemon refuses, the objects are committed in ever
    /// smaller parts until it is known which of them it refuses.
    async fn commit_edits(
        &mut self,
        by: Instant,
        daemon: Daemon,
        plan: &DaemonPlan,
        edits: &[Edit],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let refused = match self.commit_some(by, daemon, plan, progress).await {
            Err(Failure::Refused(message, at)) if progress.behind == Behind::GoesOn => {
                (message, at)
            }
            other => return other,
        };
        let whole = by_object(edits);
        let mut parts = Vec::new();
        narrow(daemon, &whole, refused, &mut parts, progress)?;
        for _ in 1..MOST_ATTEMPTS {
            let Some(part) = parts.pop() else { break };
            let some = DaemonPlan::Edits(part.concat());
            match self.commit_some(by, daemon, &some, progress).await {
                Ok(()) => {}
                Err(Failure::Refused(message, at)) => {
                    narrow(daemon, &part, (message, at), &mut parts, progress)?;
                }
                Err(failure) => return Err(failure),
            }
            // Each attempt is progress, and may take a while.
            self.observer.beat();
        }
        Ok(())
    }

    async fn commit_some(
        &mut self,
        by: Instant,
        daemon: Daemon,
        plan: &DaemonPlan,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        self.send(by, daemon, plan, Phase::Set, None).await.result?;
        let confirmed = self.read_back(by, daemon, plan, Proof::Whole).await?;
        self.refuse_not_shown(progress, daemon, confirmed.not_shown)
    }
}

/// Something of these objects is refused: which is known where there is one, and where the words name one it is tried
/// apart from the others.
fn narrow(
    daemon: Daemon,
    objects: &[Vec<Edit>],
    (message, at): (String, Option<(Daemon, Path)>),
    parts: &mut Vec<Vec<Vec<Edit>>>,
    progress: &mut Progress,
) -> Result<(), Failure> {
    if let [one] = objects {
        return refuse_object(daemon, &message, one, progress);
    }
    let (first, rest) = match at.and_then(|(_, path)| position(objects, &path)) {
        Some(at) => {
            let mut rest = objects.to_vec();
            (vec![rest.remove(at)], rest)
        }
        None => {
            let (first, rest) = objects.split_at(objects.len() / 2);
            (first.to_vec(), rest.to_vec())
        }
    };
    parts.extend([rest, first]);
    Ok(())
}

/// Takes note that a daemon refuses an object: what it sets, or, where it sets nothing, what goes.
fn refuse_object(
    daemon: Daemon,
    message: &str,
    object: &[Edit],
    progress: &mut Progress,
) -> Result<(), Failure> {
    let sets = object.iter().any(|edit| edit.new.is_some());
    for edit in object.iter().filter(|edit| edit.new.is_some() == sets) {
        progress.refuse(message.to_owned(), (daemon, edit.path.clone()))?;
    }
    Ok(())
}

/// Edits by the object that they are about, in their order: those of one are made together.
fn by_object(edits: &[Edit]) -> Vec<Vec<Edit>> {
    let mut objects: Vec<Vec<Edit>> = Vec::new();
    let mut last = None;
    for edit in edits {
        let name = object(&edit.path).map(|(path, _)| path);
        match objects.last_mut() {
            Some(same) if name.is_some() && name == last => same.push(edit.clone()),
            _ => objects.push(vec![edit.clone()]),
        }
        last = name;
    }
    objects
}

/// Which of these objects data is in.
fn position(objects: &[Vec<Edit>], path: &Path) -> Option<usize> {
    objects.iter().position(|object| object.iter().any(|edit| edit.path == *path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(prefix: &str, below: &str) -> Edit {
        let path = format!(
            "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
             [type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd/\
             route-list[prefix='{prefix}'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']{below}"
        );
        Edit { path: path.parse().expect("a path"), old: None, new: None }
    }

    #[test]
    fn edits_of_one_route_stay_together() {
        let edits = [edit("10.0.0.0/8", "/a"), edit("10.0.0.0/8", "/b"), edit("11.0.0.0/8", "")];
        let sizes: Vec<usize> = by_object(&edits).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1]);
    }
}
