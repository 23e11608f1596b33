//! Transactions and plans as messages. No secret gets into one. Pure.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    commit::{Changed, DaemonPlan, Ending, Outcome, Plan, Transaction, View},
    coverage,
    frr::vty::{redact, steps::Command},
    proto::v1::{self, intent},
    store::Owned,
    tree::{Edit, Node, Path, Step, Tree},
    wire,
};

/// What is said of a transaction that was pending when it was answered.
const HAS_IT: &str = "FRR has it by now";

/// What replaces a secret.
const MASK: &str = "***";

/// A transaction without its changes.
pub(super) fn summary(transaction: &Transaction) -> v1::Transaction {
    let (result, message) = match &transaction.ending {
        None => ("running", String::new()),
        Some(Ending::Done(Outcome::Confirmed)) => ("confirmed", String::new()),
        Some(Ending::Done(Outcome::Unchanged)) => ("unchanged", String::new()),
        Some(Ending::Done(Outcome::Pending)) => ("pending", String::new()),
        Some(Ending::Refused(message)) => ("refused", message.clone()),
    };
    let message = match transaction.finish {
        Some(_) if !transaction.remark.is_empty() => transaction.remark.clone(),
        _ => message,
    };
    v1::Transaction {
        id: transaction.id.to_string(),
        owner: transaction.owner.to_string(),
        origin: transaction.origin.clone(),
        begun_unix_ms: millis(transaction.begun),
        duration_us: u64::try_from(transaction.took.as_micros()).unwrap_or(u64::MAX),
        result: result.to_owned(),
        message,
        change_count: u32::try_from(transaction.changes.len()).unwrap_or(u32::MAX),
        changes: Vec::new(),
        confirm_by_unix_ms: transaction.confirm_by.map(millis).unwrap_or_default(),
        finish: transaction.finish.map(|finish| finish.to_string()).unwrap_or_default(),
    }
}

/// Says of one that waited for FRR that FRR has it by now: what it set is still declared and is confirmed.
pub(super) fn told_by_now(
    transaction: &Transaction,
    view: &View,
    message: v1::Transaction,
) -> v1::Transaction {
    let stands = |change: &Changed| {
        view.store.get(&change.key) == change.after.as_deref()
            && view.pending_of(&change.key).is_none()
            && !view.rejected.contains_key(&change.key)
    };
    let waited = transaction.ending == Some(Ending::Done(Outcome::Pending));
    if waited && message.message.is_empty() && transaction.changes.iter().all(stands) {
        return v1::Transaction { message: HAS_IT.to_owned(), ..message };
    }
    message
}

/// A transaction with its changes.
pub(super) fn whole(transaction: &Transaction) -> v1::Transaction {
    let changes = transaction.changes.iter().map(|change| v1::TransactionChange {
        object: change.key.to_string(),
        before: change.before.as_deref().map(masked),
        after: change.after.as_deref().map(masked),
        before_source: change.before.as_deref().map(Owned::source_text).unwrap_or_default(),
        after_source: change.after.as_deref().map(Owned::source_text).unwrap_or_default(),
    });
    v1::Transaction { changes: changes.collect(), ..summary(transaction) }
}

fn masked(owned: &Owned) -> v1::Intent {
    let mut message = wire::intent_message(&owned.intent);
    if let Some(intent::Kind::Peer(peer)) = &mut message.kind
        && !peer.password.is_empty()
    {
        peer.password = MASK.to_owned();
    }
    message
}

/// A plan.
pub(super) fn plan(plan_of_all: &Plan) -> v1::PlanResponse {
    let daemons = plan_of_all.daemons.iter().map(|(daemon, edits, plan)| {
        let mut diff = Vec::new();
        edits.iter().for_each(|edit| leaf_changes(edit, &mut diff));
        let grpc = plan_of_all.grpc.contains(daemon);
        let (door, steps) = match plan {
            DaemonPlan::Edits(edits) => {
                let door = if grpc { "grpc" } else { "northbound" };
                (door, edits.iter().flat_map(|edit| edit_steps(edit, door)).collect())
            }
            DaemonPlan::Commands(plan) => {
                let door = |step: &crate::frr::vty::steps::Step| {
                    if grpc && coverage::has_grpc(*daemon, &step.path) { "grpc" } else { "vty" }
                };
                let step = |step: &crate::frr::vty::steps::Step| v1::PlanStep {
                    door: door(step).to_owned(),
                    context: step.command.context.to_vec(),
                    command: redact(&step.command.text).into_owned(),
                    inverse: step
                        .inverse
                        .iter()
                        .map(|c: &Command| redact(&c.text).into())
                        .collect(),
                };
                ("vty", plan.steps.iter().map(step).collect())
            }
        };
        v1::DaemonPlan { daemon: daemon.to_string(), door: door.to_owned(), diff, steps }
    });
    let sessions = plan_of_all.sessions.iter().map(|it| v1::SessionChange {
        neighbor_address: it.peer.to_string(),
        effect: it.effect.name().to_owned(),
        why: it.why.join(", "),
    });
    let (daemons, sessions) = (daemons.collect(), sessions.collect());
    v1::PlanResponse { daemons, sessions, withdrawn_after_s: None }
}

/// What is set of an edit, each by its path with its value; an edit that takes away is its path.
fn edit_steps(edit: &Edit, door: &str) -> Vec<v1::PlanStep> {
    let say = |node: Option<&Node>| match leaves(&edit.path, node) {
        ends if ends.is_empty() => vec![format!("delete {}", edit.path)],
        ends => ends.iter().map(|(path, value)| merge(path, value)).collect(),
    };
    let inverse = say(edit.old.as_ref());
    let step = |command| v1::PlanStep {
        context: Vec::new(),
        command,
        inverse: inverse.clone(),
        door: door.to_owned(),
    };
    say(edit.new.as_ref()).into_iter().map(step).collect()
}

fn merge(path: &Path, value: &str) -> String {
    match value {
        "" => format!("merge {path}"),
        value => format!("merge {path} {value}"),
    }
}

/// The leaves that an edit changes; an entry of which the keys say all is told by its own path.
fn leaf_changes(edit: &Edit, changes: &mut Vec<v1::LeafChange>) {
    let old = leaves(&edit.path, edit.old.as_ref());
    let new = leaves(&edit.path, edit.new.as_ref());
    let mut paths: Vec<&Path> = old.iter().chain(&new).map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let value = |leaves: &[(Path, String)]| {
            let found = leaves.iter().find(|(at, _)| at == path);
            found.map(|(_, value)| match path.leaf_name() {
                "password" => MASK.to_owned(),
                _ => value.clone(),
            })
        };
        let (before, after) = (value(&old), value(&new));
        changes.push(v1::LeafChange { path: path.to_string(), before, after });
    }
}

fn leaves(at: &Path, node: Option<&Node>) -> Vec<(Path, String)> {
    let mut found = Vec::new();
    match node {
        None => {}
        Some(Node::Leaf(value)) => found.push((at.clone(), value.to_string())),
        Some(Node::Container(tree) | Node::Presence(tree)) => {
            below(tree, at, &mut found);
            if tree.is_empty() {
                found.push((at.clone(), String::new()));
            }
        }
        Some(node) => {
            let mut tree = Tree::new();
            let name = at.0.last().map(|step| step.name.clone()).unwrap_or_default();
            tree.put(&name, Some(node.clone()));
            let parent = Path(at.0[..at.0.len().saturating_sub(1)].to_vec());
            below(&tree, &parent, &mut found);
        }
    }
    found
}

fn below(tree: &Tree, at: &Path, found: &mut Vec<(Path, String)>) {
    tree.for_each_end(&mut |path, value| {
        let steps: Vec<Step> = at.0.iter().chain(&path.0).cloned().collect();
        found.push((Path(steps), value.unwrap_or_default().to_owned()));
    });
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
