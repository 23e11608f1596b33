//! Named places at which a test has the agent die, as a power cut or an OOM kill would.
//!
//! Built only with the feature `failpoints`; otherwise a call is nothing.

/// Every place, in the order in which a commit passes them.
pub const NAMES: [&str; 8] = [
    "journal-prepared",
    "engine-planned",
    "mgmtd-committed",
    "door-committed",
    "vty-half-applied",
    "vty-applied",
    "engine-confirmed",
    "journal-settled",
];

/// The environment variable that names the place to die at.
#[cfg(feature = "failpoints")]
pub const VARIABLE: &str = "NOVAROUTE_FAILPOINT";

/// Dies here where the environment says so: without unwinding, destructors or flushing.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    debug_assert!(NAMES.contains(&name), "unknown failpoint {name}");
    if std::env::var(VARIABLE).is_ok_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// Nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn hit(_name: &str) {}
