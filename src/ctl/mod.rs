//! The operator's command line: flags in, one RPC, readable text or JSON out.
//!
//! ```text
//! cli ─▶ one module per command group ─▶ client (gRPC on the Unix socket) ─▶ output ─▶ text
//!              flags become a request        answer or CtlError                  table, JSON
//! ```
//!
//! Owns every flag, text and exit code of `novaroutectl`. Addresses, prefixes and
//! communities travel as the strings that were typed: the agent checks them and
//! names every wrong field at once. Only `validate`, which has no agent, imports more of this crate than
//! `proto`.
//!
//! Nothing here prints or exits: what is to be shown goes into the writer that
//! [`run`] is given, what went wrong comes back as a [`CtlError`].

mod adopt;
mod apply;
mod bfd;
mod bfd_profile;
mod bgp;
mod cli;
mod client;
mod config;
mod coverage;
mod credentials;
mod drain;
mod error;
mod events;
mod exit;
mod explain;
mod export;
pub mod file;
mod global;
mod one_change;
mod ospf;
pub mod output;
mod peer;
mod peer_options;
mod prefix;
mod progress;
mod refusal;
mod session;
mod show;
mod static_route;
mod top;
mod transactions;
mod validate;
mod watch;

use std::io::Write;

use clap::CommandFactory;
use jiff::{Timestamp, tz::TimeZone};

pub use cli::{Cli, Command};
pub use error::CtlError;
pub use exit::Exit;
pub use global::{DEFAULT_SOCKET, DEFAULT_TIMEOUT_SECONDS, Global};
use output::{Colour, Look, Now, text};
pub use progress::Notes;

/// Asks a question and reads the line that is typed.
pub type Ask = fn(&str) -> std::io::Result<String>;

/// Where a command's words go.
pub struct Terminal<'a> {
    /// Whether results have colours.
    pub colour: Colour,
    /// Whether `out` is a screen, which can be drawn over.
    pub is_screen: bool,
    /// Results.
    pub out: &'a mut dyn Write,
    /// Asks the person at the terminal; `None` where nobody is there to answer.
    pub ask: Option<Ask>,
    /// What is awaited while a command takes long.
    pub notes: Notes<'a>,
}

/// Writes whole text at once.
///
/// # Errors
/// [`CtlError::Write`].
fn write(out: &mut dyn Write, text: &str) -> Result<(), CtlError> {
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CtlError::Write)
}

/// Carries out what the command line says and writes the result to `terminal.out`.
///
/// Cancel safety: dropping the future closes the connection; a change the agent has
/// received by then goes on there.
///
/// # Errors
/// Everything that [`CtlError`] names. What it has got by then is whole lines.
pub async fn run(cli: &Cli, mut terminal: Terminal<'_>) -> Result<(), CtlError> {
    let terminal = &mut terminal;
    let global = &cli.global;
    let look = Look { format: global.output, colour: terminal.colour };
    let text = match &cli.command {
        Command::Status(show) => return show.status(global, look, terminal).await,
        Command::Peers(show) => return show.run(global, look, terminal).await,
        Command::Prefixes(show) => return show.prefixes(global, look, terminal).await,
        Command::Bfd(show) => return show.bfd(global, look, terminal).await,
        Command::Ospf(show) => return show.ospf(global, look, terminal).await,
        Command::Top(top) => return top.run(global, terminal).await,
        Command::Events(events) => return events.run(global, look, &mut terminal.out).await,
        Command::Register(register) => register.run(global, look).await?,
        Command::Deregister(deregister) => deregister.run(global, look).await?,
        Command::ConfigureBgp(configure) => configure.run(global, look, terminal).await?,
        Command::ApplyPeer(apply) => apply.run(global, look).await?,
        Command::RemovePeer(remove) => remove.run(global, look).await?,
        Command::Advertise(advertise) => advertise.run(global, look).await?,
        Command::Withdraw(withdraw) => withdraw.run(global, look).await?,
        Command::EnableBfd(enable) => enable.run(global, look).await?,
        Command::DisableBfd(disable) => disable.run(global, look).await?,
        Command::BfdProfile(profile) => profile.run(global, look).await?,
        Command::EnableOspf(enable) => enable.run(global, look).await?,
        Command::DisableOspf(disable) => disable.run(global, look).await?,
        Command::StaticRoute(route) => route.run(global, look).await?,
        Command::Explain(explain) => return explain.run(global, look, terminal).await,
        Command::Get(get) => get.run(global, look).await?,
        Command::Export(export) => export.run(global, look).await?,
        Command::Apply(apply) => apply.run(global, look, terminal).await?,
        Command::Plan(plan) => plan.run(global, look, terminal).await?,
        Command::Transactions(transactions) => {
            return transactions.run(global, look, terminal).await;
        }
        Command::Confirm(finish) => finish.confirm(global, look).await?,
        Command::Rollback(finish) => finish.rollback(global, look, terminal).await?,
        Command::Validate(validate) => validate.run(global, terminal)?,
        Command::Drain(drain) => drain.run(global, look).await?,
        Command::Undrain(undrain) => undrain.run(global, look).await?,
        Command::Adopt(adopt) => adopt.run(global, look).await?,
        Command::Config(config) => config.run(global, look).await?,
        Command::Reload(reload) => reload.run(global, look).await?,
        Command::Coverage => coverage::coverage(global, look).await?,
        Command::Completion { shell } => completion(*shell),
    };
    write(terminal.out, &text)
}

/// The time it is, here.
fn now() -> Now {
    Now { time: Timestamp::now(), zone: TimeZone::system() }
}

/// The completion script for a shell.
fn completion(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "novaroutectl", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
