//! What a request says of its changes beyond the objects themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    str::FromStr,
    sync::Arc,
};

use super::{IntentKey, ValueError, scalar::no_control_characters};

/// Where an owner has an intent from, in its own words: kept and given back, never looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(Arc<str>);

impl Source {
    /// Longest one in bytes: the name of an object in Kubernetes (RFC 1123 subdomain).
    pub const LONGEST: usize = 253;
}

impl FromStr for Source {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        no_control_characters(text)?;
        match text.len() {
            0 => Err(ValueError::new("is empty; leave it out")),
            length if length > Self::LONGEST => {
                Err(ValueError::new(format!("has {length} bytes, more than {}", Self::LONGEST)))
            }
            _ => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a request says of its changes beyond the objects themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// All else that the owner has goes, but for what is the node's and what the configuration declares.
    pub replace: bool,
    /// To remove what is not declared is no error.
    pub ignore_absent: bool,
    /// Peers that are set and keep the password that they have.
    pub keep_passwords: BTreeSet<IpAddr>,
    /// Where what is set comes from.
    pub sources: BTreeMap<IntentKey, Source>,
}

impl Extras {
    /// Whether what the request comes to depends on what is declared when it is decided.
    pub fn are_relative(&self) -> bool {
        self.replace || !self.keep_passwords.is_empty()
    }

    /// Whether to remove what is not declared is no error.
    pub fn forgive_absent(&self) -> bool {
        self.replace || self.ignore_absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_one_line_that_is_kept_as_it_is() {
        let longest = "a".repeat(Source::LONGEST);
        for text in ["routes/ns/name", "Straße 7", " x ", &longest] {
            assert_eq!(text.parse::<Source>().expect("a source").to_string(), text);
        }
        for text in ["", "a\nb", "\u{1b}[2J", &format!("{longest}a")] {
            assert!(text.parse::<Source>().is_err(), "{text:?}");
        }
    }
}
