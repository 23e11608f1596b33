//! The agent's program: flags, signals, exit code. All else is in the library.

use std::{
    fmt::Display,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use novaroute::{
    agent::{self, AgentError, Control},
    config::{Config, ConfigError, Source},
    frr::vty::chain,
    telemetry,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The configuration can't be used; nothing was touched.
const EXIT_CONFIG: u8 = 2;

/// A part of the agent has died; FRR runs what it ran.
const EXIT_DIED: u8 = 3;

/// Node-local routing agent for FRR
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 stopped by a signal, 1 failed, 2 wrong \
    configuration or usage, 3 a part of the agent died and FRR runs what it ran.\nSIGHUP has the agent read its configuration again.\nTokens, passwords and \
    the router id may name environment variables as ${NAME}; NOVAROUTE_BGP_LOCAL_AS and \
    NOVAROUTE_BGP_ROUTER_ID override the file."
)]
struct Options {
    /// Configuration file (JSON)
    #[arg(long, value_name = "FILE", default_value = "/etc/novaroute/config.json")]
    config: PathBuf,
    /// Only say whether the configuration is right, every error on a line, and touch nothing
    #[arg(long)]
    check: bool,
    /// Only print the configuration that would be in force, without its secrets
    #[arg(long)]
    print_config: bool,
    /// When it stops, withdraw from FRR all that is ours; without, and without withdraw_on_exit in the
    /// configuration, it stays
    #[arg(long)]
    withdraw_on_exit: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // Before the first secret is read.
    if let Err(error) = agent::forbid_dumps() {
        say(format_args!("can't forbid core dumps: {error}"));
        return ExitCode::FAILURE;
    }
    let stop = CancellationToken::new();
    // First of all: a SIGHUP must never end it.
    let reload = match watch_signals(stop.clone()) {
        Ok(reload) => reload,
        Err(error) => {
            say(format_args!("can't watch for signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let source = Source::new(&options.config);
    let config = match source.load() {
        Ok(config) => config,
        Err(error) => {
            complain(&source, &error);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    if options.check || options.print_config {
        return show(&source, &config, &options);
    }
    let logs = match telemetry::init_logging(config.log_level, config.log_format) {
        Ok(logs) => logs,
        Err(error) => {
            say(&error);
            return ExitCode::FAILURE;
        }
    };
    telemetry::watch_panics();
    let withdraw_on_exit = options.withdraw_on_exit;
    match agent::run(config, Control { stop, reload, source, logs, withdraw_on_exit }).await {
        Ok(()) => {
            info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!(%error, "the agent has failed");
            say(&error);
            match error {
                AgentError::Died { .. } => ExitCode::from(EXIT_DIED),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Says what is wrong with the configuration, one error a line.
fn complain(source: &Source, error: &ConfigError) {
    let path = source.path().display();
    match error {
        ConfigError::Invalid(errors) => {
            for error in errors.iter() {
                say(format_args!("{path}: {}: {}", error.field, error.reason));
            }
        }
        other => say(format_args!("{path}: {}", chain(other))),
    }
}

/// What `--check` and `--print-config` print of a configuration that is right.
fn show(source: &Source, config: &Config, options: &Options) -> ExitCode {
    for warning in config.warnings() {
        say(format_args!("{}: warning: {warning}", source.path().display()));
    }
    let mut out = io::stdout().lock();
    let written = match options.print_config {
        true => writeln!(out, "{:#}", config.redacted()),
        false => writeln!(out, "ok: {}", config.summary()),
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(format_args!("can't write: {error}"));
            ExitCode::FAILURE
        }
        // The reader has closed the pipe.
        _ => ExitCode::SUCCESS,
    }
}

/// Says something on standard error; where that is closed, nothing is said.
fn say(words: impl Display) {
    let _ = writeln!(io::stderr(), "novaroute-agent: {words}");
}

/// SIGTERM and SIGINT stop; SIGHUP, which would kill, asks for a reload.
fn watch_signals(stop: CancellationToken) -> std::io::Result<mpsc::Receiver<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    // One that waits is enough: it reads the file as it is then.
    let (ask, reload) = mpsc::channel(1);
    tokio::spawn(async move {
        let signal = loop {
            tokio::select! {
                _ = terminate.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
                _ = hangup.recv() => drop(ask.try_send(())),
            }
        };
        info!(signal, "asked to stop");
        stop.cancel();
    });
    Ok(reload)
}
