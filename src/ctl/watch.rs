//! `--watch`: the same answer again and again.
//!
//! On a terminal the screen is redrawn at each interval, and an agent that is away for a while
//! is waited for. Elsewhere, and as JSON or YAML, each change is a document of its own behind
//! the last one; what only ages, such as an uptime, is no change.

use std::{io::Write, time::Duration};

use clap::Args;
use ratatui::crossterm::terminal;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Terminal,
    error::CtlError,
    now,
    output::{self, Look, View},
    write,
};

/// Often enough to see something happen, seldom enough to be read.
const DEFAULT_SECONDS: &str = "1";

/// Size of the screen where it is unknown: that of the first terminals.
const SCREEN: (u16, u16) = (80, 24);

/// `--watch`
#[derive(Debug, Args)]
pub struct Watch {
    /// Show it again when it changes, looking every SECONDS (1), until Ctrl-C
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = DEFAULT_SECONDS,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    watch: Option<u32>,
}

impl Watch {
    /// Shows the answer, once or until Ctrl-C.
    ///
    /// # Errors
    /// What `ask` says the first time and, where nothing is redrawn, any later time; or the
    /// answer cannot be written.
    pub async fn show<V: View>(
        &self,
        look: Look,
        terminal: &mut Terminal<'_>,
        ask: impl AsyncFn() -> Result<V, CtlError>,
    ) -> Result<(), CtlError> {
        let view = ask().await?;
        let Some(seconds) = self.watch else {
            return write(terminal.out, &look.show(&view));
        };
        let every = Duration::from_secs(seconds.into());
        if terminal.is_screen && look.format.is_for_people() {
            return redraw(look, terminal.out, every, view, ask).await;
        }
        append(look, terminal.out, every, view, ask).await
    }
}

/// Writes every change. SIGINT keeps its default action, as the reader may be slow.
async fn append<V: View>(
    look: Look,
    out: &mut dyn Write,
    every: Duration,
    mut view: V,
    ask: impl AsyncFn() -> Result<V, CtlError>,
) -> Result<(), CtlError> {
    let mut last = None;
    loop {
        let essence = Some(output::essence(&view));
        if essence != last {
            let mut text = look.line(&view);
            if look.format.is_for_people() {
                let gap = if last.is_some() { "\n" } else { "" };
                let time = now();
                text = format!("{gap}{}\n{text}", time.local(time.time.as_millisecond()));
            }
            write(out, &text)?;
            last = essence;
        }
        tokio::time::sleep(every).await;
        view = ask().await?;
    }
}

/// Draws the answer over the last one.
async fn redraw<V: View>(
    look: Look,
    out: &mut dyn Write,
    every: Duration,
    view: V,
    ask: impl AsyncFn() -> Result<V, CtlError>,
) -> Result<(), CtlError> {
    let mut stop = signal(SignalKind::interrupt()).map_err(CtlError::Write)?;
    let mut end = signal(SignalKind::terminate()).map_err(CtlError::Write)?;
    let (mut shown, mut trouble) = (look.show(&view), None::<String>);
    // Long lines are cut instead of wrapped: a wrapped one would move all below it.
    write(out, "\x1b[2J\x1b[?7l")?;
    let result = loop {
        let time = now();
        let mut text = format!("{}  Ctrl-C ends\n", time.local(time.time.as_millisecond()));
        if let Some(trouble) = &trouble {
            text.push_str(trouble);
        }
        let (_, rows) = terminal::size().unwrap_or(SCREEN);
        if let Err(error) = write(out, &screenful(&format!("{text}\n{shown}"), rows.into())) {
            break Err(error);
        }
        let next = async {
            tokio::time::sleep(every).await;
            ask().await
        };
        tokio::select! {
            answer = next => match answer {
                Ok(view) => (shown, trouble) = (look.show(&view), None),
                Err(error) if error.may_pass() => trouble = Some(error.report()),
                Err(error) => break Err(error),
            },
            _ = stop.recv() => break Ok(()),
            _ = end.recv() => break Ok(()),
        }
    };
    write(out, "\x1b[?7h\n").and(result)
}

/// The text from the top left corner on, each line cleared behind its end, and no longer than
/// the screen.
fn screenful(text: &str, rows: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let fits = if lines.len() < rows { lines.len() } else { rows.saturating_sub(2) };
    let mut screen = String::from("\x1b[H");
    for line in &lines[..fits] {
        screen.push_str(line);
        screen.push_str("\x1b[K\r\n");
    }
    if fits < lines.len() {
        screen.push_str(&format!("... {} more lines\x1b[K", lines.len() - fits));
    }
    screen.push_str("\x1b[J");
    screen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screenful_is_no_longer_than_the_screen() {
        assert_eq!(screenful("a\nb\n", 4), "\x1b[Ha\x1b[K\r\nb\x1b[K\r\n\x1b[J");
        let cut = screenful("a\nb\nc\nd\ne\n", 4);
        assert_eq!(cut, "\x1b[Ha\x1b[K\r\nb\x1b[K\r\n... 3 more lines\x1b[K\x1b[J");
    }
}
