//! Points in time: local, and how long ago. Pure: the clock and the zone are given.

use jiff::{Timestamp, tz::TimeZone};

use super::text;

/// Now, and the zone in which times are shown.
#[derive(Debug, Clone)]
pub struct Now {
    /// The time it is.
    pub time: Timestamp,
    /// Where the reader is.
    pub zone: TimeZone,
}

impl Now {
    /// Milliseconds since 1970-01-01 UTC in local time as RFC 3339 writes it, to the second;
    /// `-` for what no calendar has.
    pub fn local(&self, unix_ms: i64) -> String {
        // Whole seconds, so that nothing is shown behind them.
        match Timestamp::from_second(unix_ms.div_euclid(1000)) {
            Ok(time) => time.display_with_offset(self.zone.to_offset(time)).to_string(),
            Err(_) => "-".to_owned(),
        }
    }

    /// How long ago something was, `0s` for what is to come.
    pub fn age(&self, unix_ms: i64) -> String {
        text::duration(seconds(self.time.as_millisecond().saturating_sub(unix_ms)))
    }

    /// How long until something, where it is yet to come.
    pub fn until(&self, unix_ms: i64) -> Option<String> {
        let left = unix_ms.saturating_sub(self.time.as_millisecond());
        (left > 0).then(|| text::duration(seconds(left)))
    }
}

fn seconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds / 1000).unwrap_or_default()
}

/// Microseconds in a unit in which they are easy to read.
pub fn took(microseconds: u64) -> String {
    match microseconds {
        0..1000 => format!("{microseconds} us"),
        1000..1_000_000 => format!("{}.{} ms", microseconds / 1000, microseconds % 1000 / 100),
        _ => format!("{}.{} s", microseconds / 1_000_000, microseconds % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_and_relative() {
        let zone = TimeZone::fixed(jiff::tz::Offset::constant(2));
        let now = Now { time: Timestamp::from_second(1_709_210_096).unwrap(), zone };
        assert_eq!(now.local(1_709_210_096_789), "2024-02-29T14:34:56+02:00");
        assert_eq!(now.local(i64::MAX), "-");
        assert_eq!(now.age(1_709_210_000_000), "1m 36s");
        assert_eq!(now.age(i64::MAX), "0s");
        assert_eq!(now.until(1_709_210_156_500).as_deref(), Some("1m 0s"));
        assert_eq!(now.until(1_709_210_096_000), None);
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        for (microseconds, text) in
            [(0, "0 us"), (999, "999 us"), (12_345, "12.3 ms"), (61_250_000, "61.2 s")]
        {
            assert_eq!(took(microseconds), text);
        }
    }
}
