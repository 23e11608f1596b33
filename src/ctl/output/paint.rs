//! Lines of a difference, coloured where colours are wanted.

use super::{Colour, text};

/// What a line of a difference says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Comes to be.
    Added,
    /// Goes.
    Removed,
    /// Becomes something else.
    Changed,
}

impl Sign {
    /// Of what is before and after; none where there is nothing.
    pub fn of(before: bool, after: bool) -> Option<Self> {
        match (before, after) {
            (false, true) => Some(Self::Added),
            (true, false) => Some(Self::Removed),
            (true, true) => Some(Self::Changed),
            (false, false) => None,
        }
    }

    /// A line with the sign before it and its line feed. The text is made safe for a terminal
    /// here, as what comes behind it would undo colours.
    pub fn line(self, indent: &str, text: &str, colour: Colour) -> String {
        let (sign, sgr) = match self {
            Self::Added => ('+', 32),
            Self::Removed => ('-', 31),
            Self::Changed => ('~', 33),
        };
        let text = text::printable(text);
        match colour {
            Colour::None => format!("{indent}{sign} {text}\n"),
            Colour::Ansi => format!("{indent}\u{1b}[{sgr}m{sign} {text}\u{1b}[39m\n"),
        }
    }
}
