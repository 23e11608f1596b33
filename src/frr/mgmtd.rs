//! Configures what hangs on mgmtd (staticd, zebra) through `frr.Northbound`, and reads back
//! from the daemon that executes it.
//!
//! mgmtd's own word is no proof: its gRPC module answers OK and tells no daemon. So a change counts
//! as applied when the executing daemon itself shows it (`show configuration running json`). Two doors lead in:
//! that module, where the configuration names it, until it is found to lie; and the gateway on mgmtd's
//! frontend socket. That mgmtd itself has kept it is looked up in its running configuration.
//!
//! | file | owns |
//! |---|---|
//! | `driver` | the above as a driver |
//! | `verdict` | what the executing daemon does not show: its no, or not handed over yet |

mod driver;
mod verdict;

pub(crate) use verdict::object;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path as FilePath, PathBuf},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    door::{Door, Memory, Started},
    driver::NotShown,
    gateway::{Gateway, ROUNDS},
    northbound::{self, Edits, Error, Northbound, Outcome},
    retry::Retry,
    vty::{AGAIN, Session, VtyError, chain},
};
use crate::{
    failpoint,
    proto::frr::northbound_server::NorthboundServer,
    tree::{Edit, Node, Path, Tree, diff, reverse},
    yang::{Yang, YangError},
};

/// The subtree that is ours to change, and the daemon that executes it.
const STATICD: (&str, &str) = (
    "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
     [type='frr-staticd:staticd'][name='staticd'][vrf='default']/frr-staticd:staticd",
    "staticd",
);

/// The edits that turn mgmtd's running configuration into `goal`: routes, never more. Deleting the
/// whole instance has crashed staticd 10.3, and would take what is not ours with it.
pub fn edits(running: &Tree, goal: &Tree) -> Vec<Edit> {
    let instance: Path = STATICD.0.parse().expect("a constant path, parsed by the unit test");
    let steps = &instance.0[..instance.0.len() - 1];
    let path = Path(steps.to_vec());
    let with_instance = |tree| match Tree::subtree(tree, &path) {
        Some(_) => Cow::Borrowed(tree),
        None => {
            let mut tree = tree.clone();
            tree.ensure(steps);
            Cow::Owned(tree)
        }
    };
    diff(&with_instance(running), &with_instance(goal))
}

/// How long it has to show what mgmtd's own gRPC committed. Where that is too short the frontend socket does
/// what is lacking, so nothing is lost by little patience.
const DOOR_PROOF: Duration = Duration::from_secs(1);

/// Time between two looks meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Why mgmtd's part failed.
#[derive(Debug, thiserror::Error)]
pub enum MgmtdError {
    /// mgmtd refused, or could not be asked.
    #[error("mgmtd: {0}")]
    Northbound(#[from] Error),
    /// The executing daemon could not be read.
    #[error("{daemon}: {}", chain(source))]
    ReadBack {
        /// Which daemon.
        daemon: &'static str,
        /// What happened.
        source: VtyError,
    },
    /// What was read does not fit the models.
    #[error("what {daemon} runs does not fit the YANG models: {source}")]
    Yang {
        /// Which daemon.
        daemon: &'static str,
        /// libyang's words.
        source: YangError,
    },
    /// mgmtd said yes, and has not handed it over to the daemon.
    #[error("mgmtd has not handed over to {daemon} what it committed: {path}")]
    NotHandedOver {
        /// Which daemon.
        daemon: &'static str,
        /// The first node that is not as it should be.
        path: Path,
    },
    /// mgmtd said yes and has handed it over; the daemon shows something else.
    #[error("{}", .0.words)]
    NotApplied(Box<NotShown>),
}

impl MgmtdError {
    /// Name of the kind, for metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Northbound(error) => error.kind(),
            Self::ReadBack { source, .. } => source.kind(),
            Self::Yang { .. } => "yang",
            Self::NotHandedOver { .. } => "not_handed_over",
            Self::NotApplied(_) => "not_applied",
        }
    }

    /// What to do about it. What mgmtd has committed and not handed over may still come.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Northbound(error) => error.retry(),
            Self::Yang { .. } | Self::NotApplied(_) => Retry::Never,
            Self::NotHandedOver { .. } | Self::ReadBack { .. } => Retry::ReadBack,
        }
    }
}

/// The driver: a northbound client on the gateway in this process.
#[derive(Debug)]
pub struct MgmtdDriver {
    gateway: Gateway,
    northbound: Northbound<NorthboundServer<Gateway>>,
    /// mgmtd's own gRPC, tried before the gateway.
    door: Option<Door>,
    /// Where it is kept that this lies.
    memory: Option<Memory>,
    /// When the mgmtd started that is connected.
    started: Option<Started>,
    socket_dir: PathBuf,
    connect_timeout: Duration,
    yang: Yang,
    /// On the executing daemon, to read back.
    session: Option<Session>,
    /// Whether mgmtd or the executing daemon could not be asked the last time: then it has a moment to
    /// answer, since clients wait behind each attempt.
    failed: bool,
    /// On mgmtd itself, only to notice that it stops or hangs.
    canary: Option<Session>,
    /// Whether mgmtd's candidate was cleared of what a predecessor may have left there.
    cleared: bool,
    /// Whether the executing daemon has shown that it runs what mgmtd does, since both were connected.
    in_step: bool,
    /// What the executing daemon was seen to run, since anything was committed; kept until it is known to be
    /// in step.
    shown: Option<Tree>,
}

impl MgmtdDriver {
    /// A driver for the FRR whose sockets are in `socket_dir`; connects when it is first used.
    pub fn new(
        gateway: Gateway,
        socket_dir: &FilePath,
        connect_timeout: Duration,
        yang: Yang,
    ) -> Self {
        Self {
            yang,
            northbound: Northbound::new(gateway.for_who_looks().service()),
            gateway,
            door: None,
            memory: None,
            started: None,
            socket_dir: socket_dir.to_owned(),
            connect_timeout,
            session: None,
            failed: false,
            canary: None,
            cleared: false,
            in_step: false,
            shown: None,
        }
    }

    /// Gives it mgmtd's own gRPC.
    pub fn set_door(&mut self, door: Door) {
        self.door = Some(door);
    }

    /// Has it remember in the agent's state directory that mgmtd's own gRPC lies.
    pub fn remember_in(&mut self, state_dir: &FilePath) {
        self.memory = Some(Memory::new(state_dir, "mgmtd"));
    }

    /// Waits until mgmtd or the executing daemon hangs up; for ever where neither is connected.
    /// Cancel safe.
    async fn either_closed(&mut self) {
        let (session, canary) = (&mut self.session, &mut self.canary);
        tokio::select! {
            () = hung_up(session) => *session = None,
            () = hung_up(canary) => *canary = None,
        }
    }

    /// Whether mgmtd and the executing daemon answer. A mgmtd that hangs takes a frontend session and answers
    /// nothing for long: here that is found out in time.
    ///
    /// # Errors
    /// One of them does not, within this time.
    async fn both_answer(&mut self, within: Duration) -> Result<(), MgmtdError> {
        let late = |daemon| {
            let source = VtyError::Timeout { command: 0, waited: within };
            MgmtdError::ReadBack { daemon, source }
        };
        let asked = async {
            self.answer_of("mgmtd").await?;
            self.answer_of(STATICD.1).await
        };
        let answer = tokio::time::timeout(within, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(late("mgmtd or staticd")));
        self.failed = answer.is_err();
        if self.failed {
            // What hung is asked on new connections the next time.
            (self.canary, self.session) = (None, None);
        }
        answer
    }

    async fn answer_of(&mut self, daemon: &'static str) -> Result<(), MgmtdError> {
        let is_mgmtd = daemon != STATICD.1;
        let slot = if is_mgmtd { &mut self.canary } else { &mut self.session };
        if let Some(session) = slot
            && let Err(error) = session.command("enable").await
        {
            *slot = None;
            if !matches!(error, VtyError::Gone | VtyError::Replaced | VtyError::Io { .. }) {
                return Err(MgmtdError::ReadBack { daemon, source: error });
            }
        }
        match (slot.is_none(), is_mgmtd) {
            (false, _) => Ok(()),
            (true, true) => self.meet_mgmtd().await,
            (true, false) => self.meet_executor().await,
        }
    }

    /// Connects to mgmtd: another one, as far as is known.
    async fn meet_mgmtd(&mut self) -> Result<(), MgmtdError> {
        self.in_step = false;
        // Before it is met: one that starts in between is another, of which nothing is remembered.
        self.started = Started::of(&self.socket_dir.join("mgmtd.vty"));
        self.canary = Some(self.connect("mgmtd").await?);
        if let Some(door) = &self.door {
            // This one may be honest.
            door.restarted().await;
            if let (Some(memory), Some(started)) = (&self.memory, self.started)
                && let Some(why) = memory.recall(door.address(), started).await
            {
                door.known_to_lie(why).await;
            }
        }
        self.clear_candidate().await;
        Ok(())
    }

    /// Connects to the executing daemon.
    async fn meet_executor(&mut self) -> Result<(), MgmtdError> {
        self.in_step = false;
        self.session = Some(self.connect(STATICD.1).await?);
        Ok(())
    }

    /// The part of mgmtd's running configuration that is ours to change.
    ///
    /// # Errors
    /// mgmtd or the executing daemon can't be reached.
    async fn read_tree(&mut self) -> Result<Tree, MgmtdError> {
        self.shown = None;
        let read = self.read_running().await;
        self.failed = matches!(&read, Err(error) if error.retry() != Retry::Never);
        if self.failed {
            // One that hung is asked on a new connection the next time.
            self.canary = None;
        }
        read
    }

    async fn read_running(&mut self) -> Result<Tree, MgmtdError> {
        if self.canary.is_none() {
            self.meet_mgmtd().await?;
        }
        // Fails here where the executing daemon is away, before anything is changed.
        if self.session.is_none() {
            self.meet_executor().await?;
        }
        let json = self.northbound.get_config(STATICD.0).await?;
        match json {
            None => Ok(Tree::new()),
            Some(json) => self.parse("mgmtd", &json).await,
        }
    }

    /// From FRR 10.4 on, what an agent was editing when it was killed stays in mgmtd's candidate, and
    /// whoever commits next, the shell too, would apply it. Tried once: each commit of ours clears it too.
    async fn clear_candidate(&mut self) {
        if self.cleared {
            return;
        }
        self.cleared = true;
        match self.gateway.reset_after_kill().await {
            Ok(cleared) => debug!(cleared, "mgmtd's candidate"),
            Err(status) => warn!(reason = status.message(), "mgmtd's candidate not cleared"),
        }
    }

    /// Asks mgmtd whether it would accept the edits. Changes nothing.
    ///
    /// # Errors
    /// FRR's or libyang's words.
    async fn validate_edits(&self, edits: &[Edit]) -> Result<(), MgmtdError> {
        Ok(self.northbound.validate(request(edits, &self.yang).await?).await?)
    }

    /// Commits the edits in one transaction of mgmtd: through its own gRPC where that is of use, else, and
    /// where that had no effect, through the frontend socket.
    ///
    /// # Errors
    /// FRR's or libyang's words.
    async fn commit(&mut self, edits: &[Edit]) -> Result<Outcome, MgmtdError> {
        if let Some(outcome) = self.commit_through_door(edits).await? {
            return Ok(outcome);
        }
        self.commit_through_gateway(edits).await
    }

    async fn commit_through_gateway(&mut self, edits: &[Edit]) -> Result<Outcome, MgmtdError> {
        self.shown = None;
        let mut applied = None;
        for round in 0..ROUNDS {
            let request = request(edits, &self.yang).await?;
            let first = First::of(&request, edits);
            let edits_made = self.northbound.commit(request, "novaroute").await?;
            if edits_made != Outcome::Unchanged {
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

    /// `None` where the edits are still to be made, and mgmtd does not claim to have them.
    async fn commit_through_door(&mut self, edits: &[Edit]) -> Result<Option<Outcome>, MgmtdError> {
        let Some(door) = self.door.clone() else { return Ok(None) };
        if edits.is_empty() || !door.ready().await {
            return Ok(None);
        }
        let request = request(edits, &self.yang).await?;
        (self.in_step, self.shown) = (false, None);
        let answer = door.commit(request).await;
        failpoint::hit("door-committed");
        let proof = if answer.is_ok() { DOOR_PROOF } else { Duration::ZERO };
        let lacking = self.lacking(edits, proof).await?;
        match (&answer, lacking.first()) {
            (Ok(outcome), None) => return Ok(Some(*outcome)),
            (Ok(outcome), Some(first)) => {
                let (_, daemon) = STATICD;
                let path = &first.path;
                let why = format!("answered that {outcome}, and {daemon} does not show it: {path}");
                if let (Some(memory), Some(started)) = (&self.memory, self.started) {
                    memory.note(door.address(), started, &why).await;
                }
                door.strike_out(why).await;
            }
            // The other door's words count.
            (Err(error @ Error::Refused { .. }), _) => debug!(%error, "mgmtd's own gRPC"),
            (Err(error), _) => door.failed(error).await,
        }
        // mgmtd may claim to have it, and nothing is to be changed for it then. To take away what a daemon
        // does not run, and to give it what it runs, does no harm there.
        self.commit_through_gateway(&reverse(&lacking)).await?;
        Ok(None)
    }

    /// Takes back those of the edits that mgmtd has, as was just read, and reads that back.
    ///
    /// # Errors
    /// FRR's or libyang's words, or what the executing daemon still shows.
    async fn take_back(&mut self, edits: &[Edit], now: &Tree) -> Result<(), MgmtdError> {
        let made: Vec<Edit> = edits.iter().filter(|edit| holds(now, edit)).cloned().collect();
        if made.is_empty() {
            return Ok(());
        }
        let back = reverse(&made);
        self.commit(&back).await?;
        let left = self.read_back(&back).await?.into_iter().next();
        left.map_or(Ok(()), |not_shown| Err(MgmtdError::NotApplied(Box::new(not_shown))))
    }

    /// Those of the edits that the executing daemon does not show within a time.
    async fn lacking(&mut self, edits: &[Edit], within: Duration) -> Result<Vec<Edit>, MgmtdError> {
        let begun = Instant::now();
        loop {
            let tree = self.executed().await?;
            if edits.iter().all(|edit| holds(&tree, edit)) {
                self.shown = Some(tree).filter(|_| !self.in_step);
                return Ok(Vec::new());
            }
            if begun.elapsed() >= within {
                let wrong = edits.iter().filter(|edit| !holds(&tree, edit));
                return Ok(wrong.cloned().collect());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Confirms all of `wanted`, where the executing daemon has not shown it since it or mgmtd was
    /// restarted: that mgmtd has it in its configuration says nothing then. What the daemon lacks it is told
    /// again. Gives what it does not show then either, though it has been handed over.
    ///
    /// # Errors
    /// The daemon can't be asked, or does not have what mgmtd has.
    async fn confirm_in_step(&mut self, wanted: &Tree) -> Result<Vec<NotShown>, MgmtdError> {
        if self.in_step {
            return Ok(Vec::new());
        }
        let all = edits(&Tree::new(), wanted);
        let shown = self.shown.take();
        let seen = shown.is_some_and(|tree| all.iter().all(|edit| holds(&tree, edit)));
        if !seen && !self.read_back(&all).await?.is_empty() {
            self.tell_again(wanted).await?;
            let not_shown = self.read_back(&all).await?;
            if !not_shown.is_empty() {
                return Ok(not_shown);
            }
        }
        (self.in_step, self.shown) = (true, None);
        Ok(Vec::new())
    }

    /// mgmtd claims to have what the executing daemon does not run, as its own gRPC leaves it: for mgmtd
    /// there is nothing to change. So it forgets that, and gets it back as it had it, with what of
    /// somebody else's stands in it.
    async fn tell_again(&mut self, wanted: &Tree) -> Result<(), MgmtdError> {
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
        self.commit_through_gateway(&gone).await?;
        self.commit_through_gateway(&reverse(&gone)).await?;
        Ok(())
    }

    /// Has the executing daemon asked for all that is ours at the next opportunity, where mgmtd does not have all of what
    /// was applied last, or has already what is to be new. On FRR 10.3 a session that ends in the middle of an
    /// apply makes mgmtd forget what it has just told the daemons.
    fn compare_with_last(&mut self, running: &Tree, last: &Tree, wanted: &Tree) {
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
    /// first. What is not in `last` is somebody else's and stays. Gives what the daemon still shows.
    ///
    /// # Errors
    /// FRR's words.
    async fn sweep(&mut self, last: &Tree, wanted: &Tree) -> Result<Vec<NotShown>, MgmtdError> {
        if self.in_step {
            return Ok(Vec::new());
        }
        let mut gone: Vec<Edit> = edits(last, wanted);
        gone.retain(|edit| edit.new.is_none());
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        let executed = self.executed().await?;
        gone.retain(|edit| executed.contains(&edit.path));
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        warn!(nodes = gone.len(), "staticd still runs what mgmtd has forgotten");
        self.commit_through_gateway(&reverse(&gone)).await?;
        self.commit_through_gateway(&gone).await?;
        self.read_back(&gone).await
    }

    /// What the executing daemon runs.
    async fn executed(&mut self) -> Result<Tree, MgmtdError> {
        let (_, daemon) = STATICD;
        if self.session.is_none() {
            self.meet_executor().await?;
        }
        let shown = match &mut self.session {
            Some(session) => session.show("show configuration running json").await,
            None => Err(VtyError::Poisoned),
        };
        let json = shown.map_err(|source| {
            self.session = None;
            MgmtdError::ReadBack { daemon, source }
        })?;
        self.parse(daemon, &json).await
    }

    async fn connect(&self, daemon: &'static str) -> Result<Session, MgmtdError> {
        let socket = self.socket_dir.join(format!("{daemon}.vty"));
        let limit =
            if self.failed { self.connect_timeout.min(AGAIN) } else { self.connect_timeout };
        Session::connect(&socket, limit)
            .await
            .map_err(|source| MgmtdError::ReadBack { daemon, source })
    }

    /// Reads a daemon's data; what our models don't have is not ours and left out.
    async fn parse(&self, daemon: &'static str, json: &str) -> Result<Tree, MgmtdError> {
        let tree = self.yang.parse_known_json(rooted(json).into_owned()).await;
        tree.map_err(|source| MgmtdError::Yang { daemon, source })
    }
}

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

/// The document from the root of the tree, also where it was given from the instance down.
fn rooted(json: &str) -> Cow<'_, str> {
    let inside = "\"frr-staticd:staticd\"";
    let members = json.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    // Thousands of routes: what is in the instance is not looked into. What is wrong with it libyang will say.
    match members.map(str::trim_start) {
        Some(members) if members.starts_with(inside) => format!(
            r#"{{"frr-routing:routing":{{"control-plane-protocols":{{"control-plane-protocol":[{{
            "type":"frr-staticd:staticd","name":"staticd","vrf":"default",{members}}}]}}}}}}"#
        )
        .into(),
        _ => json.into(),
    }
}

/// The value of a leaf that was asked for alone.
fn leaf(json: &str) -> Option<Box<str>> {
    let members: BTreeMap<String, Value> = serde_json::from_str(json).ok()?;
    match members.into_values().next()? {
        Value::String(text) => Some(text.into()),
        Value::Object(_) | Value::Array(_) => None,
        value => Some(value.to_string().into()),
    }
}

async fn hung_up(session: &mut Option<Session>) {
    match session {
        Some(session) => drop(session.closed().await),
        None => std::future::pending().await,
    }
}

/// The edits as the northbound takes them.
async fn request(edits: &[Edit], yang: &Yang) -> Result<Edits, MgmtdError> {
    let request = northbound::request(edits, yang).await;
    request.map_err(|source| MgmtdError::Yang { daemon: "mgmtd", source })
}

/// Whether the tree is as the edit wants it: all that is new is there, nothing that went is.
fn holds(tree: &Tree, edit: &Edit) -> bool {
    match &edit.new {
        None => !tree.contains(&edit.path),
        Some(Node::Leaf(value)) => tree.leaf(&edit.path) == Some(value),
        Some(node) => {
            let Some(wanted) = node.tree() else { return true };
            tree.subtree(&edit.path).is_some_and(|shown| shown.includes(wanted))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_route_goes_without_its_instance() {
        let mut running = Tree::new();
        let route = format!(
            "{}/route-list[prefix='10.0.0.0/8'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']",
            STATICD.0
        );
        running.ensure(&route.parse::<Path>().expect("a path").0);
        let paths = |edits: &[Edit]| edits.iter().map(|e| e.path.to_string()).collect::<Vec<_>>();
        assert_eq!(paths(&edits(&running, &Tree::new())), [&*route]);
        assert_eq!(paths(&edits(&Tree::new(), &running)), [&*route]);
    }

    #[test]
    fn the_value_of_a_leaf_is_told_as_the_tree_has_it() {
        let told = |json| leaf(json).map(String::from);
        assert_eq!(told(r#"{"distance": 5}"#).as_deref(), Some("5"));
        assert_eq!(told(r#"{"m:on": true}"#).as_deref(), Some("true"));
        assert_eq!(told(r#"{"gateway": "10.0.0.1"}"#).as_deref(), Some("10.0.0.1"));
        assert_eq!(told(r#"{"list": [1]}"#), None);
    }
}
