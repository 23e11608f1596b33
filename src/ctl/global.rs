//! The options that every command has.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::output::Format;

/// Where the agent listens unless its configuration says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/novaroute/novaroute.sock";

/// Longer than FRR takes for a large batch, shorter than a person waits at a prompt.
pub const DEFAULT_TIMEOUT_SECONDS: u32 = 30;

/// Heading that keeps the options of every command apart from a command's own.
const GLOBAL: &str = "Global options";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Unix socket of the agent
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        env = "NOVAROUTE_SOCKET",
        value_name = "PATH",
        default_value = DEFAULT_SOCKET
    )]
    pub socket: PathBuf,
    /// How results are written; of many, json has one document a line
    #[arg(
        short,
        long,
        global = true,
        help_heading = GLOBAL,
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    pub output: Format,
    /// Seconds to wait for the agent
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        value_name = "SECONDS",
        default_value_t = DEFAULT_TIMEOUT_SECONDS,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub timeout: u32,
}

impl Global {
    /// How long to wait for the agent.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}
