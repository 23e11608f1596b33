//! Why a BGP session was lost.

use std::fmt;

/// Why a BGP session was lost, as far as bgpd says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LostSession {
    /// In bgpd's words; empty where it does not say.
    pub reason: String,
    /// The NOTIFICATION that ended it, where one did.
    pub notification: Option<Notification>,
}

/// A NOTIFICATION message (RFC 4271 section 6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Whether this end sent it; else the neighbour did.
    pub sent: bool,
    /// Error code.
    pub code: u8,
    /// Error subcode.
    pub subcode: u8,
    /// Both in words.
    pub text: String,
    /// What the neighbour's operator says of a shutdown (RFC 9003); empty where nothing.
    pub message: String,
}

impl LostSession {
    /// What programs read of it.
    pub(super) fn metadata(&self, put: &mut impl FnMut(&str, String)) {
        if !self.reason.is_empty() {
            put("reset_reason", self.reason.clone());
        }
        if let Some(Notification { sent, code, subcode, text, message }) = &self.notification {
            let direction = if *sent { "sent" } else { "received" };
            put("notification", text.clone());
            put("notification_direction", direction.to_owned());
            put("notification_code", format!("{code}/{subcode}"));
            if !message.is_empty() {
                put("shutdown_message", message.clone());
            }
        }
    }
}

/// What follows a sentence: nothing, or `: ` and why.
impl fmt::Display for LostSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.reason)?;
        let Some(notification) = &self.notification else { return Ok(()) };
        let Notification { code, subcode, text, message, .. } = notification;
        write!(f, ": {text} ({code}/{subcode})")?;
        if message.is_empty() { Ok(()) } else { write!(f, ", \"{message}\"") }
    }
}
