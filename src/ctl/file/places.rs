//! Where in a file each change of a request stands. Pure.

/// The places of a request's changes, in their order.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Name of the file.
    file: String,
    changes: Vec<Place>,
}

/// Where one change stands.
#[derive(Debug, Clone)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// Such as `intents[3]`.
    pub path: String,
}

/// What the agent calls a change, up to its number.
const CHANGE: &str = "changes[";

impl Places {
    /// Of a file.
    pub fn new(file: String) -> Self {
        Self { file, changes: Vec::new() }
    }

    /// Name of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Line and path of a change.
    pub fn of(&self, change: usize) -> Option<(usize, &str)> {
        self.changes.get(change).map(|place| (place.line, place.path.as_str()))
    }

    /// Adds the place of the next change.
    pub fn push(&mut self, place: Place) {
        self.changes.push(place);
    }

    /// The agent's words with each `changes[3].set` in them as the file has it:
    /// `FILE:LINE: intents[3]`.
    pub fn translate(&self, words: &str) -> String {
        let mut told = String::new();
        let mut rest = words;
        while let Some(start) = rest.find(CHANGE) {
            let (before, found) = rest.split_at(start);
            told.push_str(before);
            let number = &found[CHANGE.len()..];
            let end = number.find(']').unwrap_or_default();
            let place = number[..end].parse().ok().and_then(|index: usize| self.changes.get(index));
            match place {
                Some(Place { line, path }) => {
                    let after = &number[end + 1..];
                    let after = after.strip_prefix(".set").unwrap_or(after);
                    rest = after.strip_prefix(".remove").unwrap_or(after);
                    told.push_str(&format!("{}:{line}: {path}", self.file));
                }
                None => {
                    told.push_str(CHANGE);
                    rest = number;
                }
            }
        }
        told.push_str(rest);
        told
    }
}
