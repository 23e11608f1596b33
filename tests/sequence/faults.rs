//! One daemon at a time that does not run as it should, and an agent that is killed.

use std::{thread, time::Duration};

use novaroute::proto::v1::IntentChange;

use crate::{
    agent::Agent,
    lab::{Lab, Router},
};

/// A daemon that is down.
#[derive(Clone, Copy)]
enum Down {
    Killed(&'static str),
    Frozen(&'static str),
}

/// The daemons of the node: at most one is down.
pub struct Faults<'a> {
    lab: &'a Lab,
    down: Option<Down>,
}

impl<'a> Faults<'a> {
    pub fn new(lab: &'a Lab) -> Self {
        Self { lab, down: None }
    }

    /// Whether all daemons run.
    pub fn none(&self) -> bool {
        self.down.is_none()
    }

    /// A daemon dies, unless another is down.
    pub fn kill(&mut self, daemon: &'static str) {
        if self.none() {
            self.lab.kill(Router::Node, daemon);
            self.down = Some(Down::Killed(daemon));
        }
    }

    /// A daemon hangs, unless another is down.
    pub fn hang(&mut self, daemon: &'static str) {
        if self.none() {
            self.lab.stop(Router::Node, daemon);
            self.down = Some(Down::Frozen(daemon));
        }
    }

    /// The daemon that is down runs again. `before` is held while one starts, and reads its start-up configuration.
    pub fn put_right<G>(&mut self, before: impl FnOnce() -> G) {
        match self.down.take() {
            None => {}
            Some(Down::Killed(daemon)) => {
                let _held = before();
                self.lab.restart(Router::Node, daemon);
            }
            Some(Down::Frozen(daemon)) => self.lab.cont(Router::Node, daemon),
        }
    }
}

/// The agent dies so long after a call began, and starts anew. Whether the call was answered is chance.
pub fn kill_during(agent: &mut Agent<'_>, owner: &str, changes: &[IntentChange], pause: Duration) {
    let client = agent.client(owner);
    thread::scope(|scope| {
        let call = scope.spawn(|| client.apply(changes.to_vec()));
        thread::sleep(pause);
        agent.kill();
        let _ = call.join().expect("no panic");
    });
    agent.launch();
}
