//! Small values that exist only valid.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
    sync::Arc,
};

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use super::ValueError;

/// An autonomous system number (RFC 6793), never 0 (RFC 7607).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AsNumber(u32);

impl AsNumber {
    /// The number itself.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for AsNumber {
    type Error = ValueError;

    fn try_from(number: u32) -> Result<Self, ValueError> {
        match number {
            0 => Err(ValueError::new("an AS number is 1 to 4294967295, not 0 (RFC 7607)")),
            number => Ok(Self(number)),
        }
    }
}

impl fmt::Display for AsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Longest owner name in bytes: it is a metric label and a column of a table.
const MAX_OWNER_NAME: usize = 64;

/// Name of an owner: lower or upper case letters, digits, `-`, `_` and `.`. A clone is a pointer: each intent has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerName(Arc<str>);

impl OwnerName {
    /// The owner that may touch what others own.
    pub const ADMIN: &'static str = "admin";

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this owner may touch what others own.
    pub fn is_admin(&self) -> bool {
        &*self.0 == Self::ADMIN
    }
}

impl FromStr for OwnerName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > MAX_OWNER_NAME || !text.chars().all(allowed) {
            return Err(ValueError::new(format!(
                "an owner name has 1 to {MAX_OWNER_NAME} letters, digits, '-', '_' or '.'"
            )));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An IP prefix without host bits, so that one prefix has one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(IpNet);

impl Prefix {
    /// The prefix as a network.
    pub fn net(self) -> IpNet {
        self.0
    }

    /// Whether it is a single address: /32 or /128.
    pub fn is_host(self) -> bool {
        self.0.prefix_len() == self.0.max_prefix_len()
    }

    /// Whether it is an IPv4 prefix.
    pub fn is_ipv4(self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }
}

impl TryFrom<IpNet> for Prefix {
    type Error = ValueError;

    fn try_from(net: IpNet) -> Result<Self, ValueError> {
        if net.addr() != net.network() {
            return Err(ValueError::new(format!(
                "{net} has host bits set; the prefix would be {}",
                net.trunc()
            )));
        }
        if let IpNet::V6(v6) = net
            && v6.addr().to_ipv4_mapped().is_some()
        {
            return Err(ValueError::new(format!(
                "{net} is IPv4-mapped; write it as an IPv4 prefix"
            )));
        }
        Ok(Self(net))
    }
}

impl FromStr for Prefix {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let net: IpNet = text.parse().map_err(|_| {
            ValueError::new(format!(
                "{} is not an IP prefix such as 10.0.0.1/32 or 2001:db8::/64",
                quote(text)
            ))
        })?;
        net.try_into()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Longest description in bytes: RFC 2863 gives an interface alias 64, operators
/// write sentences; FRR cuts a command at 4,096 and shows the text on every line of its tables.
const MAX_DESCRIPTION: usize = 255;

/// One line of text that FRR gives back as it got it.
///
/// Runs of blanks become one, as in FRR's own parser. Control characters are
/// refused, since a NUL or newline would end the command; `| ` is refused, since FRR takes
/// what follows for an output filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Description {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        one_line(text, MAX_DESCRIPTION).map(Self)
    }
}

/// A text of at most `most` bytes that ends a line of FRR's.
pub(super) fn one_line(text: &str, most: usize) -> Result<String, ValueError> {
    no_control_characters(text)?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return Err(ValueError::new("is blank; leave it empty for none"));
    }
    if text.len() > most {
        return Err(ValueError::new(format!("has {} bytes, more than {most}", text.len())));
    }
    if text.contains("| ") {
        return Err(ValueError::new(
            "contains '| ', which FRR takes for an output filter; write it without the blank",
        ));
    }
    Ok(text)
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longest TCP MD5 key of the Linux kernel (`TCP_MD5SIG_MAXKEYLEN`) in bytes.
const MAX_PASSWORD: usize = 80;

/// A TCP MD5 key (RFC 2385): one word that is never printed.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// The key itself: for the daemon that needs it, nobody else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl FromStr for Password {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        // No part of the value may stand in these errors.
        if text.is_empty() || text.len() > MAX_PASSWORD {
            return Err(ValueError::new(format!("a password has 1 to {MAX_PASSWORD} bytes")));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ValueError::new(
                "a password is one word of printable ASCII characters without blanks",
            ));
        }
        Ok(Self(text.to_owned().into()))
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// Name of a Linux network interface: at most 15 bytes (`IFNAMSIZ` less the NUL).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName([u8; InterfaceName::LONGEST]);

impl InterfaceName {
    const LONGEST: usize = 15;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::LONGEST);
        std::str::from_utf8(&self.0[..end]).expect("only printable ASCII is ever stored")
    }
}

impl FromStr for InterfaceName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        // A quote would end the name in a data path; `*` is what bfdd calls no interface.
        let allowed = |c: u8| c.is_ascii_graphic() && !b"/|'\"*".contains(&c);
        if text.is_empty()
            || text.len() > Self::LONGEST
            || !text.bytes().all(allowed)
            || text == "."
        {
            return Err(ValueError::new(format!(
                "{} is not an interface name, which has 1 to 15 printable ASCII characters, no blank, \
                 quote, '/', '|' or '*'",
                quote(text)
            )));
        }
        let mut name = [0; Self::LONGEST];
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(name))
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Name of a BFD profile. As short as an interface's: it is part of a key, of which the agent has thousands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName([u8; ProfileName::LONGEST]);

impl ProfileName {
    const LONGEST: usize = 15;

    /// What the names of the agent's own profiles begin with.
    const RESERVED: &str = "NR-";

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::LONGEST);
        std::str::from_utf8(&self.0[..end]).expect("only printable ASCII is ever stored")
    }
}

impl FromStr for ProfileName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        if text.len() > Self::LONGEST
            || !text.bytes().all(allowed)
            || !text.starts_with(|first: char| first.is_ascii_alphanumeric())
        {
            return Err(ValueError::new(format!(
                "{} is not the name of a BFD profile, which has 1 to 15 letters, digits, '-', '_' and '.', the first a \
                 letter or digit",
                quote(text)
            )));
        }
        if text.starts_with(Self::RESERVED) {
            let reason = format!("begins with {}, as the agent's own profiles do", Self::RESERVED);
            return Err(ValueError::new(reason));
        }
        let mut name = [0; Self::LONGEST];
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(name))
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Parses an address that a neighbour or a next hop can have.
///
/// # Errors
/// Not an address, or one that is unspecified, multicast, broadcast or IPv4-mapped.
pub(super) fn unicast_address(text: &str) -> Result<IpAddr, ValueError> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| ValueError::new(format!("{} is not an IPv4 or IPv6 address", quote(text))))?;
    let bad = match address {
        IpAddr::V4(v4) => v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast() || v6.to_ipv4_mapped().is_some(),
    };
    if bad {
        return Err(ValueError::new(format!("{address} is not a unicast address")));
    }
    Ok(address)
}

/// Parses a BGP identifier (RFC 6286).
///
/// # Errors
/// Not a dotted quad, or 0.0.0.0.
pub fn router_id(text: &str) -> Result<Ipv4Addr, ValueError> {
    let id = text.parse::<Ipv4Addr>().ok().filter(|id| !id.is_unspecified());
    id.ok_or_else(|| {
        let shown = quote(text);
        ValueError::new(match text.split_once('/') {
            Some((address, _)) if address.parse::<Ipv4Addr>().is_ok() => format!(
                "{shown} is a prefix; a router-id is a dotted quad alone, such as {address}"
            ),
            _ => format!("{shown} is not a dotted quad such as 10.0.0.1 (and not 0.0.0.0)"),
        })
    })
}

/// Refuses NUL, CR, LF, TAB and every other control character.
///
/// # Errors
/// Where the first one stands; the text itself is not repeated.
pub(super) fn no_control_characters(text: &str) -> Result<(), ValueError> {
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(ValueError::new(format!(
            "has the control character U+{:04X} at byte {at}",
            c as u32
        ))),
        None => Ok(()),
    }
}

/// Most characters of a client's text that an error repeats.
const QUOTED: usize = 60;

/// A client's text for an error message: escaped, and cut where it is long.
pub(super) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(QUOTED).flat_map(char::escape_default).collect();
    if text.chars().nth(QUOTED).is_some() {
        quoted.push('…');
    }
    format!("\"{quoted}\"")
}
