//! What happens to FRR, the disk and the agent.

use std::{sync::Arc, time::Duration};

use novaroute::{daemon::Daemon, journal::simulated::Faults};

use tokio::time::Instant;

use crate::{
    dice::Dice,
    frr::Mood,
    node::Node,
    play::{Play, lock},
};

/// FRR has all that is declared by so long after a power cut.
const FILLED: Duration = Duration::from_secs(60);

impl Play {
    /// Something happens to a daemon.
    pub fn daemon(&self, dice: &mut Dice) {
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
    pub fn put_right(&self, dice: &mut Dice) {
        let with_all = dice.below(3) == 0;
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

    pub fn mood(&self, dice: &mut Dice) {
        let daemon = dice.one(&Daemon::ALL);
        let mood = dice.one(&[Mood::RefusesToSet, Mood::RefusesToLose, Mood::Lies, Mood::Honest]);
        *lock(&self.refused_to_set) |= matches!(mood, Mood::RefusesToSet | Mood::Lies);
        self.frr.step("fault", &format!("{daemon}: {mood:?}"));
        self.frr.mood(daemon, mood);
    }

    /// Something is the matter with the disk, or not any more. Not while FRR is filled after a power cut: what was sent last before
    /// the cut, and again without a record of it, is taken for the operator's by an agent that dies once more before the disk
    /// works. To hold up all that a node announces for that would be worse.
    pub fn disk(&self, dice: &mut Dice) {
        if lock(&self.power).is_some_and(|it| it.elapsed() < FILLED) {
            return;
        }
        let faults = self.weather.faults(&self.disk, dice);
        self.frr.step("fault", &format!("disk: {faults:?}"));
        self.faults(faults);
    }

    pub fn faults(&self, faults: Faults) {
        *lock(&self.faulty_disk) = format!("{faults:?}") != format!("{:?}", Faults::default());
        self.frr.lock().trouble();
        self.disk.faults(faults);
    }

    /// Somebody sets the time of day.
    pub fn clock(&self, dice: &mut Dice) {
        let by = Duration::from_secs(dice.below(7_200));
        let forth = dice.coin();
        let mut owners = lock(&self.owners);
        // From the next start of the agent on what waits may be taken back at any time: that is not in the midst of a call.
        if owners.values().any(|it| it.busy && it.awaiting.is_some()) {
            return;
        }
        for awaiting in owners.values_mut().filter_map(|it| it.awaiting.as_mut()) {
            awaiting.by = Instant::now();
        }
        self.frr.step(
            "fault",
            &format!("the clock goes {by:?} {}", if forth { "forth" } else { "back" }),
        );
        match forth {
            true => self.world.step_forward(by),
            false => self.world.step_back(by),
        }
    }

    pub fn cure(&self) {
        for daemon in Daemon::ALL {
            self.frr.mood(daemon, Mood::Honest);
        }
        if !self.disk.is_dead() {
            self.faults(Faults::default());
        }
    }

    /// The agent dies, or the power goes; it starts again.
    pub async fn restart(&self, dice: &mut Dice) {
        let cut = dice.coin();
        let old = self.node();
        self.frr.step("fault", if cut { "the power goes" } else { "the agent dies" });
        self.frr.lock().trouble();
        let whole = old.view().journal.is_empty() && !self.disk.is_dead();
        old.kill();
        if whole {
            for owner in lock(&self.owners).values_mut().filter(|it| !it.busy) {
                owner.follow(&old.view());
                owner.kept(true);
            }
        }
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        // A new process finds a disk without faults, or dies at once, and is started again.
        if cut {
            self.disk.cut_power();
            *lock(&self.power) = Some(Instant::now());
            // FRR is on the same node. Of what its daemons ran nothing is in a start-up file: that it is and the journal is
            // not would take an operator who saves it in the seconds before.
            for daemon in Daemon::ALL {
                self.frr.kill(daemon);
                self.frr.restart(daemon, false);
            }
        } else {
            self.disk.restart();
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
}
