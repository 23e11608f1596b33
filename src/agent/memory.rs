//! What the agent holds in its memory (tokens, passwords) stays there: no core dump has it.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps of this process, and to be traced or read by others of its user: root and
/// CAP_SYS_PTRACE still may.
///
/// # Errors
/// The kernel's.
pub fn forbid_dumps() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}
