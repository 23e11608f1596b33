//! bfdd's JSON to sessions. Pure: no async, no I/O, no clock.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde::Deserialize;

use super::{BfdKey, BfdSession};

/// One session of `show bfd peers json`. Intervals are in milliseconds, times in seconds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SessionJson {
    peer: IpAddr,
    #[serde(default)]
    vrf: String,
    #[serde(default)]
    multihop: bool,
    local: Option<IpAddr>,
    #[serde(default)]
    interface: String,
    /// `dynamic` where no configuration names it.
    #[serde(default, rename = "type")]
    kind: String,
    status: String,
    uptime: Option<u64>,
    #[serde(default)]
    diagnostic: String,
    #[serde(default)]
    receive_interval: u32,
    #[serde(default)]
    transmit_interval: u32,
    #[serde(default)]
    detect_multiplier: u32,
    #[serde(default)]
    remote_receive_interval: u32,
    #[serde(default)]
    remote_transmit_interval: u32,
    #[serde(default)]
    remote_detect_multiplier: u32,
}

/// Reads `show bfd peers json`, the sessions of the default VRF.
///
/// # Errors
/// No JSON, or not what bfdd writes.
pub(super) fn sessions(json: &str) -> Result<BTreeMap<BfdKey, BfdSession>, serde_json::Error> {
    let mut sessions = BTreeMap::new();
    for shown in serde_json::from_str::<Vec<SessionJson>>(json)? {
        if shown.vrf.is_empty() || shown.vrf == "default" {
            let SessionJson { peer, multihop, local, ref interface, .. } = shown;
            let key = BfdKey { peer, multihop, local, interface: interface.clone() };
            sessions.insert(key, session(shown));
        }
    }
    Ok(sessions)
}

fn session(shown: SessionJson) -> BfdSession {
    let up = shown.status == BfdSession::UP;
    // RFC 5880 sections 6.8.2 and 6.8.4: the slower side decides, and the sender's multiplier counts.
    let transmit = shown.transmit_interval.max(shown.remote_receive_interval);
    let arrival = shown.receive_interval.max(shown.remote_transmit_interval);
    let detection = arrival.saturating_mul(shown.remote_detect_multiplier);
    let millis = |ms: u32| Duration::from_millis(ms.into());
    BfdSession {
        up_for: shown.uptime.filter(|_| up).map(Duration::from_secs),
        status: shown.status,
        dynamic: shown.kind == "dynamic",
        diagnostic: shown.diagnostic,
        min_rx: millis(shown.receive_interval),
        min_tx: millis(shown.transmit_interval),
        detect_multiplier: shown.detect_multiplier,
        negotiated: up.then(|| (millis(transmit), millis(detection))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_and_states_are_bfdds() {
        let sessions = sessions(include_str!("../../tests/fixtures/bfdd-10.3/peers.json")).unwrap();
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
