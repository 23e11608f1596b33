//! Command line of NovaRoute: reads the flags, hands them to the library, shows the
//! result and ends with the exit code of what happened.

use std::{
    env,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches};
use novaroute::ctl::{self, Cli, Exit, Notes, Terminal, output::Colour};
use ratatui::crossterm::terminal;

// One thread: a command is one call. SIGINT keeps its default action, so that Ctrl-C
// ends `events` at once, even while its reader is slow; only what
// draws on a whole screen catches it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = parse();
    let (mut out, mut error) = (io::stdout().lock(), io::stderr());
    // Notes come and go on a line of the terminal; in a file they would be noise.
    let noted = io::stderr().is_terminal().then_some(&mut error as &mut dyn Write);
    let terminal = Terminal {
        colour: colour(),
        is_screen: io::stdout().is_terminal(),
        out: &mut out,
        ask: io::stdin().is_terminal().then_some(ask),
        notes: Notes::new(noted),
    };
    let exit = match ctl::run(&cli, terminal).await {
        Ok(()) => Exit::Ok,
        Err(error) if error.is_broken_pipe() => Exit::Ok,
        Err(error) => {
            // Where it is not read, the exit code says it.
            let _ = write!(io::stderr(), "{}", error.report());
            error.exit()
        }
    };
    ExitCode::from(exit.code())
}

/// Reads the command line. On a narrow terminal the help is left to the terminal to break: what is copied from there is whole, and
/// an example that is broken here would be two commands.
fn parse() -> Cli {
    let mut command = Cli::command();
    if terminal::size().is_ok_and(|(width, _)| width < HELP_WIDTH) {
        command = command.term_width(HELP_WIDTH.into());
    }
    Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

/// Width for which examples are written.
const HELP_WIDTH: u16 = 80;

/// Asks beside the results, which may go into a file.
fn ask(question: &str) -> io::Result<String> {
    let mut error = io::stderr();
    write!(error, "{question}")?;
    error.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line)
}

/// Colours are for people: only on a terminal, and not where NO_COLOR is set
/// (no-color.org).
fn colour() -> Colour {
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !unwanted { Colour::Ansi } else { Colour::None }
}
