//! Clients that name a Unix socket in `:authority`, taken as they come. Pure.
//!
//! gRPC's libraries of C++, Python and Java put the socket's path there, percent-encoded
//! (`run%2Fnovaroute%2Fnovaroute.sock`). The crates below us take no percent sign in an authority and reset the stream.
//! A Unix socket needs no authority: so one that is not valid becomes `localhost`, and an empty one goes.
//!
//! It is in compressed header blocks, each of which depends on those before. A connection is passed on byte for
//! byte, and only followed, up to the first authority that is not valid. From there on each of its header blocks is
//! written anew, without compression, so that what the server behind knows of earlier ones does not matter. All else
//! (data, settings, windows) is passed on as it is, always.
//!
//! What is no HTTP/2 is passed on too, and the server behind says what is wrong with it; on a connection that is written
//! anew it is an error.

mod hpack;
mod huffman;

use bytes::Bytes;
use http::uri::Authority;

use self::hpack::{Decoder, Field};

/// What every client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length of a frame's header: length, type, flags, stream.
const FRAME: usize = 9;

/// Longest frame: we never announce more than the standard's least.
const MAX_FRAME: usize = 16 * 1024;

/// Longest header block with its frames: twice what a list of fields may have, whose limit the server behind holds.
const MAX_BLOCK: usize = 32 * 1024;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// The name of the field.
const NAME: &[u8] = b":authority";

/// What replaces an authority that is not valid, as gRPC's own name for a Unix socket.
const LOCALHOST: &[u8] = b"localhost";

/// A client does not speak HTTP/2, on a connection that can't be passed on as it is.
#[derive(Debug, thiserror::Error)]
#[error("not HTTP/2: {what}")]
pub struct NotHttp2 {
    what: &'static str,
}

/// One connection's bytes from its client.
#[derive(Debug, Default)]
pub struct Authorities {
    state: State,
    /// The beginning of a frame's header, or the frames of a header block, of which more is to come.
    held: Vec<u8>,
    decoder: Decoder,
    /// Whether header blocks are written anew.
    anew: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// So much of the preface has come.
    Preface(usize),
    /// At a frame's header, of which the beginning may be held.
    Frame,
    /// In a frame that is passed on; so much is to come.
    Passing(usize),
    /// What comes is not looked at.
    Blind,
}

impl Default for State {
    fn default() -> Self {
        Self::Preface(0)
    }
}

impl Authorities {
    /// Takes what came next. `None`: it is to be passed on as it is. Else what is to be passed on in its place, which may be
    /// nothing while a header block is not whole.
    ///
    /// # Errors
    /// The connection can't be passed on any further.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, NotHttp2> {
        // What has been decided of `bytes` up to `at`, where it differs from them.
        let mut out: Option<Vec<u8>> = (!self.held.is_empty()).then(Vec::new);
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.state {
                State::Blind => {
                    pass(&mut out, rest);
                    at = bytes.len();
                }
                State::Preface(seen) => {
                    let count = rest.len().min(PREFACE.len() - seen);
                    self.state = match PREFACE[seen..].starts_with(&rest[..count]) {
                        false => State::Blind,
                        true if seen + count == PREFACE.len() => State::Frame,
                        true => State::Preface(seen + count),
                    };
                    if !matches!(self.state, State::Blind) {
                        pass(&mut out, &rest[..count]);
                        at += count;
                    }
                }
                State::Passing(left) => {
                    let count = rest.len().min(left);
                    pass(&mut out, &rest[..count]);
                    at += count;
                    self.state =
                        if count == left { State::Frame } else { State::Passing(left - count) };
                }
                State::Frame => {
                    // From here on it is held until it is known what it is.
                    let out = out.get_or_insert_with(|| bytes[..at].to_vec());
                    at += self.frame(rest, out)?;
                }
            }
        }
        // Where nothing was changed, the bytes themselves are passed on.
        Ok(out.filter(|out| out != bytes))
    }

    /// Goes on with what is held and with `rest`; says how much of that is taken.
    fn frame(&mut self, rest: &[u8], out: &mut Vec<u8>) -> Result<usize, NotHttp2> {
        // The frame that is not whole begins behind those of its block that are.
        let begin = self.whole_frames();
        let wanted = |held: &[u8]| match held.get(begin..begin + FRAME) {
            None => begin + FRAME,
            Some(header) => begin + FRAME + length(header),
        };
        let mut taken = 0;
        // Twice: the header says how long the frame is.
        for _ in 0..2 {
            let count = wanted(&self.held).saturating_sub(self.held.len()).min(rest.len() - taken);
            self.held.extend_from_slice(&rest[taken..taken + count]);
            taken += count;
            let Some(header) = self.held.get(begin..begin + FRAME) else { return Ok(taken) };
            let (length, kind) = (length(header), header[3]);
            let expected = if begin == 0 { HEADERS } else { CONTINUATION };
            if kind != expected {
                if begin > 0 || kind == CONTINUATION {
                    return self.give_up("a header block is not whole", out).map(|()| taken);
                }
                // Any other frame is passed on.
                out.append(&mut self.held);
                self.state = if length == 0 { State::Frame } else { State::Passing(length) };
                return Ok(taken);
            }
            if length > MAX_FRAME || begin + FRAME + length > MAX_BLOCK {
                return self.give_up("a header block is too long", out).map(|()| taken);
            }
        }
        if self.held.len() < wanted(&self.held) {
            return Ok(taken);
        }
        if self.held[begin + 4] & END_HEADERS != 0 {
            self.block(out)?;
        }
        Ok(taken)
    }

    /// Length of the frames in `held` that are whole: of those of a header block all but the last.
    fn whole_frames(&self) -> usize {
        let mut at = 0;
        while let Some(header) = self.held.get(at..at + FRAME) {
            let end = at + FRAME + length(header);
            if end > self.held.len() || header[4] & END_HEADERS != 0 {
                break;
            }
            at = end;
        }
        at
    }

    /// Passes on the header block that is held, which is whole.
    fn block(&mut self, out: &mut Vec<u8>) -> Result<(), NotHttp2> {
        let Some((priority, block)) = fragment(&self.held) else {
            return self.give_up("the padding of a header block is longer than the block", out);
        };
        let Some(mut fields) = self.decoder.decode(&block) else {
            return self.give_up("a header block can't be decoded", out);
        };
        let odd =
            |(name, value): &Field| &name[..] == NAME && Authority::try_from(&value[..]).is_err();
        self.anew |= fields.iter().any(odd);
        if !self.anew {
            out.append(&mut self.held);
            return Ok(());
        }
        fields.retain(|field| !(odd(field) && field.1.is_empty()));
        for field in fields.iter_mut().filter(|field| odd(field)) {
            field.1 = Bytes::from_static(LOCALHOST);
        }
        let mut written = priority.to_vec();
        fields.iter().for_each(|field| hpack::encode(field, &mut written));
        let (flags, stream) = (self.held[4], &self.held[5..FRAME]);
        let frames = written.chunks(MAX_FRAME).count().max(1);
        for number in 0..frames {
            let part = written.chunks(MAX_FRAME).nth(number).unwrap_or_default();
            let last = if number + 1 == frames { END_HEADERS } else { 0 };
            let (kind, kept) = match number {
                0 => (HEADERS, flags & (END_STREAM | PRIORITY)),
                _ => (CONTINUATION, 0),
            };
            // Below 2^24: it is a chunk of MAX_FRAME at the most.
            out.extend_from_slice(&(part.len() as u32).to_be_bytes()[1..]);
            out.extend_from_slice(&[kind, kept | last]);
            out.extend_from_slice(stream);
            out.extend_from_slice(part);
        }
        self.held.clear();
        Ok(())
    }

    /// The client can't be followed any further.
    fn give_up(&mut self, what: &'static str, out: &mut Vec<u8>) -> Result<(), NotHttp2> {
        if self.anew {
            return Err(NotHttp2 { what });
        }
        self.state = State::Blind;
        out.append(&mut self.held);
        Ok(())
    }
}

fn pass(out: &mut Option<Vec<u8>>, bytes: &[u8]) {
    if let Some(out) = out {
        out.extend_from_slice(bytes);
    }
}

/// The length of a frame without its header.
fn length(header: &[u8]) -> usize {
    usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2])
}

/// The priority, where there is one, and the compressed block of these frames; `None` where padding leaves none.
fn fragment(frames: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let (mut at, mut priority, mut block) = (0, &frames[..0], Vec::new());
    while at < frames.len() {
        let (header, end) = (&frames[at..at + FRAME], at + FRAME + length(&frames[at..]));
        let mut payload = &frames[at + FRAME..end];
        if at == 0 {
            if header[4] & PADDED != 0 {
                let (padding, rest) = payload.split_first()?;
                payload = &rest[..rest.len().checked_sub(usize::from(*padding))?];
            }
            if header[4] & PRIORITY != 0 {
                (priority, payload) = payload.split_at_checked(5)?;
            }
        }
        block.extend_from_slice(payload);
        at = end;
    }
    Some((priority, block))
}

#[cfg(test)]
mod tests;
