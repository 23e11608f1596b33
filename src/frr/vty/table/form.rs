//! The forms that a variable's value may have, and its one spelling. Pure.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use crate::{
    model::Community,
    tree::{self, plain_address},
};

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Any,
    Ip,
    Number,
    Ipv4Net,
    Ipv6Net,
    Area,
    As,
    Ours,
    Name,
    Communities,
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Form {
    /// Whether a text has it.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Any | Self::Communities => true,
            Self::Ip => text.parse::<IpAddr>().is_ok(),
            // A sign is none: `set metric +5` adds.
            Self::Number => is_digits(text) && text.parse::<u64>().is_ok(),
            Self::Ipv4Net => text.parse::<ipnet::Ipv4Net>().is_ok(),
            Self::Ipv6Net => text.parse::<ipnet::Ipv6Net>().is_ok(),
            Self::Name => text != "*",
            Self::Ours => text.starts_with("NR-"),
            Self::Area => {
                text.parse::<Ipv4Addr>().is_ok() || is_digits(text) && text.parse::<u32>().is_ok()
            }
            Self::As => tree::as_number(text).is_some(),
        }
    }

    /// The one spelling of a value.
    pub(super) fn canonical(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Area => match text.parse::<u32>() {
                Ok(number) => Ipv4Addr::from(number).to_string().into(),
                Err(_) => text.into(),
            },
            Self::Ip | Self::Ipv6Net => plain_address(text),
            Self::Communities => communities(text).map_or(text.into(), Cow::Owned),
            Self::As if text.contains('.') => {
                tree::as_number(text).map_or(text.into(), |number| number.to_string().into())
            }
            Self::Any | Self::Number | Self::Ipv4Net | Self::Ours | Self::Name | Self::As => {
                text.into()
            }
        }
    }
}

/// Communities in the model's spelling and order; `None` where one of the words is none (`additive`).
fn communities(text: &str) -> Option<String> {
    let parsed = text.split_whitespace().map(str::parse::<Community>);
    let sorted: BTreeSet<Community> = parsed.collect::<Result<_, _>>().ok()?;
    Some(sorted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
}
