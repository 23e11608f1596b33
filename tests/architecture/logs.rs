//! Log macros only log.

use crate::files::{name, sources, text};

/// The arguments of every log macro, each with where it begins: strings are left out of them.
fn log_arguments(text: &str) -> Vec<(usize, String)> {
    const MACROS: [&str; 7] = ["trace!", "debug!", "info!", "warn!", "error!", "event!", "span!"];
    let mut found = Vec::new();
    for (begin, name) in MACROS.iter().flat_map(|name| text.match_indices(name)) {
        let before = text[..begin].chars().next_back();
        let open = begin + name.len();
        // `info_span!` is one, `debug_assert!` is none, and a name may end like one.
        if before.is_some_and(|c| c.is_alphanumeric()) || !text[open..].starts_with(['(', '{', '['])
        {
            continue;
        }
        let (mut depth, mut quoted, mut escaped) = (0, false, false);
        let mut arguments = String::new();
        for c in text[open..].chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ if quoted => {}
                '(' | '{' | '[' => depth += 1,
                ')' | '}' | ']' => depth -= 1,
                _ => {}
            }
            if !quoted {
                arguments.push(c);
            }
            if depth == 0 {
                break;
            }
        }
        found.push((text[..begin].lines().count(), arguments));
    }
    found
}

/// What a log macro's arguments may not do, since they are only evaluated where the level is on.
fn does_something(arguments: &str) -> bool {
    const ACTIONS: [&str; 14] = [
        ".await",
        ".take(",
        ".insert(",
        ".remove(",
        ".push(",
        ".pop",
        ".next(",
        ".replace(",
        ".send(",
        ".recv(",
        "drop(",
        "return",
        "&mut ",
        ".expect(",
    ];
    // `?value` is how a field is shown, `value?` ends the function.
    let decides = arguments.match_indices('?').any(|(at, _)| {
        let before = arguments[..at].trim_end().chars().next_back();
        before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '}' | '"' | '>'))
    });
    decides || ACTIONS.iter().any(|action| arguments.contains(action))
}

#[test]
fn no_log_macro_decides_or_does_anything() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (line, arguments) in log_arguments(&text(&file)) {
            if does_something(&arguments) {
                wrong.push(format!("{}:{line}: {arguments}", name(&file)));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn what_a_log_macro_does_is_found() {
    let found = |text: &str| log_arguments(text).iter().any(|(_, it)| does_something(it));
    assert!(found(r#"debug!(outcome = ?outcome?, "mgmtd");"#));
    assert!(found("tracing::info!(\n    count = reader.text().await,\n    \"read\"\n)"));
    assert!(found(r#"warn!("{}", queue.pop());"#));
    assert!(!found(r#"debug!(?outcome, took = ?begun.elapsed(), "really? (yes)");"#));
    assert!(!found(r#"debug_assert!(queue.pop()?);"#));
}
