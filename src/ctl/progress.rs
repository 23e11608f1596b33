//! A line that says what is awaited, for a person at a terminal.

use std::{io::Write, pin::pin, time::Duration};

use tokio::time::{Instant, timeout};

/// What a person does not yet take for a hang, and how often the line changes.
const TICK: Duration = Duration::from_secs(1);

/// Where the line goes; nowhere for programs.
pub struct Notes<'a>(Option<&'a mut dyn Write>);

impl<'a> Notes<'a> {
    /// Notes on a terminal, or none.
    pub fn new(terminal: Option<&'a mut dyn Write>) -> Self {
        Self(terminal)
    }

    /// Does some work; while it takes long, a line names what is awaited and for how long.
    ///
    /// Cancel safety: that of the work; the line may stay.
    pub async fn during<T>(&mut self, awaited: &str, work: impl Future<Output = T>) -> T {
        let Some(terminal) = &mut self.0 else { return work.await };
        let mut work = pin!(work);
        let begun = Instant::now();
        let mut noted = false;
        loop {
            if let Ok(done) = timeout(TICK, &mut work).await {
                if noted {
                    note(terminal, "\r\x1b[K");
                }
                return done;
            }
            noted = true;
            let seconds = begun.elapsed().as_secs();
            note(terminal, &format!("\r\x1b[Kwaiting for {awaited}: {seconds} s"));
        }
    }
}

/// A note that cannot be written is none: the work goes on.
fn note(terminal: &mut dyn Write, text: &str) {
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn noted(work: Duration) -> String {
        let mut terminal = Vec::new();
        Notes::new(Some(&mut terminal)).during("FRR", tokio::time::sleep(work)).await;
        String::from_utf8(terminal).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn long_work_is_noted_and_the_line_goes_again() {
        assert_eq!(noted(Duration::from_millis(900)).await, "");
        let line = "\r\x1b[Kwaiting for FRR";
        let expected = format!("{line}: 1 s{line}: 2 s\r\x1b[K");
        assert_eq!(noted(Duration::from_millis(2500)).await, expected);
    }
}
