//! What is refused, found object by object, where all of FRR is brought back: one object that can't be carried out
//! holds up no other.
//!
//! A commit for a client is all or nothing, and ends with the first refusal. One that brings FRR back is for many, so it
//! goes on behind a refusal and gathers them: the caller leaves those objects out and tries again. Every loop has a
//! bound: what is refused gets smaller with each attempt, and [`MOST_ATTEMPTS`] end it where there are too many.

use tracing::debug;

use super::{Done, Engine, Failure, Refusal, Way};
use crate::{
    commit::plan::{DaemonPlan, VtyPlan},
    daemon::Daemon,
    frr::{
        driver::{NotShown, Phase, Proof},
        mgmtd::object,
    },
    tree::{Edit, Path},
};

/// Attempts to find what a daemon refuses, in one commit. A mgmtd that is asked for one route among 10,000 takes a second.
const MOST_ATTEMPTS: usize = 64;

impl Engine {
    /// Takes note of a refusal. `Err` where the commit ends with it.
    pub(super) fn refuse(&mut self, message: String, at: (Daemon, Path)) -> Result<(), Failure> {
        if !self.gathers {
            return Err(Failure::Refused(message, Some(at)));
        }
        debug!(daemon = %at.0, path = %at.1, message, "refused; the rest goes on");
        self.refusals.push(Refusal { message, at });
        Ok(())
    }

    /// What was refused of the last commit that brought all of FRR back.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refusals)
    }

    /// Sends a phase of a plan. Where refusals are gathered it goes on behind each, without what is inside the object that was
    /// refused.
    pub(super) async fn apply_all(
        &mut self,
        daemon: Daemon,
        plan: &DaemonPlan,
        phase: Phase,
        sent: &mut usize,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let DaemonPlan::Commands(commands) = plan else { return Ok(()) };
        let (first, steps) = commands.phase(phase);
        let mut left: Vec<usize> = (first..first + steps.len()).collect();
        // Where the words name no step, each is sent alone.
        let mut alone = false;
        let mut refusals = 0;
        while refusals < MOST_ATTEMPTS {
            left.retain(|at| !self.is_refused(daemon, &commands.steps[*at].path));
            let some = if alone { &left[..left.len().min(1)] } else { &left[..] };
            if some.is_empty() {
                return Ok(());
            }
            let before = done.get(&daemon).map_or(0, Vec::len);
            let applied = match some.len() == steps.len() {
                true => self.apply(daemon, plan, phase, None, sent, done).await.map(drop),
                false => self.apply_some(daemon, commands, phase, some, sent, done).await,
            };
            let refused = match applied {
                Ok(()) if !alone => return Ok(()),
                Ok(()) => None,
                Err(Failure::Refused(message, at)) if self.gathers => Some((message, at)),
                Err(failure) => return Err(failure),
            };
            let only = some.len() == 1;
            let carried_out = done.get(&daemon).map_or(&[][..], |done| &done[before..]);
            left.retain(|at| !carried_out.contains(at));
            let Some((message, at)) = refused else { continue };
            refusals += 1;
            match (at, left.first()) {
                (Some(at), _) => self.refuse(message, at)?,
                (None, Some(first)) if only => {
                    let path = Path::clone(&commands.steps[*first].path);
                    self.refuse(message, (daemon, path))?;
                }
                (None, _) => alone = true,
            }
        }
        Ok(())
    }

    /// Whether data of this daemon is, or is inside, what was refused in this commit.
    fn is_refused(&self, daemon: Daemon, path: &Path) -> bool {
        let refused = |it: &Refusal| it.at.0 == daemon && path.starts_with(&it.at.1);
        self.refusals.iter().any(refused)
    }

    /// Sends these of the steps of a phase.
    async fn apply_some(
        &mut self,
        daemon: Daemon,
        plan: &VtyPlan,
        phase: Phase,
        which: &[usize],
        sent: &mut usize,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let some = DaemonPlan::Commands(plan.only(phase, which));
        let mut carried_out = Done::new();
        let applied = self.apply(daemon, &some, phase, None, sent, &mut carried_out).await;
        let carried_out = carried_out.remove(&daemon).unwrap_or_default();
        done.entry(daemon).or_default().extend(carried_out.into_iter().map(|at| which[at]));
        applied.map(drop)
    }

    /// Commits edits and confirms them. Where refusals are gathered, and the daemon refuses, the objects are committed in ever
    /// smaller parts until it is known which of them it refuses.
    pub(super) async fn commit_edits(
        &mut self,
        daemon: Daemon,
        plan: &DaemonPlan,
        edits: &[Edit],
    ) -> Result<(), Failure> {
        let refused = match self.commit_some(daemon, plan).await {
            Err(Failure::Refused(message, at)) if self.gathers => (message, at),
            other => return other,
        };
        let whole = by_object(edits);
        let mut parts = Vec::new();
        self.narrow(daemon, &whole, refused, &mut parts)?;
        for _ in 1..MOST_ATTEMPTS {
            let Some(part) = parts.pop() else { break };
            match self.commit_some(daemon, &DaemonPlan::Edits(part.concat())).await {
                Ok(()) => {}
                Err(Failure::Refused(message, at)) => {
                    self.narrow(daemon, &part, (message, at), &mut parts)?
                }
                Err(failure) => return Err(failure),
            }
            // Each attempt is progress, and may take a while.
            self.observer.beat();
        }
        Ok(())
    }

    /// Something of these objects is refused: which is known where there is one, and where the words name one it is tried
    /// apart from the others.
    fn narrow(
        &mut self,
        daemon: Daemon,
        objects: &[Vec<Edit>],
        (message, at): (String, Option<(Daemon, Path)>),
        parts: &mut Vec<Vec<Vec<Edit>>>,
    ) -> Result<(), Failure> {
        if let [one] = objects {
            return self.refuse_object(daemon, &message, one);
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
        &mut self,
        daemon: Daemon,
        message: &str,
        object: &[Edit],
    ) -> Result<(), Failure> {
        let sets = object.iter().any(|edit| edit.new.is_some());
        for edit in object.iter().filter(|edit| edit.new.is_some() == sets) {
            self.refuse(message.to_owned(), (daemon, edit.path.clone()))?;
        }
        Ok(())
    }

    async fn commit_some(&mut self, daemon: Daemon, plan: &DaemonPlan) -> Result<(), Failure> {
        self.apply(daemon, plan, Phase::Set, None, &mut 0, &mut Done::new()).await?;
        self.confirm(daemon, plan, Proof::Whole).await
    }

    /// Takes note of what a daemon has taken and does not show.
    pub(super) fn refuse_not_shown(
        &mut self,
        daemon: Daemon,
        not_shown: Vec<NotShown>,
    ) -> Result<(), Failure> {
        for NotShown { path, words } in not_shown {
            self.observer.not_confirmed(Way::of(daemon));
            self.refuse(words, (daemon, path))?;
        }
        Ok(())
    }
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
