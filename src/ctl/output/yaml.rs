//! A document as YAML 1.2, for programs and people. Pure.
//!
//! JSON's own value is all that is written, so this is small enough to be ours: blocks, and
//! strings in JSON's double quotes (which YAML 1.2 reads the same) wherever they could be taken
//! for something else. Emitters on crates.io bring serde front ends we have no other use for.

use serde_json::Value;

/// The document; ends with a line feed.
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    push(&mut text, value, 0, false);
    text
}

/// Writes a value; `in_item` where the cursor is already behind `- `.
fn push(text: &mut String, value: &Value, indent: usize, in_item: bool) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 || !in_item {
                    text.push_str(&" ".repeat(indent));
                }
                text.push_str(&scalar(key));
                text.push(':');
                push_behind(text, value, indent + 2);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                text.push_str(&" ".repeat(indent));
                text.push_str("- ");
                match item {
                    Value::Object(map) if !map.is_empty() => push(text, item, indent + 2, true),
                    Value::Array(_) => {
                        // A list in a list does not occur in our views: JSON is YAML too.
                        text.push_str(&item.to_string());
                        text.push('\n');
                    }
                    other => push(text, other, 0, true),
                }
            }
        }
        Value::Object(_) => text.push_str("{}\n"),
        Value::Array(_) => text.push_str("[]\n"),
        Value::String(string) => text.push_str(&(scalar(string) + "\n")),
        other => text.push_str(&format!("{other}\n")),
    }
}

/// Writes what belongs to a key: a block on lines of its own, anything else on its line.
fn push_behind(text: &mut String, value: &Value, indent: usize) {
    let block = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    text.push(if block { '\n' } else { ' ' });
    push(text, value, indent, false);
}

/// A string, plain where every reader takes it for a string.
fn scalar(string: &str) -> String {
    let plain = string.starts_with(|c: char| c.is_ascii_alphabetic())
        && string.chars().all(|c| c.is_ascii_alphanumeric() || "_-./ ".contains(c))
        && !string.ends_with(' ')
        && !is_word_of_yaml(string);
    if plain { string.to_owned() } else { escaped(string) }
}

/// What YAML 1.1 or 1.2 reads as something other than a string.
fn is_word_of_yaml(string: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .contains(&string.to_ascii_lowercase().as_str())
}

/// The string in double quotes, with every control character escaped: JSON leaves those above
/// ASCII alone, YAML does not allow them.
fn escaped(string: &str) -> String {
    let mut quoted = String::new();
    for c in Value::from(string).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use saphyr_parser::{Event, Parser, ScalarStyle};
    use serde_json::{Map, json};

    use super::*;

    /// What another's reader makes of the text: scalars that are plain by their look, quoted ones
    /// as strings.
    fn read(text: &str) -> Value {
        let mut stack: Vec<(Value, Option<String>)> = vec![(Value::Array(Vec::new()), None)];
        for event in Parser::new_from_str(text) {
            let value = match event.expect("YAML").0 {
                Event::Scalar(text, ScalarStyle::Plain, ..) => {
                    serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.as_ref()))
                }
                Event::Scalar(text, ..) => Value::from(text.as_ref()),
                Event::SequenceStart(..) => {
                    stack.push((Value::Array(Vec::new()), None));
                    continue;
                }
                Event::MappingStart(..) => {
                    stack.push((Value::Object(Map::new()), None));
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => stack.pop().expect("open").0,
                _ => continue,
            };
            match stack.last_mut().expect("the document") {
                (Value::Array(items), _) => items.push(value),
                (Value::Object(map), key) => match key.take() {
                    None => *key = Some(value.as_str().expect("a key").to_owned()),
                    Some(key) => drop(map.insert(key, value)),
                },
                _ => unreachable!(),
            }
        }
        stack.pop().expect("the document").0[0].take()
    }

    #[test]
    fn documents_are_blocks() {
        let value = json!({
            "peers": [{"address": "10.0.0.1", "state": "Established", "tags": ["a", "b: c"]}],
            "empty": [], "none": null, "nothing": "", "off": "off", "count": 3,
            "v6": "fd00::1",
        });
        let expected = "peers:\n  - address: \"10.0.0.1\"\n    state: Established\n    tags:\n      \
                        - a\n      - \"b: c\"\nempty: []\nnone: null\nnothing: \"\"\n\"off\": \
                        \"off\"\ncount: 3\nv6: \"fd00::1\"\n";
        assert_eq!(document(&value), expected);
        assert_eq!(read(expected), value);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(string in any::<String>(), number in any::<u64>()) {
            let value = json!({"a": [{"key": string, "n": number}, {"m": {"k": [string]}}]});
            prop_assert_eq!(read(&document(&value)), value);
        }
    }
}
