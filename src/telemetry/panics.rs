//! Panics anywhere in this program: as log lines, and counted.

use std::{
    panic,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use tracing::error;

/// A panic hook is the program's, so this is too.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Has every panic logged and counted from now on, those of a single call or connection too, which end nothing else.
pub fn watch_panics() {
    panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let thread = thread::current();
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let words = text.unwrap_or("no words");
        error!(thread = thread.name().unwrap_or("unnamed"), at, words, "a panic");
    }));
}

/// How many there were.
pub(super) fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}
