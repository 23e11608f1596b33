//! Small pieces of text: safe for a terminal, readable for people.

use std::borrow::Cow;

use prost_types::Timestamp;

/// The text with control characters made visible, so that nothing an agent says moves
/// the cursor or begins a new line.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        let visible =
            |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
        Cow::Owned(text.chars().map(visible).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The text, or `-` where there is none.
pub fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// An uptime: seconds become their two largest units, anything else stays as FRR
/// says it.
pub fn uptime(text: &str) -> Cow<'_, str> {
    match text.strip_suffix('s').unwrap_or(text).parse() {
        Ok(seconds) => Cow::Owned(duration(seconds)),
        Err(_) => printable(text),
    }
}

/// Seconds as their two largest units.
pub fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// Seconds since 1970-01-01 UTC as RFC 3339 writes them.
pub fn timestamp(seconds: i64) -> String {
    Timestamp { seconds, nanos: 0 }.to_string()
}

/// The short lower-case name of a protobuf enum value: `PROTOCOL_BGP` is `bgp`.
pub fn short_name(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

/// Text as one line, with its line feed.
pub fn one_line(line: &str) -> String {
    format!("{}\n", printable(line))
}

/// `1 peer`, `2 peers`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(printable("a\nb\u{1b}[2J\u{9b}é"), "a\\nb\\u{1b}[2J\\u{9b}é");
        assert!(matches!(printable("plain ü"), Cow::Borrowed(_)));
    }

    #[test]
    fn uptimes_have_two_units() {
        for (text, expected) in [
            ("0", "0s"),
            ("59", "59s"),
            ("61s", "1m 1s"),
            ("3600", "1h 0m"),
            ("90061", "1d 1h"),
            ("01:02:03", "01:02:03"),
            ("never", "never"),
            ("", ""),
        ] {
            assert_eq!(uptime(text), expected, "{text:?}");
        }
    }

    #[test]
    fn timestamps_are_rfc_3339() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_709_210_096), "2024-02-29T12:34:56Z");
    }
}
