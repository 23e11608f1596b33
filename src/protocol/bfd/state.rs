//! bfdd's JSON to sessions. Pure: no async, no I/O, no clock.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde::Deserialize;

/// What tells one session of bfdd from another; two can go to one address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BfdKey {
    /// Address of the other end.
    pub peer: IpAddr,
    /// Whether it goes over several hops.
    pub multihop: bool,
    /// This end's address; `None` until bfdd has one.
    pub local: Option<IpAddr>,
    /// The interface that it is bound to; empty where it is to none.
    pub interface: String,
}

/// A BFD session as bfdd sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BfdSession {
    /// State in FRR's words: `up`, `down`, `init`, `shutdown`.
    pub status: String,
    /// Whether no configuration of bfdd names it: another daemon asked for it.
    pub dynamic: bool,
    /// bfdd's reason for the last change of state; `ok` where there is none.
    pub diagnostic: String,
    /// The same of the far end, as it last said.
    pub remote_diagnostic: String,
    /// Whether the far end has been heard of since the session was made, or was lost.
    pub heard: bool,
    /// Time since it is up; `None` while it is not.
    pub up_for: Option<Duration>,
    /// Shortest interval between packets that this side takes.
    pub min_rx: Duration,
    /// Shortest interval at which this side sends.
    pub min_tx: Duration,
    /// Packets that the other side may miss.
    pub detect_multiplier: u32,
    /// As negotiated: the interval at which this side sends, and the silence after which the session is
    /// down. `None` while it is not up.
    pub negotiated: Option<(Duration, Duration)>,
}

impl BfdSession {
    /// FRR's word for a session that is up.
    pub const UP: &str = "up";

    /// Whether the session is up.
    pub fn is_up(&self) -> bool {
        self.status == Self::UP
    }

    /// Why it is down, as far as bfdd says; `None` while it is up.
    pub fn why_down(&self) -> Option<String> {
        // bfdd's word for a session that nothing has befallen.
        let says = |diagnostic: &str| !diagnostic.is_empty() && diagnostic != "ok";
        let local = says(&self.diagnostic).then(|| self.diagnostic.clone());
        let remote =
            says(&self.remote_diagnostic).then(|| format!("far end: {}", self.remote_diagnostic));
        let silent = !self.heard && local.is_none();
        let silent = silent.then(|| {
            "the far end has sent nothing: it has no BFD here, or nothing arrives".to_owned()
        });
        let why: Vec<String> = local.into_iter().chain(remote).chain(silent).collect();
        (!self.is_up() && !why.is_empty()).then(|| why.join("; "))
    }
}

/// Asks bfdd for its sessions; the answer is read by [`shown`].
pub const SHOW_SESSIONS: &str = "show bfd peers json";

/// A session as bfdd shows it. Intervals are in milliseconds, times in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shown {
    pub(crate) peer: IpAddr,
    #[serde(default)]
    pub(crate) vrf: String,
    #[serde(default)]
    pub(crate) multihop: bool,
    pub(crate) local: Option<IpAddr>,
    /// Empty where it is bound to none.
    #[serde(default)]
    pub(crate) interface: String,
    /// `dynamic` where no configuration of bfdd names it.
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) uptime: Option<u64>,
    #[serde(default)]
    pub(crate) diagnostic: String,
    #[serde(default)]
    pub(crate) remote_diagnostic: String,
    /// The far end's discriminator; 0 while it is not known.
    #[serde(default)]
    pub(crate) remote_id: u32,
    #[serde(default)]
    pub(crate) receive_interval: u32,
    #[serde(default)]
    pub(crate) transmit_interval: u32,
    #[serde(default)]
    pub(crate) detect_multiplier: u32,
    #[serde(default)]
    pub(crate) remote_receive_interval: u32,
    #[serde(default)]
    pub(crate) remote_transmit_interval: u32,
    #[serde(default)]
    pub(crate) remote_detect_multiplier: u32,
}

impl Shown {
    /// Whether another daemon asked for it, and no configuration of bfdd names it.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.kind == "dynamic"
    }

    /// A session that is down, to start a test from.
    #[cfg(test)]
    pub(crate) fn down(peer: IpAddr, kind: &str) -> Self {
        let json = serde_json::json!({"peer": peer, "type": kind, "status": "down"});
        serde_json::from_value(json).expect("a session")
    }
}

/// Reads the answer to [`SHOW_SESSIONS`]: the sessions of the default VRF.
///
/// # Errors
/// No JSON, or not what bfdd writes.
pub fn shown(json: &str) -> Result<Vec<Shown>, serde_json::Error> {
    let mut sessions: Vec<Shown> = serde_json::from_str(json)?;
    sessions.retain(|shown| shown.vrf.is_empty() || shown.vrf == "default");
    Ok(sessions)
}

/// The same, as the state of each session.
///
/// # Errors
/// As [`shown`].
pub(crate) fn sessions(json: &str) -> Result<BTreeMap<BfdKey, BfdSession>, serde_json::Error> {
    Ok(shown(json)?.into_iter().map(session).collect())
}

fn session(shown: Shown) -> (BfdKey, BfdSession) {
    let dynamic = shown.is_dynamic();
    let Shown {
        peer,
        vrf: _,
        multihop,
        local,
        interface,
        kind: _,
        status,
        uptime,
        diagnostic,
        remote_diagnostic,
        remote_id,
        receive_interval,
        transmit_interval,
        detect_multiplier,
        remote_receive_interval,
        remote_transmit_interval,
        remote_detect_multiplier,
    } = shown;
    let up = status == BfdSession::UP;
    // RFC 5880 sections 6.8.2 and 6.8.4: the slower side decides, and the sender's multiplier counts.
    let transmit = transmit_interval.max(remote_receive_interval);
    let arrival = receive_interval.max(remote_transmit_interval);
    let detection = arrival.saturating_mul(remote_detect_multiplier);
    let millis = |ms: u32| Duration::from_millis(ms.into());
    let state = BfdSession {
        up_for: uptime.filter(|_| up).map(Duration::from_secs),
        status,
        dynamic,
        diagnostic,
        remote_diagnostic,
        heard: remote_id != 0,
        min_rx: millis(receive_interval),
        min_tx: millis(transmit_interval),
        detect_multiplier,
        negotiated: up.then(|| (millis(transmit), millis(detection))),
    };
    (BfdKey { peer, multihop, local, interface }, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_and_states_are_bfdds() {
        let sessions =
            sessions(include_str!("../../../tests/fixtures/bfdd-10.3/peers.json")).unwrap();
        let with = |peer: &str| {
            let peer: IpAddr = peer.parse().unwrap();
            sessions.iter().find(|(key, _)| key.peer == peer).unwrap()
        };
        let (key, up) = with("10.0.1.2");
        assert_eq!((key.multihop, key.interface.as_str()), (false, "tor0"));
        let ms = Duration::from_millis;
        let expected = BfdSession {
            status: "up".into(),
            dynamic: up.dynamic,
            diagnostic: "ok".into(),
            remote_diagnostic: "ok".into(),
            heard: true,
            up_for: up.up_for,
            min_rx: ms(300),
            min_tx: ms(300),
            detect_multiplier: 3,
            negotiated: Some((ms(300), ms(900))),
        };
        assert_eq!(*up, expected);
        assert!(up.up_for.is_some());
        let (_, down) = with("10.0.2.2");
        assert_eq!((down.status.as_str(), down.up_for, down.negotiated), ("down", None, None));
        assert_eq!((down.min_rx, down.detect_multiplier), (ms(100), 3));
        assert!(down.why_down().unwrap().starts_with("the far end has sent nothing"), "{down:?}");
        assert_eq!(up.why_down(), None);
        let lost = BfdSession {
            diagnostic: "control detection time expired".into(),
            remote_diagnostic: "neighbor signaled session down".into(),
            ..down.clone()
        };
        let why = "control detection time expired; far end: neighbor signaled session down";
        assert_eq!(lost.why_down().as_deref(), Some(why));
    }

    #[test]
    fn the_slower_side_decides() {
        let json = r#"[{"peer": "10.0.0.2", "status": "up", "transmit-interval": 100, "receive-interval": 50,
            "remote-receive-interval": 400, "remote-transmit-interval": 200, "remote-detect-multiplier": 5}]"#;
        let sessions = sessions(json).unwrap();
        let ms = Duration::from_millis;
        let negotiated: Vec<_> = sessions.values().map(|session| session.negotiated).collect();
        assert_eq!(negotiated, [Some((ms(400), ms(1000)))]);
    }

    #[test]
    fn what_bfdd_does_not_write_is_an_error() {
        assert_eq!(sessions("[]\n").unwrap().len(), 0);
        for text in ["", "{}", "% no", "[{\"peer\": \"x\", \"status\": \"up\"}]"] {
            assert!(sessions(text).is_err(), "{text}");
        }
    }
}
