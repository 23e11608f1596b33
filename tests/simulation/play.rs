//! One history: clients, faults and restarts as a seed says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use novaroute::{
    commit::{CommitError, CommitRequest, Outcome},
    daemon::Daemon,
    journal::simulated::{Faults, Simulated},
    model::Change,
    wire, world,
    yang::Yang,
};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    agent::change,
    dice::Dice,
    frr::{Frr, Mood},
    in_frr,
    model::{OWNERS, Object, Wish},
    node::{EDGE_PREFIXES, GRACE, Node, owner},
    owners::{Awaiting, Have, Owner, intent, key, prefixes, stored},
};

/// Longest wait for an answer: that of a comparison of everything that is under way, of the commit's own deadline, of undoing
/// it, and of the same again by itself.
const ANSWER: Duration = Duration::from_secs(200);

/// After the last fault FRR is as the model says within this time: what FRR refused is tried again every ten minutes.
const CONVERGES: Duration = Duration::from_secs(1200);

/// How a history ended.
#[derive(Debug)]
pub struct Report {
    pub steps: u64,
    pub digest: u64,
    /// What was wrong first.
    pub wrong: Option<String>,
}

/// Everybody who plays.
#[derive(Clone)]
pub struct Play {
    pub frr: Frr,
    disk: Simulated,
    yang: Yang,
    node: Arc<Mutex<Arc<Node>>>,
    owners: Arc<Mutex<BTreeMap<&'static str, Owner>>>,
    faulty_disk: Arc<Mutex<bool>>,
    /// Whether a daemon ever refused to set something, or lied.
    refused_to_set: Arc<Mutex<bool>>,
}

/// Plays the history of a seed until so many messages were delivered. Runs on a clock of its own.
pub fn play(seed: u64, steps: u64, yang: impl FnOnce() -> Yang, aloud: bool) -> Report {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async move {
        let _world = world::simulate(seed);
        let yang = yang();
        let frr = Frr::new(seed, aloud);
        let mut dice = Dice(seed);
        let disk = Simulated::new(dice.below(u64::MAX)).at_once();
        let play = Play::new(frr, disk, yang).await;
        play.history(&mut dice, steps).await;
        if play.is_right() {
            play.converge().await;
        }
        play.node().kill();
        let mut inner = play.frr.lock();
        let wrong = (!inner.violations.is_empty()).then(|| inner.violations.swap_remove(0));
        Report { steps: inner.steps, digest: inner.digest, wrong }
    })
}

/// Whether daemons lie too, and come back with all that they ran: what that finds is not mended yet.
fn is_harsh() -> bool {
    std::env::var_os("NOVAROUTE_SIMULATION_HARSH").is_some()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Play {
    async fn new(frr: Frr, disk: Simulated, yang: Yang) -> Self {
        let node = Node::start(&frr, &disk, &yang).await.expect("an empty disk");
        let owners = OWNERS.into_iter().map(|name| (name, Owner::new(name))).collect();
        let play = Self {
            frr,
            disk,
            yang,
            node: Arc::new(Mutex::new(Arc::new(node))),
            owners: Arc::new(Mutex::new(owners)),
            faulty_disk: Arc::default(),
            refused_to_set: Arc::default(),
        };
        play.watch();
        let bgp = wire::changes(&[change::bgp(crate::lab::net::NODE_AS, "10.0.0.1")]);
        let request = request("admin", bgp.expect("valid"), None);
        play.node().commit.commit(request).await.expect("an instance");
        play
    }

    fn node(&self) -> Arc<Node> {
        lock(&self.node).clone()
    }

    fn is_right(&self) -> bool {
        self.frr.lock().violations.is_empty()
    }

    fn of<R>(&self, name: &'static str, act: impl FnOnce(&mut Owner) -> R) -> R {
        act(lock(&self.owners).get_mut(name).expect("all are there"))
    }

    /// Holds every view that the agent publishes against what was answered.
    fn watch(&self) {
        let (play, node) = (self.clone(), self.node());
        tokio::spawn(async move {
            let mut views = node.commit.follow();
            while views.changed().await.is_ok() {
                if node.has_ended() || play.disk.is_dead() {
                    return;
                }
                let view = views.borrow_and_update().clone();
                for owner in lock(&play.owners).values_mut() {
                    if let Err(wrong) = owner.check(&view) {
                        play.frr.wrong(wrong);
                    }
                }
                let counts = view.store.counts_of(&owner("edge"));
                if counts.bgp_prefixes + counts.ospf_prefixes > EDGE_PREFIXES {
                    play.frr.wrong(format!("edge has more than its quota: {counts:?}"));
                }
                // What is theirs, or not back yet, may be in the way at any time.
                let is_blamed = |why: &&String| why.to_lowercase().contains("refused on purpose");
                let blamed = view.rejected.values().find(is_blamed);
                if let (Some(why), false) = (blamed, *lock(&play.refused_to_set)) {
                    play.frr.wrong(format!("nobody refused to set anything: {why}"));
                }
            }
        });
    }

    async fn history(&self, dice: &mut Dice, steps: u64) {
        while self.frr.lock().steps < steps && self.is_right() {
            let pause = match dice.below(12) {
                0..4 => 0,
                4..10 => dice.below(400),
                10 => dice.below(8_000),
                _ => dice.below(90_000),
            };
            match pause {
                0 => tokio::task::yield_now().await,
                pause => sleep(Duration::from_millis(pause)).await,
            }
            if self.disk.is_dead() {
                self.restart(dice).await;
            }
            match dice.below(100) {
                0..62 => self.call(dice),
                62..70 => self.follow_up(dice),
                70..78 => self.daemon(dice),
                78..84 => self.put_right(dice),
                84..87 => self.mood(dice),
                87..91 => self.disk(dice),
                91..93 => self.restart(dice).await,
                93..97 => self.connection(dice.one(&["edge", "net"])),
                _ => self.cure(),
            }
        }
    }

    /// A client declares or withdraws something.
    fn call(&self, dice: &mut Dice) {
        let name = dice.one(&OWNERS);
        let model = self.of(name, |it| {
            let waits = it.awaiting.as_ref().is_some_and(|it| it.by < Instant::now() + ANSWER);
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
                    break wish;
                }
            },
        };
        let confirm = dice.below(4) == 0 && self.of(name, |it| it.awaiting.is_none());
        let within = confirm.then(|| ANSWER + Duration::from_secs(10 + dice.below(200)));
        self.spawn(wish, None, within);
    }

    fn spawn(&self, wish: Wish, then: Option<Wish>, within: Option<Duration>) {
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

    async fn perform(&self, wish: Wish, within: Option<Duration>) {
        let name = wish.owner;
        let (before, changes) = self.of(name, |it| (it.have.clone(), wish.changes(&it.model())));
        if changes.is_empty() {
            return;
        }
        let changes = wire::changes(&changes).expect("what the model declares is valid");
        let mut after = before.clone();
        for (object, kind) in &wish.objects {
            match kind {
                Some(kind) => drop(after.insert(object.clone(), kind.clone())),
                None => drop(after.remove(object)),
            }
        }
        let node = self.node();
        let begun = Instant::now();
        let starts = self.starts();
        self.frr.step(name, &format!("{:?}", wish.objects.keys().collect::<Vec<_>>()));
        let connection = node.connection(name);
        let request = request(name, changes, within);
        self.of(name, |it| it.may_be.push(after.clone()));
        let asked = async {
            if node.sessions.enter(&owner(name), Some(connection)).await.is_err() {
                return Err(CommitError::Busy { waiting: 0 });
            }
            node.commit.commit(request).await
        };
        let Ok(answer) = timeout(ANSWER, asked).await else {
            self.frr.wrong(format!("{name} was not answered within {ANSWER:?}"));
            return;
        };
        if node.has_ended() || self.disk.is_dead() {
            // Nobody was answered; what is there is found when the agent starts again.
            let within = within.map(|within| begun + within + ANSWER);
            self.of(name, |it| it.unsure.extend(wish.objects.keys().cloned()));
            self.unanswered(&node, name, &before, within).await;
            return;
        }
        self.frr.step("answer", &format!("{name} {:?}", answer.as_ref().map(|it| it.outcome)));
        let whole = node.view().journal.is_empty();
        match answer {
            Ok(committed) => {
                self.of(name, |it| {
                    it.told(after.clone(), whole);
                    it.touched(wish.objects.keys().cloned());
                    if let Some(within) = within {
                        let version = |object: &Object| it.versions.get(object).copied();
                        let of = |object: &Object| {
                            let version = version(object).unwrap_or_default();
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
                    match whole && !matches!(error, CommitError::NotDurable { .. }) {
                        true => it.may_be = vec![it.have.clone()],
                        false => it.may_be.push(it.have.clone()),
                    }
                });
                self.refused(name, &wish, &before, &after, &error, begun, starts);
            }
        }
    }

    /// Waits for the next start of the agent, which says what became of a call.
    async fn unanswered(
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
        let waiting = view.history.iter().rev().find(|it| {
            it.owner.to_string() == name && it.awaits_confirmation() && it.finish.is_none()
        });
        let Some(waiting) = waiting else { return };
        self.of(name, |it| {
            let objects: Vec<Object> = it.have.keys().chain(before.keys()).cloned().collect();
            let changed = |object: &&Object| {
                let key = key(object);
                waiting.changes.iter().any(|change| change.key == key)
            };
            let mut objects: Vec<Object> = objects.iter().filter(changed).cloned().collect();
            objects.sort();
            objects.dedup();
            objects.retain(|object| before.get(object) != it.have.get(object));
            let of = |object: Object| {
                let version = it.versions.get(&object).copied().unwrap_or_default();
                let stood = before.get(&object).cloned();
                (object, stood, version)
            };
            let before = objects.into_iter().map(of).collect();
            it.awaiting = Some(Awaiting { id: waiting.id, before, by });
        });
    }

    /// Which start of each daemon is there, and whether it does what it is told.
    fn starts(&self) -> Vec<(u64, bool, bool, Mood)> {
        let inner = self.frr.lock();
        inner.daemons.values().map(|it| (it.start, it.up, it.hangs(), it.mood)).collect()
    }

    /// Where a neighbour has BFD its session is bgpd's own, whatever is declared.
    fn is_beside_a_peer(&self, object: &Object) -> bool {
        let Object::Session(address) = object else { return false };
        let peer = Object::Peer(address);
        lock(&self.owners).values().any(|it| it.have.contains_key(&peer))
    }

    /// What was answered as confirmed is in FRR.
    fn confirmed(&self, node: &Node, name: &str, wish: &Wish, outcome: Outcome) {
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
    fn refused(
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
    fn follow_up(&self, dice: &mut Dice) {
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
            let back = play.of(name, |it| it.taken_back(&waiting));
            let versions: Vec<u64> = play.of(name, |it| {
                let version = |object| it.versions.get(object).copied().unwrap_or_default();
                waiting.before.iter().map(|(object, ..)| version(object)).collect()
            });
            let changed = waiting.before.iter().zip(versions).any(|((.., a), b)| *a != b);
            if confirms {
                let asked = node.commit.confirm(owner(name), waiting.id);
                match timeout(ANSWER, asked).await {
                    Ok(Ok(())) if !play.disk.is_dead() => play.of(name, |it| it.awaiting = None),
                    Err(_) => play.frr.wrong(format!("{name} was not answered: confirm")),
                    _ => {}
                }
            } else {
                play.of(name, |it| it.may_be.push(back.clone()));
                let asked = node.commit.roll_back(owner(name), waiting.id);
                match timeout(ANSWER, asked).await {
                    Ok(Ok(_)) if !play.disk.is_dead() && !node.has_ended() => {
                        if changed {
                            play.frr.wrong(format!("{name} took back what was changed since"));
                        }
                        let whole = node.view().journal.is_empty();
                        play.of(name, |it| {
                            it.awaiting = None;
                            it.told(back, whole);
                        });
                    }
                    Err(_) => play.frr.wrong(format!("{name} was not answered: roll back")),
                    _ => {}
                }
            }
            if node.has_ended() || play.disk.is_dead() {
                play.unanswered(&node, name, &Have::new(), None).await;
            }
            play.of(name, |it| it.busy = false);
        });
    }

    /// Something happens to a daemon.
    fn daemon(&self, dice: &mut Dice) {
        let daemon = dice.one(&Daemon::ALL);
        let down = self.starts().iter().filter(|(_, up, hangs, _)| !up || *hangs).count();
        if down > 1 {
            return;
        }
        match dice.coin() {
            true => {
                self.frr.step("fault", &format!("{daemon} dies"));
                self.frr.kill(daemon);
            }
            false => {
                self.frr.step("fault", &format!("{daemon} hangs"));
                self.frr.hang(daemon, true);
            }
        }
    }

    /// A daemon that is down is there again.
    fn put_right(&self, dice: &mut Dice) {
        let with_all = dice.below(3) == 0 && is_harsh();
        for daemon in Daemon::ALL {
            let (up, hangs) = {
                let mut inner = self.frr.lock();
                let process = inner.of(daemon);
                (process.up, process.hangs())
            };
            if !up {
                self.frr.step("fault", &format!("{daemon} starts"));
                self.frr.restart(daemon, with_all);
            } else if hangs {
                self.frr.step("fault", &format!("{daemon} goes on"));
                self.frr.hang(daemon, false);
            }
        }
    }

    fn mood(&self, dice: &mut Dice) {
        let daemon = dice.one(&Daemon::ALL);
        let mood = dice.one(&[Mood::RefusesToSet, Mood::RefusesToLose, Mood::Lies, Mood::Honest]);
        let mood = if mood == Mood::Lies && !is_harsh() { Mood::Honest } else { mood };
        *lock(&self.refused_to_set) |= matches!(mood, Mood::RefusesToSet | Mood::Lies);
        self.frr.step("fault", &format!("{daemon}: {mood:?}"));
        self.frr.mood(daemon, mood);
    }

    /// Something is the matter with the disk, or not any more.
    fn disk(&self, dice: &mut Dice) {
        let faults = match dice.below(7) {
            0 => Faults { fails: 3, ..Faults::default() },
            1 => Faults { read_only: true, ..Faults::default() },
            2 => Faults { capacity: Some(self.disk.used()), ..Faults::default() },
            3 => Faults { directory_fails: true, ..Faults::default() },
            4 => {
                let calls = usize::try_from(dice.below(12)).expect("small");
                Faults { dies_after: Some(calls), ..Faults::default() }
            }
            _ => Faults::default(),
        };
        self.frr.step("fault", &format!("disk: {faults:?}"));
        self.faults(faults);
    }

    fn faults(&self, faults: Faults) {
        *lock(&self.faulty_disk) = format!("{faults:?}") != format!("{:?}", Faults::default());
        self.frr.lock().trouble();
        self.disk.faults(faults);
    }

    fn cure(&self) {
        for daemon in Daemon::ALL {
            self.frr.mood(daemon, Mood::Honest);
        }
        if !self.disk.is_dead() {
            self.faults(Faults::default());
        }
    }

    /// The agent dies, or the power goes; it starts again.
    async fn restart(&self, dice: &mut Dice) {
        let cut = dice.coin();
        let old = self.node();
        self.frr.step("fault", if cut { "the power goes" } else { "the agent dies" });
        self.frr.lock().trouble();
        let whole = old.view().journal.is_empty() && !self.disk.is_dead();
        old.kill();
        if whole {
            for owner in lock(&self.owners).values_mut().filter(|it| !it.busy) {
                owner.follow(&old.view());
                owner.may_be = vec![owner.have.clone()];
            }
        }
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        // A new process finds a disk without faults, or dies at once, and is started again.
        if cut {
            self.disk.cut_power()
        } else {
            self.disk.restart()
        }
        *lock(&self.faulty_disk) = false;
        let node = match Node::start(&self.frr, &self.disk, &self.yang).await {
            Ok(node) => Arc::new(node),
            Err(error) => {
                self.frr.wrong(format!("the agent does not start: {error}"));
                return;
            }
        };
        // The operator takes away what was set aside as damaged.
        (1..=9).for_each(|number| self.disk.take(&format!("journal.damaged-{number}")));
        let view = node.view();
        for owner in lock(&self.owners).values_mut() {
            if let Err(wrong) = owner.found(&view) {
                self.frr.wrong(wrong);
            }
            if owner.connected {
                let id = node.connection(owner.name);
                let (sessions, name) = (node.sessions.clone(), crate::node::owner(owner.name));
                tokio::spawn(async move { sessions.enter(&name, Some(id)).await });
            }
        }
        *lock(&self.node) = node;
        self.watch();
    }

    /// An owner comes or goes.
    fn connection(&self, name: &'static str) {
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
            let entered = timeout(ANSWER, node.sessions.enter(&owner(name), Some(id))).await;
            if entered.is_err() {
                play.frr.wrong(format!("{name} can't come back"));
            }
            if node.has_ended() || play.disk.is_dead() {
                play.unanswered(&node, name, &Have::new(), None).await;
            } else {
                let view = node.view();
                let there = stored(&view, name);
                let calm = play.frr.lock().trouble.elapsed() > GRACE + ANSWER;
                let wrong = play.of(name, |it| {
                    it.follow(&view);
                    let all = crate::owners::is(&it.have, &there);
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

    /// All is put right: FRR becomes what a fresh one gets from what the clients know.
    async fn converge(&self) {
        self.frr.step("fault", "none any more");
        if self.disk.is_dead() {
            self.restart(&mut Dice(1)).await;
        }
        self.cure();
        self.put_right(&mut Dice(1));
        let by = Instant::now() + CONVERGES;
        loop {
            let unconnected =
                lock(&self.owners).values().find(|it| !it.connected).map(|it| it.name);
            unconnected.into_iter().for_each(|name| self.connection(name));
            let view = self.node().view();
            let unfinished = lock(&self.owners)
                .values()
                .find(|it| it.busy || !it.connected || it.awaiting.is_some())
                .map(|it| {
                    format!("{} is not done: {:?}", it.name, (it.busy, it.connected, &it.awaiting))
                });
            let stays = view.pending().or_else(|| {
                let rejected =
                    view.rejected.iter().next().map(|(key, why)| format!("{key}: {why}"));
                let stuck = view.stuck.values().next().cloned();
                let journal = view.journal.first().cloned();
                rejected.or(stuck).or(journal).or(unfinished)
            });
            match stays {
                None => break,
                Some(why) if Instant::now() > by => {
                    self.frr.wrong(format!("not over {CONVERGES:?} after the last fault: {why}"));
                    return;
                }
                Some(_) => sleep(Duration::from_secs(1)).await,
            }
            if !self.is_right() {
                return;
            }
        }
        self.compare().await;
    }

    /// Holds FRR against a fresh one.
    async fn compare(&self) {
        let fresh = Frr::new(0, false);
        let disk = Simulated::new(0).at_once();
        let other = Box::pin(Self::new(fresh.clone(), disk, self.yang.clone())).await;
        for name in OWNERS {
            let have = self.of(name, |it| it.have.clone());
            let changes: Vec<Change> =
                have.values().map(|kind| Change::Set(intent(kind))).collect();
            other.of(name, |it| it.told(have, true));
            if changes.is_empty() {
                continue;
            }
            let answer = other.node().commit.commit(request(name, changes, None)).await;
            if let Err(error) = answer {
                self.frr.wrong(format!("a fresh FRR does not take what {name} has: {error}"));
            }
        }
        other.node().kill();
        for daemon in Daemon::ALL {
            let (now, wanted) = (
                in_frr::all(&self.frr, daemon, &self.yang),
                in_frr::all(&fresh, daemon, &self.yang),
            );
            let (now, wanted) = (now.await, wanted.await);
            let less: Vec<_> = wanted.iter().filter(|it| !now.contains(it)).collect();
            let more: Vec<_> = now.iter().filter(|it| !wanted.contains(it)).collect();
            if !less.is_empty() || !more.is_empty() {
                let have: Vec<_> = OWNERS.map(|name| self.of(name, |it| it.have.clone())).into();
                self.frr.wrong(format!(
                    "{daemon} lacks {less:#?} and has besides {more:#?} in the end; declared: {have:?}"
                ));
            }
        }
    }
}

fn request(name: &str, changes: Vec<Change>, within: Option<Duration>) -> CommitRequest {
    CommitRequest {
        owner: owner(name),
        origin: "Apply",
        changes,
        confirm_within: within,
        take_over: false,
    }
}
