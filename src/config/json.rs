//! JSON to a value, and every key that stands twice in an object. Pure.
//!
//! JSON's own readers take the last of them without a word: of two tokens of one owner, the one nobody looked at.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A byte-order mark, which some editors write before the text.
const BOM: char = '\u{feff}';

/// The text without the byte-order mark before it.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix(BOM).unwrap_or(text)
}

/// Reads a text; with the paths of keys that are in one object more than once, each as often as it is too much. Of such
/// a key the last value counts.
///
/// # Errors
/// It is no JSON.
pub(super) fn read(text: &str) -> Result<(Value, Vec<String>), serde_json::Error> {
    let twice = RefCell::default();
    let mut reader = serde_json::Deserializer::from_str(without_mark(text));
    let value = At { path: String::new(), twice: &twice }.deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, twice.into_inner()))
}

/// A key as it is shown: it may be anything.
pub(super) fn shown(key: &str) -> String {
    key.chars().take(60).flat_map(char::escape_default).collect()
}

/// A place in the text.
struct At<'a> {
    path: String,
    twice: &'a RefCell<Vec<String>>,
}

impl At<'_> {
    fn below(&self, path: String) -> Self {
        Self { path, twice: self.twice }
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let at = self.below(format!("{}[{}]", self.path, list.len()));
            match items.next_element_seed(at)? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = match self.path.as_str() {
                "" => shown(&key),
                above => format!("{above}.{}", shown(&key)),
            };
            if object.contains_key(&key) {
                self.twice.borrow_mut().push(path.clone());
            }
            let value = entries.next_value_seed(self.below(path))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_serde_json_reads() {
        let text = r#"{"a": [1, -1, 1.5, "x\u00e4", true, null, {}], "b": {"c": []}, "": 18446744073709551615}"#;
        let (value, twice) = read(text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert!(twice.is_empty());
        for wrong in ["", "{", "{} {}", "[1,]", "{\"a\" 1}", "nul"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let deep = "[".repeat(10_000);
        assert!(read(&deep).is_err(), "and no stack overflows");
        assert_eq!(read("\u{feff}{}").unwrap().0, serde_json::json!({}));
    }

    #[test]
    fn every_key_that_is_there_twice_is_named_at_every_level() {
        let text = r#"{"a": 1, "\u0061": 2, "o": {"n": {"t": 1, "t": 1, "t": 1}}, "l": [{}, {"k": 1, "k": 1}],
            "c\n": 1, "c\n": 1}"#;
        assert_eq!(read(text).unwrap().1, ["a", "o.n.t", "o.n.t", "l[1].k", "c\\n"]);
    }
}
