//! What is foreign and in the way of what is declared, or keeps what is no longer declared; and taking it over.

use std::collections::{BTreeMap, BTreeSet};

use tracing::{info, warn};

use super::{Actor, carry_out::refusal, resync::THE_REST};
use crate::{
    commit::{
        Adopted, CommitError, CommitRequest,
        engine::Terms,
        ownership::{declared_by, objects},
    },
    daemon::{Daemon, Forest},
    model::{Change, IntentKey, Protocol},
    render::{render, render_into},
    store::Store,
    tree::Path,
};

impl Actor {
    /// What a comparison with everything is asked for beyond what is desired.
    pub(super) fn terms(&self) -> Terms {
        Terms { clean: self.journal.state().orphaned.is_empty(), ..Terms::default() }
    }

    /// What requests are asked for beyond what is desired then.
    pub(super) fn terms_of(&self, before: &Store, requests: &[&CommitRequest]) -> Terms {
        let shapes = self.engine.shapes();
        let changes = || requests.iter().flat_map(|request| &request.changes);
        let set = changes().filter_map(|change| match change {
            Change::Set(intent) => Some(intent),
            Change::Remove(_) => None,
        });
        let mut terms = Terms { asked: render(set, shapes), ..self.terms() };
        // What these change or take away counts as orphaned until FRR is known to have all else: that something of it is
        // foreign must outlive an agent that dies before.
        terms.clean &= changes().all(|change| before.get(&change.key()).is_none());
        terms.take_over = requests.iter().all(|request| request.take_over);
        if terms.take_over {
            for change in changes() {
                let Change::Remove(key) = change else { continue };
                if let Some(owned) = before.get(key) {
                    render_into(&mut terms.forced, &owned.intent, shapes);
                }
                for (daemon, path) in self.kept_of(key) {
                    let forced = terms.forced.entry(daemon).or_default();
                    objects::shape(forced, &path);
                }
            }
        }
        terms
    }

    /// Objects that stay though this is not declared any more.
    fn kept_of(&self, key: &IntentKey) -> Vec<(Daemon, Path)> {
        let all = self.engine.kept();
        let all = all.flat_map(|(daemon, kept)| kept.iter().map(move |it| (daemon, it)));
        let of_key = all.filter(|(_, kept)| kept.intent().as_ref() == Some(key));
        of_key.map(|(daemon, kept)| (daemon, kept.path.clone())).collect()
    }

    /// The changes that policy judges. What is not declared any more and stays for foreign lines may be taken away by
    /// force.
    ///
    /// # Errors
    /// Only `admin` takes over.
    pub(super) fn changes_to_judge(
        &self,
        store: &Store,
        request: &CommitRequest,
    ) -> Result<Vec<Change>, CommitError> {
        let absent = |change: &Change| match change {
            Change::Remove(key) => store.get(key).is_none(),
            Change::Set(_) => false,
        };
        let forgiven = request.extras.forgive_absent();
        if !request.take_over {
            let judged = request.changes.iter().filter(|change| !(forgiven && absent(change)));
            return Ok(judged.cloned().collect());
        }
        if !request.owner.is_admin() {
            return Err(CommitError::MayNotTakeOver { owner: request.owner.clone() });
        }
        let is_kept = |change: &Change| {
            absent(change) && (forgiven || !self.kept_of(&change.key()).is_empty())
        };
        Ok(request.changes.iter().filter(|change| !is_kept(change)).cloned().collect())
    }

    /// Takes note of what is hindered and what is kept after a commit, and says what is new of it.
    pub(super) fn note_others(&mut self) {
        let mut hindered = BTreeMap::new();
        let mut unknown: Vec<(Daemon, &Path, &str)> = Vec::new();
        for (daemon, it) in self.engine.in_the_way() {
            let key = declared_by(&it.path).map(|key| match key {
                IntentKey::StaticRoute(prefix) if self.store().get(&key).is_none() => {
                    IntentKey::Prefix(Protocol::Ospf, prefix)
                }
                key => key,
            });
            match key.filter(|key| self.store().get(key).is_some()) {
                Some(key) => drop(hindered.entry(key).or_insert_with(|| it.message.clone())),
                None => unknown.push((daemon, &it.path, &it.message)),
            }
        }
        if !unknown.is_empty() {
            for (key, owned) in self.store().iter() {
                let mut forest = Forest::new();
                render_into(&mut forest, &owned.intent, self.engine.shapes());
                let mut in_the_way = unknown.iter().filter(|(daemon, path, _)| {
                    forest.get(daemon).is_some_and(|tree| tree.contains(path))
                });
                if let Some((.., message)) = in_the_way.next() {
                    hindered.entry(*key).or_insert_with(|| (*message).to_owned());
                }
            }
        }
        for (key, reason) in &hindered {
            if self.hindered.get(key) != Some(reason) {
                warn!(intent = %key, reason, "not sent: somebody else's configuration is in its place");
            }
        }
        self.hindered = hindered;
        let kept: BTreeSet<String> = self
            .engine
            .kept()
            .flat_map(|(daemon, kept)| kept.iter().map(move |it| format!("{daemon} {}", it.path)))
            .collect();
        for (daemon, all) in self.engine.kept() {
            for it in all {
                if !self.kept.contains(&format!("{daemon} {}", it.path)) {
                    let lines = it.lines.join("; ");
                    warn!(%daemon, object = %it.path, lines, "kept: it holds somebody else's lines");
                }
            }
        }
        for object in self.kept.difference(&kept) {
            info!(object, "no longer kept");
        }
        self.kept = kept;
    }

    /// Takes what FRR runs as it is declared for ours: the journal that said so is lost.
    pub(super) async fn take_back(&mut self, dry_run: bool) -> Result<Adopted, CommitError> {
        let desired = self.desired(self.store(), std::iter::empty());
        let adopted = Adopted { objects: self.engine.not_ours(&desired) };
        if dry_run || adopted.objects.is_empty() {
            return Ok(adopted);
        }
        let terms = Terms { asked: desired.clone(), take_back: true, ..self.terms() };
        let all = BTreeSet::from(Daemon::ALL);
        let taken = self.engine.resynchronise(&all, &desired, &terms, &mut self.journal).await;
        self.note_others();
        let before = self.store().clone();
        let applied = taken.map_err(|it| refusal(it.error, &[], self.engine.shapes(), &before))?;
        self.lags.set_away(applied.unreachable);
        if applied.postponed {
            self.lags.doubt(THE_REST);
        }
        self.publish();
        let left: BTreeSet<_> = self.engine.not_ours(&desired).into_iter().collect();
        let objects: Vec<_> =
            adopted.objects.into_iter().filter(|object| !left.contains(object)).collect();
        info!(objects = objects.len(), "taken as ours again");
        Ok(Adopted { objects })
    }
}
