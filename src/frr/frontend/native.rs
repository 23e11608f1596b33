//! Native messages: fixed layouts in the host's byte order. Pure.
//!
//! A header of 24 bytes (`code, 0, split, session, request`), a fixed part of
//! eight bytes, then strings that end in NUL. `split` is the length of the first
//! string where there are two.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    error::MessageError,
    message::{Action, Datastore, Edit, Format, Generation, Get, Message, Reply},
};

const HEADER_LEN: usize = 24;
const FIXED_LEN: usize = 8;

/// Message codes; FRR keeps them for ever.
mod code {
    pub const ERROR: u16 = 0;
    pub const TREE_DATA: u16 = 2;
    pub const GET_DATA: u16 = 3;
    pub const NOTIFY: u16 = 4;
    pub const EDIT: u16 = 5;
    pub const EDIT_REPLY: u16 = 6;
    pub const RPC: u16 = 7;
    pub const RPC_REPLY: u16 = 8;
    pub const SESSION_REQ: u16 = 10;
    pub const SESSION_REPLY: u16 = 11;
    pub const LOCK: u16 = 19;
    pub const LOCK_REPLY: u16 = 20;
    pub const COMMIT: u16 = 21;
    pub const COMMIT_REPLY: u16 = 22;
}

fn build(
    code: u16,
    split: usize,
    session: u64,
    req_id: u64,
    fixed: &[u8],
    data: &[&[u8]],
) -> Bytes {
    debug_assert!(fixed.len() <= FIXED_LEN);
    let len = HEADER_LEN + FIXED_LEN + data.iter().map(|part| part.len()).sum::<usize>();
    let mut out = BytesMut::with_capacity(len);
    out.put_slice(&code.to_ne_bytes());
    out.put_slice(&0u16.to_ne_bytes());
    // A split that does not fit makes a frame beyond the codec's limit anyway.
    out.put_slice(&u32::try_from(split).unwrap_or(u32::MAX).to_ne_bytes());
    out.put_slice(&session.to_ne_bytes());
    out.put_slice(&req_id.to_ne_bytes());
    out.put_slice(fixed);
    out.put_bytes(0, FIXED_LEN - fixed.len());
    for part in data {
        out.put_slice(part);
    }
    out.freeze()
}

pub(super) fn session_open(req_id: u64, client: &str) -> Bytes {
    build(code::SESSION_REQ, 0, 0, req_id, &[], &[client.as_bytes(), b"\0"])
}

/// An edit that no daemon can execute: without path and data, of the datastore
/// that is the candidate from 10.4 on. 10.3 refuses the datastore before it looks
/// at the rest, later ones miss the rest. Neither changes or locks anything.
pub(super) fn probe(session: u64, req_id: u64) -> Bytes {
    let candidate = Datastore::Candidate.native_number(Generation::Native);
    let fixed = [Format::Json as u8, 0, candidate, super::message::Operation::Remove as u8];
    build(code::EDIT, 0, session, req_id, &fixed, &[])
}

/// How 10.3, and only 10.3, answers [`probe`].
pub(super) const PROBE_ANSWER_OF_10_3: &str = "Unsupported datastore";

pub(super) fn get(generation: Generation, session: u64, req_id: u64, get: &Get) -> Bytes {
    const EXACT: u8 = 4;
    let flags = get.content as u8 | if get.exact { EXACT } else { 0 };
    let datastore = get.datastore.native_number(generation);
    let fixed = [get.format as u8, flags, get.defaults as u8, datastore];
    build(code::GET_DATA, 0, session, req_id, &fixed, &[get.xpath.as_bytes(), b"\0"])
}

pub(super) fn edit(generation: Generation, session: u64, req_id: u64, edit: &Edit) -> Bytes {
    let datastore = Datastore::Candidate.native_number(generation);
    let fixed = [edit.format as u8, 0, datastore, edit.operation as u8];
    let data: [&[u8]; 4] = [edit.xpath.as_bytes(), b"\0", edit.data.as_bytes(), b"\0"];
    build(code::EDIT, edit.xpath.len() + 1, session, req_id, &fixed, &data)
}

/// A YANG RPC. The input starts with the RPC's own node; the answer comes in its format.
pub(super) fn rpc(session: u64, req_id: u64, xpath: &str, format: Format, input: &str) -> Bytes {
    let data: [&[u8]; 4] = [xpath.as_bytes(), b"\0", input.as_bytes(), b"\0"];
    build(code::RPC, xpath.len() + 1, session, req_id, &[format as u8], &data)
}

pub(super) fn lock(session: u64, req_id: u64, datastore: Datastore, lock: bool) -> Bytes {
    let fixed = [datastore.native_number(Generation::Native), u8::from(lock)];
    build(code::LOCK, 0, session, req_id, &fixed, &[])
}

pub(super) fn commit(session: u64, req_id: u64, action: Action) -> Bytes {
    let source = Datastore::Candidate.native_number(Generation::Native);
    let target = Datastore::Running.native_number(Generation::Native);
    build(code::COMMIT, 0, session, req_id, &[source, target, action as u8, 0], &[])
}

/// Text up to its NUL, whatever its bytes are.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

pub(super) fn parse(body: &[u8]) -> Result<Message, MessageError> {
    let short = || MessageError::Short { len: body.len() };
    let (header, rest) = body.split_first_chunk::<HEADER_LEN>().ok_or_else(short)?;
    let (fixed, data) = rest.split_first_chunk::<FIXED_LEN>().ok_or_else(short)?;
    let [c0, c1, _, _, v0, v1, v2, v3, ids @ ..] = *header;
    let [s0, s1, s2, s3, s4, s5, s6, s7, r0, r1, r2, r3, r4, r5, r6, r7] = ids;
    let split = u32::from_ne_bytes([v0, v1, v2, v3]);
    if usize::try_from(split).map_or(true, |split| split > data.len()) {
        return Err(MessageError::Split { split, len: data.len() });
    }
    let [f0, f1, f2, ..] = *fixed;
    let reply = match u16::from_ne_bytes([c0, c1]) {
        code::ERROR => Reply::Error {
            // 10.3 sends -EINVAL, newer ones sometimes EBUSY: the sign says nothing.
            errno: Some(i32::from(i16::from_ne_bytes([f0, f1])).abs()),
            message: text(data),
        },
        code::TREE_DATA => {
            Reply::Tree { partial_error: i8::from_ne_bytes([f0]), more: f2 != 0, data: text(data) }
        }
        code::EDIT_REPLY => Reply::Edited,
        code::RPC_REPLY => Reply::Rpc { output: text(data) },
        code::SESSION_REPLY => Reply::Session { created: f0 != 0 },
        code::LOCK_REPLY => Reply::Lock,
        code::COMMIT_REPLY => {
            let info = text(data);
            Reply::Commit { info: (!info.is_empty()).then_some(info) }
        }
        code::NOTIFY => Reply::Notify,
        other => Reply::Other(other),
    };
    Ok(Message {
        session: u64::from_ne_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
        req_id: u64::from_ne_bytes([r0, r1, r2, r3, r4, r5, r6, r7]),
        reply,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_split_outside_the_message_is_refused() {
        let mut body = build(code::EDIT_REPLY, 0, 1, 1, &[], &[b"/x\0"]).to_vec();
        body[4..8].copy_from_slice(&4u32.to_ne_bytes());
        assert!(matches!(parse(&body), Err(MessageError::Split { split: 4, len: 3 })));
    }

    #[test]
    fn a_message_without_its_fixed_part_is_refused() {
        assert!(matches!(parse(&[0; HEADER_LEN + FIXED_LEN - 1]), Err(MessageError::Short { .. })));
        assert!(parse(&[0; HEADER_LEN + FIXED_LEN]).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail_but_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            let _ = parse(&bytes);
        }
    }
}
