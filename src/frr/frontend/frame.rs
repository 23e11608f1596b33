//! Frames: how messages are told apart on mgmtd's stream. Pure.
//!
//! Four bytes of marker, four bytes of length (the whole frame, these eight
//! included), the message. Numbers are in the host's byte order.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::error::FrameError;

/// Three `#` and, in the lowest byte, the kind of message.
const MARKER_PREFIX: u32 = 0x2323_2300;
const KIND_PROTOBUF: u32 = 0;
const KIND_NATIVE: u32 = 1;

/// Marker and length.
const HEADER_LEN: usize = 8;

/// Largest frame sent. mgmtd of 10.3 drops a connection that sends more than
/// 16 MiB in one message; about 40,000 static routes fit.
pub const MAX_FRAME_OUT: usize = 16 * 1024 * 1024;

/// Largest frame received. 10.3 prints trees with indentation, which triples
/// them: a full dump of 100,000 routes is about 100 MB. Beyond this it is not
/// data but a broken stream.
pub const MAX_FRAME_IN: usize = 256 * 1024 * 1024;

/// One frame without its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message in FRR's own layout.
    Native(Bytes),
    /// A protobuf message (`mgmtd.FeMessage`), FRR up to 10.3 only.
    Protobuf(Bytes),
}

/// Splits a byte stream into [`Frame`]s and back.
#[derive(Debug, Default, Clone, Copy)]
pub struct FrameCodec;

/// What the first bytes of a buffer hold.
enum Check {
    /// Wait until this many bytes are there.
    Incomplete(usize),
    /// A whole frame of this kind and total length.
    Complete { kind: u32, len: usize },
}

fn check(src: &[u8]) -> Result<Check, FrameError> {
    let Some((header, _)) = src.split_first_chunk::<HEADER_LEN>() else {
        return Ok(Check::Incomplete(HEADER_LEN));
    };
    let [m0, m1, m2, m3, l0, l1, l2, l3] = *header;
    let marker = u32::from_ne_bytes([m0, m1, m2, m3]);
    let kind = marker & 0xff;
    if marker & !0xff != MARKER_PREFIX || (kind != KIND_NATIVE && kind != KIND_PROTOBUF) {
        return Err(FrameError::Marker { marker });
    }
    let len = u32::from_ne_bytes([l0, l1, l2, l3]);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if !(HEADER_LEN..=MAX_FRAME_IN).contains(&len) {
        return Err(FrameError::Length {
            len,
            max: MAX_FRAME_IN,
        });
    }
    if src.len() < len {
        Ok(Check::Incomplete(len))
    } else {
        Ok(Check::Complete { kind, len })
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = FrameError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        match check(src)? {
            Check::Incomplete(need) => {
                src.reserve(need.saturating_sub(src.len()));
                Ok(None)
            }
            Check::Complete { kind, len } => {
                let mut body = src.split_to(len);
                body.advance(HEADER_LEN);
                let body = body.freeze();
                Ok(Some(if kind == KIND_NATIVE {
                    Frame::Native(body)
                } else {
                    Frame::Protobuf(body)
                }))
            }
        }
    }
}

impl Encoder<Frame> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, frame: Frame, dst: &mut BytesMut) -> Result<(), FrameError> {
        let (kind, body) = match frame {
            Frame::Native(body) => (KIND_NATIVE, body),
            Frame::Protobuf(body) => (KIND_PROTOBUF, body),
        };
        let len = body.len().saturating_add(HEADER_LEN);
        let Some(wire_len) = u32::try_from(len).ok().filter(|_| len <= MAX_FRAME_OUT) else {
            return Err(FrameError::Length {
                len,
                max: MAX_FRAME_OUT,
            });
        };
        dst.reserve(len);
        dst.put_slice(&(MARKER_PREFIX | kind).to_ne_bytes());
        dst.put_slice(&wire_len.to_ne_bytes());
        dst.put_slice(&body);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(frame: Frame) -> BytesMut {
        let mut out = BytesMut::new();
        FrameCodec.encode(frame, &mut out).unwrap();
        out
    }

    #[test]
    fn a_frame_in_pieces_is_incomplete_until_its_last_byte() {
        let whole = encoded(Frame::Native(Bytes::from_static(b"abcdef")));
        let mut buf = BytesMut::new();
        for (i, byte) in whole.iter().enumerate() {
            assert!(FrameCodec.decode(&mut buf).unwrap().is_none(), "byte {i}");
            buf.put_u8(*byte);
        }
        assert_eq!(
            FrameCodec.decode(&mut buf).unwrap(),
            Some(Frame::Native(Bytes::from_static(b"abcdef")))
        );
        assert!(buf.is_empty());
    }

    #[test]
    fn two_frames_in_one_read_come_out_one_by_one() {
        let mut buf = encoded(Frame::Native(Bytes::from_static(b"1")));
        buf.extend_from_slice(&encoded(Frame::Protobuf(Bytes::new())));
        assert_eq!(
            FrameCodec.decode(&mut buf).unwrap(),
            Some(Frame::Native(Bytes::from_static(b"1")))
        );
        assert_eq!(
            FrameCodec.decode(&mut buf).unwrap(),
            Some(Frame::Protobuf(Bytes::new()))
        );
        assert_eq!(FrameCodec.decode(&mut buf).unwrap(), None);
    }

    #[test]
    fn a_foreign_marker_is_refused() {
        let mut buf = BytesMut::from(&b"GET / HTTP/1.1\r\n"[..]);
        assert!(matches!(
            FrameCodec.decode(&mut buf),
            Err(FrameError::Marker { .. })
        ));
        let mut unknown_kind = BytesMut::new();
        unknown_kind.put_slice(&(MARKER_PREFIX | 2).to_ne_bytes());
        unknown_kind.put_slice(&8u32.to_ne_bytes());
        assert!(matches!(
            FrameCodec.decode(&mut unknown_kind),
            Err(FrameError::Marker { .. })
        ));
    }

    #[test]
    fn lengths_below_the_header_and_above_the_limit_are_refused() {
        for len in [0, 7, u32::MAX] {
            let mut buf = BytesMut::new();
            buf.put_slice(&(MARKER_PREFIX | KIND_NATIVE).to_ne_bytes());
            buf.put_slice(&len.to_ne_bytes());
            assert!(
                matches!(FrameCodec.decode(&mut buf), Err(FrameError::Length { .. })),
                "{len}"
            );
        }
        let big = Frame::Native(Bytes::from(vec![0; MAX_FRAME_OUT]));
        assert!(matches!(
            FrameCodec.encode(big, &mut BytesMut::new()),
            Err(FrameError::Length { .. })
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail_but_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut buf = BytesMut::from(&bytes[..]);
            let _ = FrameCodec.decode(&mut buf);
        }

        #[test]
        fn what_is_encoded_decodes_to_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let frame = Frame::Native(Bytes::from(bytes));
            prop_assert_eq!(FrameCodec.decode(&mut encoded(frame.clone())).unwrap(), Some(frame));
        }
    }
}
