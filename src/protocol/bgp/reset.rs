//! bgpd's JSON of one neighbour to why its session was lost, or does not come up. Pure: no async, no I/O, no clock.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

/// Why a session was lost, or does not come up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Causes {
    /// The last time that the session, or an attempt at one, ended; `None` where none has.
    pub reset: Option<Reset>,
    /// The last NOTIFICATION (RFC 4271 section 6.1), sent or received, as long as bgpd runs.
    pub notification: Option<Notification>,
    /// Time until bgpd tries again; `None` while it has a session or a try is under way.
    pub next_try: Option<Duration>,
}

/// An end of a session, or of an attempt at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Why, in bgpd's words: `BGP Notification received`, `Interface down`, …
    pub reason: String,
    /// Time since.
    pub age: Duration,
}

/// A NOTIFICATION message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Whether this end sent it; else the neighbour did.
    pub sent: bool,
    /// Error code.
    pub code: u8,
    /// Error subcode.
    pub subcode: u8,
    /// Both in bgpd's words: `OPEN Message Error/Bad Peer AS`.
    pub text: String,
    /// What the neighbour's operator says of a shutdown (RFC 9003); empty where nothing.
    pub message: String,
    /// Time since.
    pub age: Duration,
}

/// One neighbour of `show bgp neighbors ADDRESS json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NeighborJson {
    last_reset_timer_msecs: u64,
    last_reset_due_to: String,
    last_error_code_subcode: String,
    last_notification_reason: String,
    last_shutdown_description: String,
    next_start_timer_due_in_msecs: Option<u64>,
    next_connect_timer_due_in_msecs: Option<u64>,
}

impl Causes {
    /// The NOTIFICATION that ended the session the last time, where one did.
    pub fn of_last_reset(&self) -> Option<&Notification> {
        let by_notification = self.reset.as_ref().is_some_and(Reset::is_by_notification);
        self.notification.as_ref().filter(|_| by_notification)
    }

    /// The same at a later time.
    #[must_use]
    pub fn after(&self, time: Duration) -> Self {
        let mut later = self.clone();
        if let Some(reset) = &mut later.reset {
            reset.age += time;
        }
        if let Some(notification) = &mut later.notification {
            notification.age += time;
        }
        later.next_try = later.next_try.map(|next| next.saturating_sub(time));
        later
    }
}

impl Reset {
    /// Whether a NOTIFICATION ended the session.
    fn is_by_notification(&self) -> bool {
        self.reason.contains("Notification")
    }
}

impl Notification {
    /// Both codes as bgpd writes them: two hexadecimal digits each.
    fn codes(text: &str) -> Option<(u8, u8)> {
        let (code, subcode) = text.split_at_checked(2)?;
        Some((u8::from_str_radix(code, 16).ok()?, u8::from_str_radix(subcode, 16).ok()?))
    }
}

/// The command that asks bgpd for a neighbour.
pub(crate) fn show_neighbor(address: std::net::IpAddr) -> String {
    format!("show bgp neighbors {address} json")
}

/// Reads `show bgp neighbors ADDRESS json`. Of a neighbour that is gone meanwhile nothing is known.
///
/// # Errors
/// No JSON, or not what bgpd writes.
pub(crate) fn causes(json: &str) -> Result<Causes, serde_json::Error> {
    // One that bgpd does not have is a word beside no object: `{"bgpNoSuchNeighbor": true}`.
    let shown: BTreeMap<String, serde_json::Value> = serde_json::from_str(json)?;
    let Some(shown) = shown.into_values().find(serde_json::Value::is_object) else {
        return Ok(Causes::default());
    };
    let shown = NeighborJson::deserialize(shown)?;
    let millis = Duration::from_millis;
    let age = millis(shown.last_reset_timer_msecs);
    let reason = shown.last_reset_due_to;
    let reset = (!reason.is_empty()).then_some(Reset { reason, age });
    let by_notification = reset.as_ref().filter(|reset| reset.is_by_notification());
    let codes = Notification::codes(&shown.last_error_code_subcode);
    let notification = by_notification.zip(codes).map(|(reset, (code, subcode))| Notification {
        sent: reset.reason.contains("send"),
        code,
        subcode,
        text: shown.last_notification_reason,
        message: shown.last_shutdown_description,
        age,
    });
    let due = shown.next_start_timer_due_in_msecs.or(shown.next_connect_timer_due_in_msecs);
    Ok(Causes { reset, notification, next_try: due.map(millis) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 10.3 writes, without what is not read.
    fn read(fields: &str) -> Causes {
        causes(&format!("{{\n  \"10.0.1.2\":{{\n    \"bgpState\":\"Idle\",{fields}\n  }}\n}}\n"))
            .unwrap()
    }

    #[test]
    fn a_notification_that_was_sent_has_its_codes_and_words() {
        let sent = read(
            r#""lastResetTimerMsecs":17000,"lastErrorCodeSubcode":"0202",
               "lastNotificationReason":"OPEN Message Error\/Bad Peer AS","lastNotificationHardReset":false,
               "lastResetDueTo":"BGP Notification send","lastResetCode":14,"nextStartTimerDueInMsecs":7000"#,
        );
        let age = Duration::from_secs(17);
        let notification = Notification {
            sent: true,
            code: 2,
            subcode: 2,
            text: "OPEN Message Error/Bad Peer AS".into(),
            message: String::new(),
            age,
        };
        assert_eq!(sent.reset, Some(Reset { reason: "BGP Notification send".into(), age }));
        assert_eq!(sent.of_last_reset(), Some(&notification));
        assert_eq!(sent.next_try, Some(Duration::from_secs(7)));
        let later = sent.after(Duration::from_secs(10));
        assert_eq!(later.next_try, Some(Duration::ZERO));
        assert_eq!(later.reset.unwrap().age, Duration::from_secs(27));
    }

    #[test]
    fn a_notification_that_was_received_has_the_operators_words() {
        let received = read(
            r#""lastResetTimerMsecs":2000,"lastErrorCodeSubcode":"0602",
               "lastNotificationReason":"Cease\/Administrative Shutdown","lastShutdownDescription":"tonight",
               "lastResetDueTo":"BGP Notification received","nextStartTimerDueInMsecs":0"#,
        );
        let notification = received.notification.unwrap();
        assert_eq!((notification.sent, notification.code, notification.subcode), (false, 6, 2));
        assert_eq!(notification.message, "tonight");
    }

    #[test]
    fn without_a_reset_there_is_no_cause() {
        assert_eq!(read(r#""lastReset":"never""#), Causes::default());
        let waiting = read(
            r#""lastResetTimerMsecs":6000,"lastResetDueTo":"Waiting for peer OPEN","nextConnectTimerDueInMsecs":4000"#,
        );
        assert_eq!(waiting.notification, None);
        assert_eq!(waiting.next_try, Some(Duration::from_secs(4)));
        assert_eq!(causes(r#"{"bgpNoSuchNeighbor":true}"#).unwrap(), Causes::default());
        assert!(causes("% no").is_err());
    }
}
