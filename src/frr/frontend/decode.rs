//! A frame as the message in it, in either generation of the protocol.

use super::{error::MessageError, frame::Frame, message::Message, native, protobuf};

impl Message {
    /// Reads the message in a frame.
    ///
    /// # Errors
    ///
    /// [`MessageError`] where the bytes are no message of mgmtd.
    pub fn parse(frame: &Frame) -> Result<Self, MessageError> {
        match frame {
            Frame::Native(body) => native::parse(body),
            Frame::Protobuf(body) => protobuf::parse(body),
        }
    }
}
