//! Clients' calls, and what their answers are held against.

use std::{sync::Arc, time::Duration};

use novaroute::{
    commit::{CommitError, Outcome},
    wire,
};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    dice::Dice,
    frr::Mood,
    in_frr,
    model::{OPERATORS, OWNERS, Object, Wish},
    node::{EDGE_PREFIXES, GRACE, Node, owner},
    owners::{Awaiting, Have, key, prefixes, stored},
    play::{ANSWER, Play, lock, request},
};

impl Wish {
    /// What its owner has then.
    pub fn after(&self, before: &Have) -> Have {
        let mut after = before.clone();
        for (object, kind) in &self.objects {
            match kind {
                Some(kind) => drop(after.insert(object.clone(), kind.clone())),
                None => drop(after.remove(object)),
            }
        }
        after
    }
}

impl Play {
    /// A client declares or withdraws something.
    pub fn call(&self, dice: &mut Dice) {
        let name = dice.one(&OWNERS);
        let model = self.of(name, |it| {
            let waits =
                it.awaiting.as_ref().is_some_and(|it| it.by < Instant::now() + ANSWER + ANSWER);
            (it.connected && !it.busy && !waits).then(|| it.model())
        });
        let Some(model) = model else { return };
        let wish = match dice.below(6) {
            // All that it has of a kind, withdrawn, and declared again as it was.
            0 if !model.is_empty() => {
                let at = usize::try_from(dice.below(model.len() as u64)).expect("an index");
                let ((_, object), kind) = model.iter().nth(at).expect("below its length");
                let again = Wish { owner: name, objects: [(object.clone(), None)].into() };
                let then = [(object.clone(), Some(kind.clone()))].into();
                self.spawn(again, Some(Wish { owner: name, objects: then }), None);
                return;
            }
            _ => loop {
                let wish = Wish::any(&model, dice);
                if wish.owner == name {
                    let theirs = model.contains_key(&(name, Object::Prefix(OPERATORS.to_owned())));
                    break self.weather.wish(wish, dice, theirs);
                }
            },
        };
        let confirm = dice.below(4) == 0 && self.of(name, |it| it.awaiting.is_none());
        let within = confirm.then(|| ANSWER + Duration::from_secs(10 + dice.below(200)));
        self.spawn(wish, None, within);
    }

    pub fn spawn(&self, wish: Wish, then: Option<Wish>, within: Option<Duration>) {
        let play = self.clone();
        play.of(wish.owner, |it| it.busy = true);
        tokio::spawn(async move {
            let name = wish.owner;
            play.perform(wish, within).await;
            if let Some(then) = then {
                play.perform(then, None).await;
            }
            play.of(name, |it| it.busy = false);
        });
    }

    pub async fn perform(&self, wish: Wish, within: Option<Duration>) {
        let name = wish.owner;
        let (before, changes) =
            self.of(name, |it| (it.known.have.clone(), wish.changes(&it.model())));
        if changes.is_empty() {
            return;
        }
        let changes = wire::changes(&changes).expect("what the model declares is valid");
        let after = wish.after(&before);
        let node = self.node();
        let begun = Instant::now();
        let starts = self.starts();
        self.frr.step(name, &format!("{:?}", wish.objects.keys().collect::<Vec<_>>()));
        let connection = node.connection(name);
        let request = request(name, changes, within);
        let then = self.of(name, |it| {
            let then = it.then(after.clone(), wish.objects.keys());
            it.may_be.push(then.clone());
            then
        });
        let asked = async {
            if node.sessions.enter(&owner(name), Some(connection)).await.is_err() {
                return Err(CommitError::Busy { waiting: 0 });
            }
            node.commit.commit(request).await
        };
        let Some(answer) = self.in_time(name, asked).await else { return };
        if node.has_ended() || self.disk.is_dead() {
            // Nobody was answered; what is there is found when the agent starts again.
            let within = within.map(|within| begun + within + ANSWER);
            self.unanswered(&node, name, &before, within).await;
            return;
        }
        self.frr.step("answer", &format!("{name} {:?}", answer.as_ref().map(|it| it.outcome)));
        let whole = node.view().journal.is_empty();
        match answer {
            Ok(committed) => {
                self.of(name, |it| {
                    it.told(then, whole);
                    if let Some(within) = within {
                        let of = |object: &Object| {
                            let version = it.version(object);
                            (object.clone(), before.get(object).cloned(), version)
                        };
                        let differs = |object: &&Object| before.get(*object) != after.get(*object);
                        let before = wish.objects.keys().filter(differs).map(of).collect();
                        it.awaiting = Some(Awaiting {
                            id: committed.id,
                            before,
                            by: begun + within + ANSWER,
                        });
                    }
                });
                if committed.outcome != Outcome::Pending && self.starts() == starts {
                    self.confirmed(&node, name, &wish, committed.outcome);
                }
            }
            Err(error) => {
                self.of(name, |it| {
                    it.kept(whole && !matches!(error, CommitError::NotDurable { .. }));
                    if let (false, Some(within)) = (whole, within) {
                        it.in_doubt = Some(begun + within + ANSWER);
                    }
                });
                self.refused(name, &wish, &before, &after, &error, begun, starts);
            }
        }
    }

    /// Waits for an answer, which has to come in time.
    pub async fn in_time<T>(&self, name: &str, asked: impl Future<Output = T>) -> Option<T> {
        let begun = Instant::now();
        let answer = self.within(ANSWER, name, asked).await;
        let mut inner = self.frr.lock();
        inner.longest = inner.longest.max(begun.elapsed());
        answer
    }

    /// Waits for an answer, which has to come within this time.
    pub async fn within<T>(
        &self,
        most: Duration,
        name: &str,
        asked: impl Future<Output = T>,
    ) -> Option<T> {
        let answer = timeout(most, asked).await.ok();
        if answer.is_none() {
            self.frr.wrong(format!("{name} was not answered within {most:?}"));
        }
        answer
    }

    /// Waits for the next start of the agent, which says what became of a call.
    pub async fn unanswered(
        &self,
        node: &Arc<Node>,
        name: &'static str,
        before: &Have,
        by: Option<Instant>,
    ) {
        while Arc::ptr_eq(node, &self.node()) {
            sleep(Duration::from_millis(10)).await;
        }
        let Some(by) = by else { return };
        let view = self.node().view();
        self.of(name, |it| it.waits(&view, before, by));
    }

    /// Which start of each daemon is there, and whether it does what it is told.
    pub fn starts(&self) -> Vec<(u64, bool, bool, Mood)> {
        let inner = self.frr.lock();
        inner.daemons.values().map(|it| (it.start, it.up, it.hangs(), it.mood)).collect()
    }

    /// Where a neighbour has BFD its session is bgpd's own, whatever is declared.
    pub fn is_beside_a_peer(&self, object: &Object) -> bool {
        let Object::Session(address) = object else { return false };
        let peer = Object::Peer(address);
        lock(&self.owners).values().any(|it| it.known.have.contains_key(&peer))
    }

    /// What was answered as confirmed is in FRR.
    pub fn confirmed(&self, node: &Node, name: &str, wish: &Wish, outcome: Outcome) {
        let view = node.view();
        for (object, kind) in &wish.objects {
            let refused = view.rejected.contains_key(&key(object));
            let unsure = view.pending_of(&key(object)).is_some();
            if refused || unsure || self.is_beside_a_peer(object) {
                continue;
            }
            if let Err(wrong) = in_frr::check(&self.frr, object, kind.as_ref()) {
                let kept = &view.kept;
                self.frr
                    .wrong(format!("{name} was answered {outcome:?}, and {wrong}; kept: {kept:?}"));
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub fn refused(
        &self,
        name: &str,
        wish: &Wish,
        before: &Have,
        after: &Have,
        error: &CommitError,
        begun: Instant,
        starts: Vec<(u64, bool, bool, Mood)>,
    ) {
        let troubled = |within| self.frr.lock().trouble + within >= begun;
        let honest = starts.iter().all(|(.., mood)| *mood == Mood::Honest);
        let legitimate = match error {
            CommitError::Policy(_) => {
                name == "edge"
                    && prefixes(after) > EDGE_PREFIXES
                    && prefixes(after) > prefixes(before)
            }
            CommitError::Refused { .. } | CommitError::NotUndone { .. } => {
                !honest || troubled(ANSWER)
            }
            CommitError::NotDurable { .. } => troubled(ANSWER) || *lock(&self.faulty_disk),
            _ => false,
        };
        if !legitimate {
            self.frr.wrong(format!("{name} was refused: {error}"));
        }
        if matches!(error, CommitError::NotUndone { .. }) || self.starts() != starts {
            return;
        }
        // What was refused is nowhere.
        for object in wish.objects.keys().filter(|it| !before.contains_key(*it)) {
            let away = troubled(Duration::from_secs(60));
            // Who lies, or keeps all, keeps what earlier calls left as well.
            let keeps = |mood: &Mood| matches!(mood, Mood::Lies | Mood::RefusesToLose);
            let kept = starts.iter().any(|(.., mood)| keeps(mood));
            let away = away || kept || self.is_beside_a_peer(object);
            if let (false, Err(wrong)) = (away, in_frr::check(&self.frr, object, None)) {
                self.frr.wrong(format!("{name} was refused ({error}), and {wrong}"));
            }
        }
    }

    /// Somebody confirms, or takes back, what waits for it.
    pub fn follow_up(&self, dice: &mut Dice) {
        let name = dice.one(&OWNERS);
        let confirms = dice.coin();
        let waiting = self.of(name, |it| {
            let ready = it.connected && !it.busy;
            it.awaiting.clone().filter(|it| ready && it.by > Instant::now() + ANSWER + ANSWER)
        });
        let Some(waiting) = waiting else { return };
        self.of(name, |it| it.busy = true);
        let play = self.clone();
        tokio::spawn(async move {
            let node = play.node();
            play.frr.step(name, if confirms { "confirms" } else { "rolls back" });
            let back = play.of(name, |it| {
                let back = it.taken_back(&waiting);
                it.then(back, [])
            });
            let versions: Vec<u64> = play.of(name, |it| {
                let version = |object| it.version(object);
                waiting.before.iter().map(|(object, ..)| version(object)).collect()
            });
            let changed = waiting.before.iter().zip(versions).any(|((.., a), b)| *a != b);
            if confirms {
                let asked = node.commit.confirm(owner(name), waiting.id);
                match play.in_time(name, asked).await {
                    Some(Ok(())) if !play.disk.is_dead() => {
                        let whole = node.view().journal.is_empty();
                        play.of(name, |it| {
                            it.unconfirmed = None;
                            it.ended(whole);
                        });
                    }
                    Some(Err(CommitError::NotDurable { .. })) if !play.disk.is_dead() => {
                        play.of(name, |it| it.unconfirmed = Some(waiting.id));
                    }
                    _ => {}
                }
            } else {
                play.of(name, |it| it.may_be.push(back.clone()));
                let asked = node.commit.roll_back(owner(name), waiting.id);
                match play.in_time(name, asked).await {
                    Some(Ok(_)) if !play.disk.is_dead() && !node.has_ended() => {
                        if changed {
                            play.frr.wrong(format!("{name} took back what was changed since"));
                        }
                        let whole = node.view().journal.is_empty();
                        play.of(name, |it| {
                            it.ended(whole);
                            it.told(back, whole);
                        });
                    }
                    _ => {}
                }
            }
            if node.has_ended() || play.disk.is_dead() {
                play.unanswered(&node, name, &Have::new(), None).await;
            }
            play.of(name, |it| it.busy = false);
        });
    }

    /// An owner comes or goes.
    pub fn connection(&self, name: &'static str) {
        let node = self.node();
        let (busy, connected, since) = self.of(name, |it| (it.busy, it.connected, it.since));
        if busy {
            return;
        }
        if connected {
            self.frr.step(name, "hangs up");
            self.of(name, |it| {
                (it.connected, it.since, it.restarted) = (false, Instant::now(), false);
            });
            node.disconnect(name);
            return;
        }
        self.frr.step(name, "comes back");
        let gone_for = since.elapsed();
        self.of(name, |it| it.busy = true);
        let play = self.clone();
        tokio::spawn(async move {
            let id = node.connection(name);
            let _ = play.in_time(name, node.sessions.enter(&owner(name), Some(id))).await;
            if node.has_ended() || play.disk.is_dead() {
                play.unanswered(&node, name, &Have::new(), None).await;
            } else {
                let view = node.view();
                let there = stored(&view, name);
                let calm = play.frr.lock().trouble.elapsed() > GRACE + ANSWER;
                let wrong = play.of(name, |it| {
                    it.follow(&view);
                    let all = crate::owners::is(&it.known.have, &there);
                    match there.is_empty() && gone_for >= GRACE {
                        true => it.lost_all(&view).err(),
                        false if !all => Some("neither all nor nothing is there".to_owned()),
                        false if calm && gone_for > GRACE + ANSWER => {
                            Some("all is there long after the grace period".to_owned())
                        }
                        false => None,
                    }
                });
                wrong.into_iter().for_each(|wrong| play.frr.wrong(format!("{name}: {wrong}")));
            }
            play.of(name, |it| (it.connected, it.busy) = (true, false));
        });
    }
}
