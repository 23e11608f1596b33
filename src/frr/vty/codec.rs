//! The bytes of FRR's VTY protocol. Sans-IO: no socket, no clock.
//!
//! A request is the command and one NUL. A reply is text, three NULs and one byte:
//! the return code. Replies come in the order of the requests; several may arrive in
//! one read, and one may arrive in many.

use std::{fmt, io};

use tokio_util::{
    bytes::{Buf, BufMut, BytesMut},
    codec::{Decoder, Encoder},
};

use super::redact;

/// Longest command in bytes: FRR's buffer for one (`VTY_BUFSIZ`) has 4,096 with the NUL.
pub const MAX_COMMAND: usize = 4095;

/// Largest reply in bytes. A running configuration takes 25 bytes a prefix, thus 25 MB
/// for a million of them; and the guide gives the agent's container 128 MiB.
pub const MAX_REPLY: usize = 64 << 20;

/// From this many bytes on a reply takes the buffer in which it was read.
const LARGE: usize = 256 << 10;

/// Three NULs end the text of a reply; the return code follows.
const TERMINATOR: [u8; 3] = [0; 3];

/// How FRR classes the outcome of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReturnCode {
    /// 0: done.
    Ok,
    /// 1: FRR has a remark. Some commands were executed all the same, others were not:
    /// only reading back tells.
    Warning,
    /// 2: no such command, or not here.
    NoMatch,
    /// 3: several commands begin like this.
    Ambiguous,
    /// 4: words are missing.
    Incomplete,
    /// 13: understood and refused; nothing changed.
    ConfigurationFailed,
    /// Another code of FRR's `command.h`.
    Other(u8),
}

impl From<u8> for ReturnCode {
    fn from(code: u8) -> Self {
        match code {
            0 => Self::Ok,
            1 => Self::Warning,
            2 => Self::NoMatch,
            3 => Self::Ambiguous,
            4 => Self::Incomplete,
            13 => Self::ConfigurationFailed,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Warning => f.write_str("warning"),
            Self::NoMatch => f.write_str("no such command"),
            Self::Ambiguous => f.write_str("ambiguous command"),
            Self::Incomplete => f.write_str("incomplete command"),
            Self::ConfigurationFailed => f.write_str("configuration failed"),
            Self::Other(code) => write!(f, "return code {code}"),
        }
    }
}

/// What a daemon answered to one command.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// How FRR classes the outcome.
    pub code: ReturnCode,
    /// FRR's words as it sent them: may hold passwords, see [`Reply::message`].
    pub text: String,
}

impl Reply {
    /// Whether the command was executed without a remark.
    pub fn is_ok(&self) -> bool {
        self.code == ReturnCode::Ok
    }

    /// FRR's words on one line and without secrets, for an error message or a log line.
    pub fn message(&self) -> String {
        let clean = redact(&self.text);
        clean
            .lines()
            .map(|line| line.trim().trim_start_matches("% "))
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = redact(&self.text);
        f.debug_struct("Reply").field("code", &self.code).field("text", &text).finish()
    }
}

/// Why a command must not reach a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A NUL would end the command and begin a second one; no other control character
    /// has a place in a command either.
    #[error("has the control character U+{character:04X} at byte {at}")]
    ControlCharacter {
        /// The character.
        character: u32,
        /// Where, in bytes.
        at: usize,
    },
    /// Longer than FRR's buffer.
    #[error("has {length} bytes, more than {MAX_COMMAND}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
}

impl CommandError {
    /// Checks a command without sending it.
    ///
    /// # Errors
    /// Why it can't be sent.
    pub fn check(command: &str) -> Result<(), Self> {
        if command.len() > MAX_COMMAND {
            return Err(Self::TooLong { length: command.len() });
        }
        match command.char_indices().find(|(_, c)| c.is_control()) {
            Some((at, c)) => Err(Self::ControlCharacter { character: c.into(), at }),
            None => Ok(()),
        }
    }
}

/// Why bytes are no reply, or a command is none.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The command must not be sent.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// More bytes without an end than any reply has.
    #[error("a reply of more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A NUL that is not part of a terminator.
    #[error("a stray NUL at byte {at} of the reply")]
    StrayNul {
        /// Where, in bytes.
        at: usize,
    },
    /// A reply without a command.
    #[error("bytes that no command asked for")]
    Unsolicited,
    /// Only there because [`Decoder`] asks for it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Encoder of commands and decoder of replies, for one connection.
#[derive(Debug)]
pub struct VtyCodec {
    /// Bytes at the front of the buffer that are known to hold no NUL, so that a reply
    /// of megabytes is searched once.
    searched: usize,
    limit: usize,
}

impl Default for VtyCodec {
    fn default() -> Self {
        Self::with_limit(MAX_REPLY)
    }
}

impl VtyCodec {
    /// A codec that refuses replies of more than `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self { searched: 0, limit }
    }
}

impl Decoder for VtyCodec {
    type Item = Reply;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Reply>, CodecError> {
        let text = match source[self.searched..].iter().position(|byte| *byte == 0) {
            Some(nul) => self.searched + nul,
            None => source.len(),
        };
        self.searched = text;
        if text > self.limit {
            return Err(CodecError::TooLarge { limit: self.limit });
        }
        let end = &source[text..];
        let complete = end.len() > TERMINATOR.len();
        if !TERMINATOR.starts_with(&end[..end.len().min(TERMINATOR.len())]) {
            return Err(CodecError::StrayNul { at: text });
        }
        if !complete {
            return Ok(None);
        }
        let code = end[TERMINATOR.len()].into();
        let length = text + TERMINATOR.len() + 1;
        // The last of what is there takes the buffer with it: a table of 100,000 routes is not there twice.
        let bytes = if source.len() == length && length > LARGE {
            let mut bytes = Vec::from(std::mem::take(source));
            bytes.truncate(text);
            bytes
        } else {
            let bytes = source[..text].to_vec();
            source.advance(length);
            bytes
        };
        self.searched = 0;
        // FRR does not promise UTF-8, and may cut a description inside a character.
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Ok(Some(Reply { code, text }))
    }
}

impl Encoder<&str> for VtyCodec {
    type Error = CodecError;

    fn encode(&mut self, command: &str, target: &mut BytesMut) -> Result<(), CodecError> {
        CommandError::check(command)?;
        target.reserve(command.len() + 1);
        target.put_slice(command.as_bytes());
        target.put_u8(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn wire(replies: &[(String, u8)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (text, code) in replies {
            bytes.extend(text.as_bytes());
            bytes.extend([0, 0, 0, *code]);
        }
        bytes
    }

    fn decode_in(chunks: impl IntoIterator<Item = Vec<u8>>) -> Vec<(String, ReturnCode)> {
        let (mut codec, mut buffer, mut replies) = (VtyCodec::default(), BytesMut::new(), vec![]);
        for chunk in chunks {
            buffer.extend_from_slice(&chunk);
            while let Some(reply) = codec.decode(&mut buffer).unwrap() {
                replies.push((reply.text, reply.code));
            }
        }
        assert!(buffer.is_empty());
        replies
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_replies(
            replies in vec(("[^\0]{0,40}", any::<u8>()), 0..8),
            sizes in vec(1usize..9, 1..40),
        ) {
            let bytes = wire(&replies);
            let mut chunks = vec![];
            let (mut rest, mut sizes) = (&bytes[..], sizes.into_iter().cycle());
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(sizes.next().unwrap().min(rest.len()));
                chunks.push(chunk.to_vec());
                rest = after;
            }
            let expected: Vec<_> = replies.into_iter().map(|(text, code)| (text, code.into())).collect();
            prop_assert_eq!(decode_in(chunks), expected.clone());
            prop_assert_eq!(decode_in([bytes]), expected);
        }

        #[test]
        fn a_command_is_on_the_wire_as_it_is_or_not_at_all(command in any::<String>()) {
            let mut wire = BytesMut::new();
            match VtyCodec::default().encode(&command, &mut wire) {
                Ok(()) => {
                    prop_assert_eq!(wire.strip_suffix(b"\0").unwrap(), command.as_bytes());
                    prop_assert!(!command.chars().any(char::is_control));
                }
                Err(_) => {
                    prop_assert!(command.chars().any(char::is_control));
                    prop_assert!(wire.is_empty());
                }
            }
        }

        #[test]
        fn no_bytes_at_all_panic(bytes in vec(any::<u8>(), 0..64)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            let mut codec = VtyCodec::with_limit(16);
            while let Ok(Some(_)) = codec.decode(&mut buffer) {}
        }
    }

    #[test]
    fn every_control_character_is_refused() {
        for c in ('\0'..='\u{9f}').filter(|c| c.is_control()) {
            let error = CommandError::check(&format!("ab{c}neighbor")).unwrap_err();
            assert_eq!(error, CommandError::ControlCharacter { character: c.into(), at: 2 });
        }
    }

    #[test]
    fn a_command_has_at_most_frrs_buffer() {
        assert_eq!(CommandError::check(&"x".repeat(MAX_COMMAND)), Ok(()));
        let error = CommandError::check(&"x".repeat(MAX_COMMAND + 1)).unwrap_err();
        assert_eq!(error, CommandError::TooLong { length: 4096 });
    }

    #[test]
    fn a_reply_that_never_ends_is_refused() {
        let mut buffer = BytesMut::from(&[b'x'; 17][..]);
        let error = VtyCodec::with_limit(16).decode(&mut buffer).unwrap_err();
        assert!(matches!(error, CodecError::TooLarge { limit: 16 }));
    }

    #[test]
    fn a_stray_nul_is_a_violation_as_soon_as_it_shows() {
        let mut codec = VtyCodec::default();
        let mut buffer = BytesMut::from(&b"abc\0"[..]);
        assert!(codec.decode(&mut buffer).unwrap().is_none());
        buffer.extend_from_slice(b"d");
        assert!(matches!(codec.decode(&mut buffer), Err(CodecError::StrayNul { at: 3 })));
    }

    #[test]
    fn a_reply_shows_no_password() {
        let reply = Reply {
            code: ReturnCode::NoMatch,
            text: "% [BGP] Unknown command: neighbor 1.2.3.4 password hush\n\n".into(),
        };
        assert_eq!(reply.message(), "[BGP] Unknown command: neighbor 1.2.3.4 password ***");
        assert!(!format!("{reply:?}").contains("hush"));
    }
}
