//! `top`: everything at a glance, on a full screen, until the user quits.
//!
//! ```text
//! feed (status, events, transactions) ─┐
//! keys (a thread that reads the tty) ──┼─ mpsc ─▶ state ─▶ draw ─▶ screen
//! clock, signals ──────────────────────┘          pure      pure
//! ```

mod cells;
mod data;
mod details;
mod draw;
mod feed;
mod keys;
mod prefixes;
mod rows;
mod screen;
mod state;
#[cfg(test)]
mod tests;

use std::time::Duration;

use clap::Args;
use ratatui::crossterm::event::{Event as Input, KeyEventKind};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{self, MissedTickBehavior},
};

use super::{Terminal, error::CtlError, global::Global, now};
use feed::Feed;
use screen::Screen;
use state::{Next, Top as State};

/// Ages are shown in seconds; an agent that hangs is noticed within two.
const TICK: Duration = Duration::from_millis(250);

/// Updates that wait while the screen is drawn; the sender of more waits too.
const QUEUE: usize = 256;

/// What `--help` ends with.
const HELP: &str = "\
Keys: q quits, p pauses, Tab and the arrows move, Enter enlarges a pane, / filters, s sorts, d shows all of a
line, ? helps. The pane of prefixes has counts; enlarged or filtered it has the prefixes themselves.

Examples:
  novaroutectl top
  novaroutectl top --owner edge --interval 5";

/// `top`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Top {
    /// Only what this owner has declared and done
    #[arg(long)]
    owner: Option<String>,
    /// Seconds between looks at the status; events and transactions come at once
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    interval: u32,
}

impl Top {
    /// Draws until a key or a signal says to stop. An agent that is away is waited for.
    ///
    /// # Errors
    /// There is no terminal, or it cannot be written to.
    pub async fn run(&self, global: &Global, terminal: &mut Terminal<'_>) -> Result<(), CtlError> {
        if !terminal.is_screen {
            return Err(CtlError::NoTerminal);
        }
        let mut signals = Vec::new();
        for kind in [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()] {
            signals.push(signal(kind).map_err(CtlError::Write)?);
        }
        let (updates, mut received) = mpsc::channel(QUEUE);
        let owner = self.owner.clone().unwrap_or_default();
        let interval = Duration::from_secs(self.interval.into());
        let feed = Feed::new(global, owner.clone(), interval);
        let mut state = State::new(global.socket.display().to_string(), owner, terminal.colour);
        let begun = time::Instant::now();
        state.interval = interval;
        let mut screen = Screen::open(terminal.out).map_err(CtlError::Write)?;
        let mut input = screen::input();
        let mut tick = time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut feed = std::pin::pin!(feed.run(updates));
        let mut stop = std::pin::pin!(futures::future::select_all(
            signals.iter_mut().map(|signal| Box::pin(signal.recv()))
        ));
        loop {
            state.now = now();
            state.tick(begun.elapsed());
            screen.draw(&state).map_err(CtlError::Write)?;
            tokio::select! {
                () = &mut feed => return Ok(()),
                Some(update) = received.recv() => {
                    state.take(update);
                    // All that waits is drawn at once.
                    while let Ok(update) = received.try_recv() {
                        state.take(update);
                    }
                }
                event = input.recv() => match event {
                    Some(Input::Key(key)) if key.kind != KeyEventKind::Release => {
                        match state.press(key) {
                            Next::Go => {}
                            Next::Redraw => screen.clear().map_err(CtlError::Write)?,
                            Next::Quit => return Ok(()),
                        }
                    }
                    // A resize draws again, as anything does.
                    Some(_) => {}
                    // No key can come any more.
                    None => return Ok(()),
                },
                _ = tick.tick() => {}
                _ = &mut stop => return Ok(()),
            }
        }
    }
}
