//! The agent's program: flags, signals, exit code. All else is in the library.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use novaroute::{agent, config::Config, frr::vty::chain, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// The configuration can't be used; nothing was touched.
const EXIT_CONFIG: u8 = 2;

/// Node-local routing agent for FRR
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 stopped by a signal, 1 failed, 2 wrong \
    configuration or usage.\nTokens and the router id may name environment variables as ${NAME}; \
    NOVAROUTE_BGP_LOCAL_AS and NOVAROUTE_BGP_ROUTER_ID override the file."
)]
struct Options {
    /// Configuration file (JSON)
    #[arg(long, value_name = "FILE", default_value = "/etc/novaroute/config.json")]
    config: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let config = match Config::load(&options.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("novaroute-agent: {}: {}", options.config.display(), chain(&error));
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    if let Err(error) = telemetry::init_logging(config.log_level, config.log_format) {
        eprintln!("novaroute-agent: {error}");
        return ExitCode::FAILURE;
    }
    let stop = CancellationToken::new();
    if let Err(error) = watch_signals(stop.clone()) {
        error!(%error, "can't watch for signals");
        return ExitCode::FAILURE;
    }
    match agent::run(config, stop).await {
        Ok(()) => {
            info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!(%error, "the agent has failed");
            eprintln!("novaroute-agent: {error}");
            ExitCode::FAILURE
        }
    }
}

/// SIGTERM and SIGINT stop; SIGHUP, which would kill, is only noted.
fn watch_signals(stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let signal = loop {
            tokio::select! {
                _ = terminate.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
                _ = hangup.recv() => warn!("SIGHUP: the configuration is only read at the start"),
            }
        };
        info!(signal, "asked to stop");
        stop.cancel();
    });
    Ok(())
}
