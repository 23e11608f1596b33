//! Command line of NovaRoute: reads the flags, hands them to the library, shows the
//! result and ends with the exit code of what happened.

use std::{
    env,
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Parser;
use novaroute::ctl::{self, Cli, Exit, render::Colour};

// One thread: a command is one call. SIGINT keeps its default action, so that Ctrl-C
// ends `events` at once, even while its reader is slow.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = match ctl::run(&cli, colour(), &mut io::stdout().lock()).await {
        Ok(()) => Exit::Ok,
        Err(error) if error.is_broken_pipe() => Exit::Ok,
        Err(error) => {
            eprint!("{}", error.report());
            error.exit()
        }
    };
    ExitCode::from(exit.code())
}

/// Colours are for people: only on a terminal, and not where NO_COLOR is set
/// (no-color.org).
fn colour() -> Colour {
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !unwanted { Colour::Ansi } else { Colour::None }
}
