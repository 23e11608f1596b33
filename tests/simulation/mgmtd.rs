//! mgmtd and staticd, at the seam of the drivers: a tree, edited in one transaction.

use std::time::Duration;

use futures::future::BoxFuture;
use novaroute::{
    daemon::Daemon,
    frr::{
        driver::{
            Before, Confirmed, DaemonPlan, Driver, DriverError, NotShown, Phase, Proof, Proven,
            Start, Target, Unplannable,
        },
        mgmtd::edits,
        vty::{Question, Snapshot, table::Running},
    },
    journal::simulated::Simulated,
    tree::{Edit, Node, Path, Tree, apply, reverse},
    world,
};
use tokio::time::{sleep, timeout};

use crate::frr::{Frr, Mood};

/// Where staticd's routes are.
pub const ROUTES: &str = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
     [type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd";

/// The route that the operator has.
const THEIRS: &str = "198.18.0.0/15";

pub fn route(prefix: &str) -> Path {
    let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
    format!("{ROUTES}/route-list[prefix='{prefix}'][src-prefix='::/0'][afi-safi='frr-routing:{family}-unicast']")
        .parse()
        .expect("a path")
}

/// What the operator has there.
pub fn theirs() -> Tree {
    let mut tree = Tree::new();
    let hop = "/path-list[table-id='0'][distance='1']/frr-nexthops/nexthop[nh-type='blackhole'][vrf='default'][gateway=''][interface='(null)']";
    let hop = format!("{}{hop}/bh-type", route(THEIRS));
    tree.set(&hop.parse().expect("a path"), "null");
    tree
}

/// The driver.
#[derive(Debug)]
pub struct Mgmtd {
    frr: Frr,
    /// Of the node.
    disk: Simulated,
    /// The start of the one that is connected.
    connected: Option<u64>,
}

impl Mgmtd {
    pub fn new(frr: &Frr, disk: &Simulated) -> Self {
        Self { frr: frr.clone(), disk: disk.clone(), connected: None }
    }

    /// A message to mgmtd; it gets there when mgmtd does not hang.
    async fn deliver(&mut self, what: &str) -> Result<(), DriverError> {
        let lost = || DriverError::Lost { why: "mgmtd is not there".to_owned() };
        tokio::task::yield_now().await;
        let (up, start, death) = {
            let mut inner = self.frr.lock();
            let process = inner.of(Daemon::Mgmtd);
            (process.up, process.start, process.death.clone())
        };
        if !up {
            self.connected = None;
            return Err(lost());
        }
        self.connected = Some(start);
        let awake = timeout(Duration::from_secs(10), self.frr.while_it_hangs(Daemon::Mgmtd));
        let outcome = tokio::select! {
            biased;
            () = death.cancelled() => None,
            awake = awake => awake.ok(),
        };
        if outcome.is_none() {
            self.connected = None;
            return Err(lost());
        }
        if self.disk.is_dead() {
            // The agent died in a call of the disk: it has sent nothing since.
            return Err(lost());
        }
        self.frr.step("mgmtd", what);
        self.frr.step("mgmtd's answer", "");
        Ok(())
    }

    fn tree(&self) -> Tree {
        self.frr.lock().of(Daemon::Mgmtd).tree.clone()
    }

    async fn edit(&mut self, edits: &[Edit]) -> Result<(), DriverError> {
        let shown: Vec<_> = edits.iter().map(|edit| edit.path.to_string()).collect();
        self.deliver(&format!("edit {}", shown.join(" "))).await?;
        let mut inner = self.frr.lock();
        let process = inner.of(Daemon::Mgmtd);
        let refuses = |edit: &&Edit| match process.mood {
            Mood::RefusesToSet => edit.new.is_some(),
            Mood::RefusesToLose => edit.new.is_none(),
            Mood::Honest | Mood::Lies => false,
        };
        if let Some(edit) = edits.iter().find(refuses) {
            let at = Some(edit.path.clone());
            let message = format!("mgmtd: refused on purpose: {}", edit.path);
            return Err(DriverError::Refused { message, at, done: Vec::new() });
        }
        if process.mood != Mood::Lies {
            apply(&mut process.tree, edits);
            if !process.tree.includes(&theirs()) {
                inner.wrong(format!("mgmtd: an edit took their route: {shown:?}"));
            }
        }
        Ok(())
    }
}

fn edits_of(plan: &DaemonPlan) -> &[Edit] {
    match plan {
        DaemonPlan::Edits(edits) => edits,
        DaemonPlan::Commands(_) => panic!("commands for mgmtd"),
    }
}

fn holds(tree: &Tree, edit: &Edit) -> bool {
    match &edit.new {
        None => !tree.contains(&edit.path),
        Some(Node::Leaf(value)) => tree.leaf(&edit.path) == Some(value),
        Some(node) => {
            let shown = tree.subtree(&edit.path);
            node.tree().is_none_or(|wanted| shown.is_some_and(|shown| shown.includes(wanted)))
        }
    }
}

impl Driver for Mgmtd {
    fn daemon(&self) -> Daemon {
        Daemon::Mgmtd
    }

    fn connection(&self) -> Option<u64> {
        None
    }

    fn start(&self) -> Start {
        let mut inner = self.frr.lock();
        let process = inner.of(Daemon::Mgmtd);
        let age = world::time_of_day().duration_since(process.made).ok();
        if process.up { Start { incarnation: process.start, age } } else { Start::default() }
    }

    fn closed(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if self.connected.is_none() {
                std::future::pending::<()>().await;
            }
            let death = {
                let mut inner = self.frr.lock();
                let process = inner.of(Daemon::Mgmtd);
                let same = self.connected == Some(process.start);
                same.then(|| process.death.clone())
            };
            if let Some(death) = death {
                death.cancelled().await;
            }
            self.connected = None;
        })
    }

    fn answers(&mut self, within: Duration) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async move {
            let late = DriverError::Lost { why: format!("no answer within {within:?}") };
            timeout(within, self.deliver("enable")).await.unwrap_or(Err(late))
        })
    }

    fn read(&mut self) -> BoxFuture<'_, Result<Snapshot, DriverError>> {
        Box::pin(async move {
            self.deliver("get").await?;
            let running = Running { tree: self.tree(), ..Running::default() };
            Ok(Snapshot { text: String::new(), running })
        })
    }

    fn plan(&self, target: Target<'_>) -> Result<DaemonPlan, Unplannable> {
        Ok(DaemonPlan::Edits(edits(&target.running.tree, target.goal)))
    }

    fn validate<'a>(&'a mut self, _: &'a DaemonPlan) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(self.deliver("validate"))
    }

    fn apply<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        phase: Phase,
        _: Option<&'a [Question]>,
    ) -> BoxFuture<'a, Result<Proven, DriverError>> {
        Box::pin(async move {
            if phase == Phase::Set {
                self.edit(edits_of(plan)).await?;
            }
            Ok(Proven::NotAsked)
        })
    }

    fn proves<'a>(&'a mut self, _: &'a [Question]) -> BoxFuture<'a, Result<bool, DriverError>> {
        Box::pin(async { Ok(false) })
    }

    fn confirm<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        _: Proof<'a>,
    ) -> BoxFuture<'a, Result<Confirmed, DriverError>> {
        Box::pin(async move {
            self.deliver("read back").await?;
            // A lie is waited for: it may still come.
            let wrong = |tree: &Tree| edits_of(plan).iter().find(|it| !holds(tree, it)).cloned();
            if wrong(&self.tree()).is_some() {
                sleep(Duration::from_secs(3)).await;
            }
            let tree = self.tree();
            let not_shown = edits_of(plan).iter().filter(|edit| !holds(&tree, edit));
            let not_shown = not_shown.map(|edit| NotShown {
                path: edit.path.clone(),
                words: format!("staticd does not show {}", edit.path),
            });
            Ok(Confirmed { not_shown: not_shown.collect(), seen: None })
        })
    }

    fn undo<'a>(
        &'a mut self,
        plan: &'a DaemonPlan,
        _: &'a [usize],
        before: Before<'a>,
        _: &'a Tree,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            if self.tree() == *before.tree() {
                return Ok(());
            }
            let tree = self.tree();
            let made: Vec<Edit> =
                edits_of(plan).iter().filter(|edit| holds(&tree, edit)).cloned().collect();
            self.edit(&reverse(&made)).await.map_err(|error| error.to_string())
        })
    }
}
