//! One spelling of an address, whoever wrote it. Pure.
//!
//! FRR and libyang write what is in `::/96` with an embedded IPv4 address (`::0.5.0.0/112`), others do not
//! (`::5:0/112`). A tree holds Rust's spelling, so that equal values are equal texts.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::Ipv6Net;

/// An address, or a prefix, in the one spelling that trees hold. Any other text stays as it is.
pub fn plain_address(text: &str) -> Cow<'_, str> {
    if !text.contains(':') {
        return text.into();
    }
    let plain = match text.contains('/') {
        true => text.parse::<Ipv6Net>().map(|net| net.to_string()).ok(),
        false => text.parse::<Ipv6Addr>().map(|address| address.to_string()).ok(),
    };
    match plain {
        Some(plain) if plain != text => plain.into(),
        _ => text.into(),
    }
}

/// [`plain_address`] for each word of a line that a daemon wrote.
pub fn plain_line(line: &str) -> Cow<'_, str> {
    // A daemon has one spelling of each address, and only this one differs.
    let embedded = |word: &str| word.contains(':') && word.contains('.');
    if !line.contains("::") || !line.split(' ').any(embedded) {
        return line.into();
    }
    let words = line.split(' ').map(|word| match embedded(word) {
        true => plain_address(word),
        false => word.into(),
    });
    words.collect::<Vec<_>>().join(" ").into()
}

/// Whether two texts are the same address.
pub fn is_same_address(one: &str, other: &str) -> bool {
    match (one.parse::<IpAddr>(), other.parse::<IpAddr>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// An AS number in any of FRR's notations (RFC 5396): `65536` (plain), `1.0` (dot, dot+), `0.65000` (dot+).
pub fn as_number(text: &str) -> Option<u32> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        None => text.parse().ok().filter(|_| digits(text)),
        Some((high, low)) if digits(high) && digits(low) => {
            Some(u32::from(high.parse::<u16>().ok()?) << 16 | u32::from(low.parse::<u16>().ok()?))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for (text, plain) in [
            ("::0.5.0.0/112", "::5:0/112"),
            ("::0.5.0.0", "::5:0"),
            ("::1.2.3.4/128", "::102:304/128"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("::", "::"),
            ("::/0", "::/0"),
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("65000:1", "65000:1"),
            ("::0.5.0.0/129", "::0.5.0.0/129"),
            ("a ::0.5.0.0", "a ::0.5.0.0"),
            ("", ""),
        ] {
            assert_eq!(plain_address(text), plain);
        }
    }

    #[test]
    fn a_line_is_read_word_by_word() {
        let line = "neighbor ::0.5.0.0 update-source ::0.7.0.1";
        assert_eq!(plain_line(line), "neighbor ::5:0 update-source ::7:1");
        for same in ["neighbor 10.0.0.1 description a::b  c.", "network ::/0", ""] {
            assert_eq!(plain_line(same), same);
        }
    }

    #[test]
    fn addresses_are_compared_as_addresses() {
        assert!(is_same_address("::0.5.0.0", "::5:0"));
        assert!(is_same_address("", ""));
        assert!(!is_same_address("::0.5.0.0", "::5:1"));
    }
}
