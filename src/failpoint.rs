//! Named places at which a test has the agent die, as a power cut or an OOM kill would, and tasks that it has panic.
//!
//! Built only with the feature `failpoints`; otherwise a call is nothing.

/// Every place: those of a commit in the order in which it passes them, and then those of other durable steps.
/// `tests/frr_transactions` dies at each of them.
pub const NAMES: [&str; 20] = [
    "journal-appended",
    "journal-prepared",
    "engine-planned",
    "journal-claimed",
    "mgmtd-committed",
    "transport-committed",
    "vty-half-applied",
    "vty-applied",
    "engine-confirmed",
    "journal-settled",
    // A refusal.
    "engine-undoing",
    "engine-undone",
    // What becomes of a transaction afterwards.
    "journal-finishing",
    "journal-finished",
    "rollback-applied",
    // The file replaced as a whole.
    "journal-rewritten",
    "journal-replaced",
    // The end of the agent, and its next start.
    "withdraw-half",
    "withdraw-done",
    "drain-ended",
];

/// Every task that a test has panic: `tests/frr_transactions` has each of them.
pub const TASKS: [&str; 11] = [
    "commits",
    "libyang",
    "monitor",
    "monitor-daemon",
    "transitions",
    "survey",
    "http",
    "reload",
    "sessions",
    "clients",
    // One call, which ends nothing else.
    "call",
];

/// The environment variable that names the task that panics.
#[cfg(feature = "failpoints")]
pub const TASK_VARIABLE: &str = "NOVAROUTE_PANIC";

/// Panics here where the environment says so, as an error in this task would.
///
/// # Panics
/// That is what it is for.
#[cfg(feature = "failpoints")]
pub fn die(task: &str) {
    debug_assert!(TASKS.contains(&task), "unknown task {task}");
    if std::env::var(TASK_VARIABLE).is_ok_and(|wanted| wanted == task) {
        panic!("a test wanted the task {task} to panic");
    }
}

/// Nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn die(_task: &str) {}

/// The environment variable that names the place to die at, behind others that have to be passed first, in this order and
/// with commas between. So a place that a comparison passes as well can be meant in a commit alone.
#[cfg(feature = "failpoints")]
pub const VARIABLE: &str = "NOVAROUTE_FAILPOINT";

/// Dies here where the environment says so: without unwinding, destructors or flushing.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// How many of the places were passed.
    static PASSED: AtomicUsize = AtomicUsize::new(0);

    debug_assert!(NAMES.contains(&name), "unknown failpoint {name}");
    let Ok(places) = std::env::var(VARIABLE) else { return };
    let mut left = places.split(',').skip(PASSED.load(Ordering::Relaxed));
    if left.next() != Some(name) {
        return;
    }
    if left.next().is_none() {
        std::process::abort();
    }
    PASSED.fetch_add(1, Ordering::Relaxed);
}

/// Nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn hit(_name: &str) {}
