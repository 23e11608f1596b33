//! Takes secrets out of what FRR says and of what is said to FRR. Pure.

use std::borrow::Cow;

/// Words of FRR's grammar that a secret follows. FRR takes the rest of the line for
/// the value of `neighbor … password`, so the rest of the line is masked.
const BEFORE_SECRET: [&str; 6] =
    ["password", "secret", "authentication-key", "md5", "key-string", "message-digest-key"];

/// What stands in the place of a secret.
const MASK: &str = "***";

/// The text with everything masked that follows `password` or another word before a
/// secret, to the end of its line.
///
/// FRR repeats commands in its errors (`Unknown command: neighbor … password …`), so
/// every reply passes through here before it becomes an error message or a log line.
pub fn redact(text: &str) -> Cow<'_, str> {
    if !text.split('\n').any(|line| secret_at(line).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match secret_at(line.trim_end_matches(['\n', '\r'])) {
            Some(at) => {
                clean.push_str(&line[..at]);
                clean.push_str(MASK);
                clean.push_str(&line[line.trim_end_matches(['\n', '\r']).len()..]);
            }
            None => clean.push_str(line),
        }
    }
    Cow::Owned(clean)
}

/// Where the secret of a line begins.
fn secret_at(line: &str) -> Option<usize> {
    let mut end_of_word = 0;
    while let Some(start) = line[end_of_word..].find(|c: char| !c.is_whitespace()) {
        let start = end_of_word + start;
        let word = line[start..].split(char::is_whitespace).next().unwrap_or_default();
        end_of_word = start + word.len();
        // FRR may put a quote or bracket before the first word it repeats.
        let bare = word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        if BEFORE_SECRET.iter().any(|keyword| bare.eq_ignore_ascii_case(keyword)) {
            let rest = &line[end_of_word..];
            return rest.find(|c: char| !c.is_whitespace()).map(|blanks| end_of_word + blanks);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn what_follows_password_is_masked_to_the_end_of_its_line() {
        for (text, clean) in [
            (
                "% [BGP] Unknown command: neighbor 1.2.3.4 password se cret\r\nrest\n",
                "% [BGP] Unknown command: neighbor 1.2.3.4 password ***\r\nrest\n",
            ),
            ("neighbor x password s", "neighbor x password ***"),
            (
                "a\n neighbor x PASSWORD\ts\nb password t",
                "a\n neighbor x PASSWORD\t***\nb password ***",
            ),
            ("ip ospf message-digest-key 1 md5 k", "ip ospf message-digest-key ***"),
            ("\"password s\"", "\"password ***"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn what_names_no_secret_stays() {
        for text in
            ["", "no neighbor 1.2.3.4 password", "% Unknown command: passwords x\n", "é\n\n"]
        {
            assert_eq!(redact(text), text);
        }
    }
}
