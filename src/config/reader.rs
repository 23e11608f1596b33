//! Reads one JSON object key by key; keys that nobody asked for are errors. Pure.

use serde_json::{Map, Value};

use super::json::shown;
use crate::{
    fields::{Field, Message, Source, encoded},
    model::FieldErrors,
};

/// One object of the configuration and its path. What is wrong is pushed to the
/// errors; the caller goes on, so that all errors are found.
pub(super) struct Object {
    path: String,
    keys: Map<String, Value>,
    /// Keys that were asked for, to help whoever misspelt one.
    known: Vec<&'static str>,
}

impl Object {
    /// The object at a path; an empty one where there is none.
    pub(super) fn new(path: &str, value: Value, errors: &mut FieldErrors) -> Self {
        let keys = match value {
            Value::Object(keys) => keys,
            other => {
                let field = if path.is_empty() { "(file)" } else { path };
                errors.push(field, format_args!("is {}, not an object", kind(&other)));
                Map::new()
            }
        };
        Self { path: path.to_owned(), keys, known: vec![] }
    }

    /// The path of one of its keys.
    pub(super) fn path(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    /// Whether there is such a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(|value| !value.is_null())
    }

    /// Takes what a key has; `null` is the same as no key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.keys.remove(key).filter(|value| !value.is_null())
    }

    /// Takes an object; an empty one where there is no such key.
    pub(super) fn object(&mut self, key: &'static str, errors: &mut FieldErrors) -> Object {
        let value = self.take(key).unwrap_or_else(|| Value::Object(Map::new()));
        Object::new(&self.path(key), value, errors)
    }

    /// Takes a string.
    pub(super) fn string(&mut self, key: &'static str, errors: &mut FieldErrors) -> Option<String> {
        let value = self.take(key)?;
        string(self.path(key), value, errors)
    }

    /// Takes a string and parses it.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        errors: &mut FieldErrors,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.string(key, errors)?;
        errors.take(self.path(key), parse(&text))
    }

    /// Takes a whole number within a range.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        errors: &mut FieldErrors,
        range: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.take(key)?;
        number(self.path(key), &value, errors, range)
    }

    /// Takes true or false.
    pub(super) fn boolean(&mut self, key: &'static str, errors: &mut FieldErrors) -> Option<bool> {
        let value = self.take(key)?;
        boolean(self.path(key), &value, errors)
    }

    /// Takes a list of strings, each parsed; the path of one is `key[index]`.
    pub(super) fn list<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        errors: &mut FieldErrors,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let path = self.path(key);
        let values = match self.take(key) {
            None => return vec![],
            Some(Value::Array(values)) => values,
            Some(other) => {
                errors.push(path, format_args!("is {}, not a list", kind(&other)));
                return vec![];
            }
        };
        let parse_one = |(index, value): (usize, &Value)| {
            let path = format!("{path}[{index}]");
            match value.as_str() {
                Some(text) => errors.take(path, parse(text)),
                None => {
                    errors.push(path, format_args!("is {}, not a string", kind(value)));
                    None
                }
            }
        };
        values.iter().enumerate().filter_map(parse_one).collect()
    }

    /// Takes a list of objects; the path of one is `key[index]`.
    pub(super) fn objects(&mut self, key: &'static str, errors: &mut FieldErrors) -> Vec<Object> {
        let path = self.path(key);
        match self.take(key) {
            None => vec![],
            Some(Value::Array(values)) => {
                let object =
                    |(index, value)| Object::new(&format!("{path}[{index}]"), value, errors);
                values.into_iter().enumerate().map(object).collect()
            }
            Some(other) => {
                errors.push(path, format_args!("is {}, not a list", kind(&other)));
                vec![]
            }
        }
    }

    /// Takes every key that is left, for an object whose keys are names.
    pub(super) fn entries(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.keys)
    }

    /// Notes the keys that nobody asked for.
    pub(super) fn finish(self, errors: &mut FieldErrors) {
        for key in self.keys.keys() {
            errors.push(
                self.path(&shown(key)),
                format_args!("unknown key; known are {}", self.known.join(", ")),
            );
        }
    }
}

fn string(path: String, value: Value, errors: &mut FieldErrors) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        other => {
            errors.push(path, format_args!("is {}, not a string", kind(&other)));
            None
        }
    }
}

fn number(
    path: String,
    value: &Value,
    errors: &mut FieldErrors,
    range: std::ops::RangeInclusive<u64>,
) -> Option<u64> {
    let number = value.as_u64().filter(|number| range.contains(number));
    if number.is_none() {
        let is = match value {
            Value::Number(number) => number.to_string(),
            other => kind(other).to_owned(),
        };
        let (least, most) = range.into_inner();
        errors.push(path, format_args!("is {is}, not a whole number from {least} to {most}"));
    }
    number
}

fn boolean(path: String, value: &Value, errors: &mut FieldErrors) -> Option<bool> {
    if !value.is_boolean() {
        errors.push(path, format_args!("is {}, not true or false", kind(value)));
    }
    value.as_bool()
}

/// An object that has the fields of one of the contract's messages; its password is read otherwise.
pub(super) struct Fields<'a> {
    pub(super) object: &'a mut Object,
    pub(super) errors: &'a mut FieldErrors,
}

impl Source for Fields<'_> {
    type At = (String, Value);

    fn get(&mut self, field: &'static Field) -> Option<Self::At> {
        if field.name == "password" {
            return None;
        }
        let value = self.object.take(&field.name)?;
        Some((self.object.path(&field.name), value))
    }

    fn items(&mut self, (path, value): Self::At) -> Vec<Self::At> {
        match value {
            Value::Array(items) => {
                let item = |(at, item)| (format!("{path}[{at}]"), item);
                items.into_iter().enumerate().map(item).collect()
            }
            other => {
                self.errors.push(path, format_args!("is {}, not a list", kind(&other)));
                Vec::new()
            }
        }
    }

    fn text(&mut self, (path, value): Self::At) -> String {
        string(path, value, self.errors).unwrap_or_default()
    }

    fn number(&mut self, (path, value): Self::At) -> u32 {
        let number = number(path, &value, self.errors, 0..=u32::MAX.into()).unwrap_or_default();
        u32::try_from(number).expect("the range ends at u32::MAX")
    }

    fn flag(&mut self, (path, value): Self::At) -> bool {
        boolean(path, &value, self.errors).unwrap_or_default()
    }

    fn choice(&mut self, (path, value): Self::At, choices: &[(String, i32)]) -> i32 {
        let Some(text) = string(path.clone(), value, self.errors) else { return 0 };
        if let Some((_, number)) = choices.iter().find(|(name, _)| *name == text) {
            return *number;
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| &**name).collect();
        self.errors.push(path, format_args!("must be {}", names.join(" or ")));
        0
    }

    fn message(&mut self, (path, value): Self::At, message: &'static Message) -> Option<Vec<u8>> {
        let mut object = Object::new(&path, value, self.errors);
        let bytes = encoded(message, &mut Fields { object: &mut object, errors: self.errors });
        object.finish(self.errors);
        Some(bytes)
    }
}

/// What a value is. The value itself is never shown: it could be a token.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
