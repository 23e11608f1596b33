//! Log lines on standard error: JSON for a cluster's collector, or text for people.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    reload,
};

use crate::config::{LogFormat, LogLevel};

/// Logging was set up before.
#[derive(Debug, thiserror::Error)]
#[error("logging is set up already")]
pub struct LogError(#[from] tracing::subscriber::SetGlobalDefaultError);

/// Changes what is logged while the program runs.
#[derive(Debug, Clone)]
pub struct LogControl(reload::Handle<EnvFilter, Registry>);

impl LogControl {
    /// From now on logs what is at least as severe as this.
    pub fn set_level(&self, level: LogLevel) {
        // It fails when logging is gone, and then there is no way to say so.
        let _ = self.0.reload(filter(level));
    }
}

/// Sends this program's log lines to standard error, from now to its end.
///
/// # Errors
/// It was done before.
pub fn init(level: LogLevel, format: LogFormat) -> Result<LogControl, LogError> {
    let (subscriber, control) = subscriber(level, format, io::stderr);
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(control)
}

fn subscriber<W>(
    level: LogLevel,
    format: LogFormat,
    writer: W,
) -> (impl Subscriber + Send + Sync, LogControl)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // That a line can't be written would be said on the same standard error, whose reader is gone: that panics.
    let lines = fmt::layer().with_writer(writer).with_ansi(false).log_internal_errors(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => Box::new(lines.json().flatten_event(true)),
        LogFormat::Text => Box::new(lines),
    };
    let (filter, control) = reload::Layer::new(filter(level));
    (tracing_subscriber::registry().with(lines.with_filter(filter)), LogControl(control))
}

/// Libraries say at most what they warn of: an operator who wants to see FRR's commands does
/// not want every HTTP/2 frame.
fn filter(level: LogLevel) -> EnvFilter {
    let (ours, theirs) = match level {
        LogLevel::Debug => ("debug", "info"),
        LogLevel::Info => ("info", "warn"),
        LogLevel::Warn => ("warn", "warn"),
        LogLevel::Error => ("error", "error"),
    };
    EnvFilter::new(format!("{theirs},novaroute={ours},novaroute_agent={ours}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written at a level, after a start at another.
    fn log(started: LogLevel, level: LogLevel, format: LogFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let (subscriber, control) = subscriber(started, format, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            control.set_level(level);
            tracing::debug!("detail");
            tracing::info!(peer = "10.0.0.1", "fact");
            tracing::error!("failure");
            tracing::info!(target: "h2", "frame");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_level_decides_what_is_written() {
        use LogLevel::{Debug, Error, Info, Warn};
        for started in [Debug, Info, Warn, Error] {
            let said = |level| {
                let text = log(started, level, LogFormat::Text);
                ["detail", "fact", "failure", "frame"].map(|word| text.contains(word))
            };
            assert_eq!(said(Debug), [true, true, true, true], "after {started:?}");
            assert_eq!(said(Info), [false, true, true, false], "after {started:?}");
            assert_eq!(said(Warn), [false, false, true, false], "after {started:?}");
            assert_eq!(said(Error), [false, false, true, false], "after {started:?}");
        }
    }

    #[test]
    fn a_json_line_is_an_object_with_the_fields_of_its_event() {
        let text = log(LogLevel::Info, LogLevel::Info, LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["message"], "fact");
        assert_eq!(line["peer"], "10.0.0.1");
        assert_eq!(line["level"], "INFO");
    }
}
