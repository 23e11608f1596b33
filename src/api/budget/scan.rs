//! What a request will cost, and whose it says it is, while it arrives. Pure.
//!
//! A decoded message takes many times its bytes: two bytes can be an element of a list. So elements are counted before
//! they are decoded. All requests that carry a token have `owner` as field 1 and `token` as field 2, and libraries send
//! fields in the order of their numbers: who asks is known before the bulk has come.

/// Memory of one element of a list of changes, decoded and as a value of the model.
const ELEMENT: usize = 512;

/// An element of so many bytes is paid for with [`ELEMENT`].
const USUAL: usize = 128;

/// Longest owner or token that is looked at.
const MAX_TEXT: usize = 1024;

/// One request's body, up to where it has come.
#[derive(Debug)]
pub(super) struct Scan {
    /// What each byte beyond [`USUAL`] can take.
    per_byte: usize,
    at: At,
    /// Bytes of the message that are to come.
    left: usize,
    cost: usize,
    texts: [Option<Vec<u8>>; 2],
}

#[derive(Debug, Clone, Copy)]
enum At {
    /// In the five bytes before each message; so many have come, and its length as far as that.
    Prefix(u8, u32),
    /// In a number: a field's key, or what follows one.
    Number(Number, u32, u64),
    /// In a value of so many bytes more; whether it is one of the texts.
    Value(usize, Option<usize>),
    /// What comes is no message.
    Wrong,
}

/// What a number is.
#[derive(Debug, Clone, Copy)]
enum Number {
    Key,
    Value,
    /// The length of the value of this field.
    Length(u64),
}

impl Default for At {
    fn default() -> Self {
        Self::Prefix(0, 0)
    }
}

const KEY: At = At::Number(Number::Key, 0, 0);

impl Scan {
    pub(super) fn new(per_byte: usize) -> Self {
        Self { per_byte, at: At::default(), left: 0, cost: 0, texts: [None, None] }
    }

    /// Takes what came; returns what more it costs, the bytes themselves included.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> usize {
        let before = self.cost;
        self.cost += bytes.len();
        let mut rest = bytes;
        while let Some(byte) = rest.first().copied() {
            if let At::Wrong = self.at {
                self.cost += rest.len() * self.per_byte;
                break;
            }
            if let At::Value(left, text) = self.at {
                let count = left.min(rest.len());
                if let Some(text) = text.and_then(|text| self.texts[text].as_mut()) {
                    text.extend_from_slice(&rest[..count]);
                }
                rest = &rest[count..];
                self.left -= count;
                self.at = if count == left { KEY } else { At::Value(left - count, text) };
            } else {
                rest = &rest[1..];
                self.byte(byte);
            }
            let between = matches!(self.at, At::Number(Number::Key, 0, _) | At::Value(0, _));
            if between && self.left == 0 {
                self.at = At::default();
            }
        }
        self.cost - before
    }

    /// Owner and token, once both have come.
    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        let whole = !matches!(self.at, At::Value(1.., Some(_)));
        let text = |at: usize| str::from_utf8(self.texts[at].as_deref()?).ok();
        whole.then_some((text(0)?, text(1)?))
    }

    fn byte(&mut self, byte: u8) {
        if let At::Prefix(seen, length) = self.at {
            let length = if seen == 0 { 0 } else { length << 8 | u32::from(byte) };
            self.at = match seen {
                4 => {
                    self.left = length as usize;
                    KEY
                }
                _ => At::Prefix(seen + 1, length),
            };
            return;
        }
        let At::Number(what, shift, value) = self.at else { return };
        let Some(left) = self.left.checked_sub(1).filter(|_| shift < 64) else {
            self.at = At::Wrong;
            return;
        };
        self.left = left;
        let value = value | u64::from(byte & 0x7f) << shift;
        if byte & 0x80 != 0 {
            self.at = At::Number(what, shift + 7, value);
            return;
        }
        self.at = match what {
            Number::Value => KEY,
            Number::Key => match value & 7 {
                0 => At::Number(Number::Value, 0, 0),
                1 => self.value(8, None),
                2 => At::Number(Number::Length(value >> 3), 0, 0),
                5 => self.value(4, None),
                _ => At::Wrong,
            },
            Number::Length(field) => {
                let length = usize::try_from(value).unwrap_or(usize::MAX);
                self.cost += ELEMENT + length.saturating_sub(USUAL).min(self.left) * self.per_byte;
                let text = match field {
                    1 => Some(0),
                    2 => Some(1),
                    _ => None,
                };
                self.value(length, text.filter(|_| length <= MAX_TEXT))
            }
        };
    }

    /// A value of so many bytes, which have to be there.
    fn value(&mut self, length: usize, text: Option<usize>) -> At {
        if length > self.left {
            return At::Wrong;
        }
        if let Some(text) = text {
            self.texts[text] = Some(Vec::new());
        }
        if length == 0 { KEY } else { At::Value(length, text) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::proto::v1;

    fn framed(message: &impl Message) -> Vec<u8> {
        let body = message.encode_to_vec();
        let mut bytes = vec![0];
        bytes.extend((body.len() as u32).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn apply(changes: usize) -> v1::ApplyRequest {
        let changes = vec![v1::IntentChange::default(); changes];
        v1::ApplyRequest { owner: "edge".into(), token: "t".into(), changes, ..Default::default() }
    }

    #[test]
    fn who_asks_is_known_before_the_bulk_has_come() {
        let bytes = framed(&apply(10_000));
        let mut scan = Scan::new(12);
        scan.feed(&bytes[..5 + 2 + 4 + 2]);
        assert_eq!(scan.credentials(), None);
        scan.feed(&bytes[13..14]);
        assert_eq!(scan.credentials(), Some(("edge", "t")));
    }

    /// Two bytes for an element cost what the element takes.
    #[test]
    fn elements_cost_what_they_take_and_not_their_bytes() {
        let bytes = framed(&apply(10_000));
        let cost = Scan::new(12).feed(&bytes);
        let taken = 10_000 * size_of::<v1::IntentChange>();
        assert!(bytes.len() < 21_000 && cost > taken, "{cost} {taken}");
        let attributes =
            v1::PrefixAttributes { communities: vec![String::new(); 20_000], ..Default::default() };
        let request =
            v1::AdvertisePrefixRequest { attributes: Some(attributes), ..Default::default() };
        let cost = Scan::new(12).feed(&framed(&request));
        assert!(cost > 20_000 * size_of::<String>(), "{cost}");
    }

    proptest! {
        #[test]
        fn however_it_is_cut_it_costs_the_same(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            real in any::<bool>(),
            cuts in proptest::collection::vec(1..50_usize, 1..10),
        ) {
            let bytes = if real { framed(&apply(bytes.len())) } else { bytes };
            let whole = Scan::new(12).feed(&bytes);
            let (mut scan, mut at, mut cost) = (Scan::new(12), 0, 0);
            for cut in cuts.iter().cycle() {
                let chunk = &bytes[at..bytes.len().min(at + cut)];
                if chunk.is_empty() {
                    break;
                }
                cost += scan.feed(chunk);
                at += chunk.len();
            }
            prop_assert_eq!(cost, whole);
        }
    }
}
