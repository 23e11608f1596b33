//! Log lines on standard error: JSON for a cluster's collector, or text for people.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

use crate::config::{LogFormat, LogLevel};

/// Logging was set up before.
#[derive(Debug, thiserror::Error)]
#[error("logging is set up already")]
pub struct LogError(#[from] tracing::subscriber::SetGlobalDefaultError);

/// Sends this program's log lines to standard error, from now to its end.
///
/// # Errors
/// It was done before.
pub fn init(level: LogLevel, format: LogFormat) -> Result<(), LogError> {
    Ok(tracing::subscriber::set_global_default(subscriber(level, format, io::stderr))?)
}

fn subscriber<W>(level: LogLevel, format: LogFormat, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => Box::new(lines.json().flatten_event(true)),
        LogFormat::Text => Box::new(lines),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter(level)))
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

    fn log(level: LogLevel, format: LogFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(
            subscriber(level, format, move || writer.clone()),
            || {
                tracing::debug!("detail");
                tracing::info!(peer = "10.0.0.1", "fact");
                tracing::error!("failure");
                tracing::info!(target: "h2", "frame");
            },
        );
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_level_decides_what_is_written() {
        let said = |level| {
            let text = log(level, LogFormat::Text);
            ["detail", "fact", "failure", "frame"].map(|word| text.contains(word))
        };
        assert_eq!(said(LogLevel::Debug), [true, true, true, true]);
        assert_eq!(said(LogLevel::Info), [false, true, true, false]);
        assert_eq!(said(LogLevel::Warn), [false, false, true, false]);
        assert_eq!(said(LogLevel::Error), [false, false, true, false]);
    }

    #[test]
    fn a_json_line_is_an_object_with_the_fields_of_its_event() {
        let text = log(LogLevel::Info, LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["message"], "fact");
        assert_eq!(line["peer"], "10.0.0.1");
        assert_eq!(line["level"], "INFO");
    }
}
