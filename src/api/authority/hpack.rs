//! Header blocks of HTTP/2 (RFC 7541), read; and written in the plainest way. Pure.

use std::collections::VecDeque;

use bytes::Bytes;

use super::huffman;

/// Size of the dynamic table. We never announce another, so that none of a client's is larger.
const TABLE: usize = 4096;

/// What an entry of a table, or of a list of fields, takes beside its text.
const OVERHEAD: usize = 32;

/// Most that is read of one list of fields: far more than the server behind takes, which refuses it.
const MAX_LIST: usize = 32 * 1024;

/// A name and its value.
pub(super) type Field = (Bytes, Bytes);

/// The table that both ends know from the beginning.
#[rustfmt::skip]
pub(super) const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

/// What one client's header blocks have left for the next.
#[derive(Debug)]
pub(super) struct Decoder {
    /// The newest first.
    table: VecDeque<Field>,
    size: usize,
    max: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { table: VecDeque::new(), size: 0, max: TABLE }
    }
}

impl Decoder {
    /// The fields of a block, up to [`MAX_LIST`]; `None` where it is none, and then nothing can be said of any later one.
    pub(super) fn decode(&mut self, block: &[u8]) -> Option<Vec<Field>> {
        let (mut rest, mut fields, mut list) = (block, Vec::with_capacity(12), 0);
        while let Some(first) = rest.first().copied() {
            let field = if first & 0x80 != 0 {
                self.entry(integer(&mut rest, 7)?)?
            } else if first & 0xe0 == 0x20 {
                let max = integer(&mut rest, 5)?;
                if max > TABLE || !fields.is_empty() {
                    return None;
                }
                self.max = max;
                self.shrink(max);
                continue;
            } else {
                let (indexed, bits) = if first & 0x40 != 0 { (true, 6) } else { (false, 4) };
                let name = match integer(&mut rest, bits)? {
                    0 => text(&mut rest)?,
                    index => self.entry(index)?.0,
                };
                let field = (name, text(&mut rest)?);
                if indexed {
                    self.insert(field.clone());
                }
                field
            };
            list += size(&field);
            if list <= MAX_LIST {
                fields.push(field);
            }
        }
        Some(fields)
    }

    fn entry(&self, index: usize) -> Option<Field> {
        let index = index.checked_sub(1)?;
        match STATIC.get(index) {
            Some((name, value)) => {
                Some((Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes())))
            }
            None => self.table.get(index - STATIC.len()).cloned(),
        }
    }

    fn insert(&mut self, field: Field) {
        let size = size(&field);
        self.shrink(self.max.saturating_sub(size));
        // One that is larger than the table empties it.
        if size <= self.max {
            self.size += size;
            self.table.push_front(field);
        }
    }

    fn shrink(&mut self, to: usize) {
        while self.size > to
            && let Some(oldest) = self.table.pop_back()
        {
            self.size -= size(&oldest);
        }
    }
}

fn size((name, value): &Field) -> usize {
    name.len() + value.len() + OVERHEAD
}

/// An integer whose first byte has so many bits of it.
fn integer(rest: &mut &[u8], bits: u32) -> Option<usize> {
    let mask = (1_usize << bits) - 1;
    let first = usize::from(take(rest, 1)?[0]) & mask;
    if first < mask {
        return Some(first);
    }
    let mut value = mask;
    // 28 bits are more than any block has bytes.
    for shift in [0, 7, 14, 21] {
        let byte = usize::from(take(rest, 1)?[0]);
        value += (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn text(rest: &mut &[u8]) -> Option<Bytes> {
    let coded = rest.first()? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let bytes = take(rest, length)?;
    if !coded {
        return Some(Bytes::copy_from_slice(bytes));
    }
    let mut text = Vec::with_capacity(length * 8 / 5);
    huffman::decode(bytes, &mut text)?;
    Some(text.into())
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

/// Adds a field that needs no table and leaves none, after those in `block`.
pub(super) fn encode((name, value): &Field, block: &mut Vec<u8>) {
    block.push(0);
    for text in [name, value] {
        let mut length = text.len();
        if length < 0x7f {
            block.push(length as u8);
        } else {
            block.push(0x7f);
            length -= 0x7f;
            while length >= 0x80 {
                block.push(length as u8 | 0x80);
                length >>= 7;
            }
            block.push(length as u8);
        }
        block.extend_from_slice(text);
    }
}
