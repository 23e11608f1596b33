//! What a request says of its changes beyond the objects.

use crate::{
    model::{Change, Extras, FieldErrors, Intent},
    proto::v1,
};

/// What the messages say of the changes that they were parsed to, one by one.
///
/// # Errors
/// Names `changes[3].source` and `changes[3].keep_password`.
pub fn extras(messages: &[v1::IntentChange], changes: &[Change]) -> Result<Extras, FieldErrors> {
    let (mut errors, mut extras) = (FieldErrors::new(), Extras::default());
    for (index, (message, change)) in messages.iter().zip(changes).enumerate() {
        let field = |name| format!("changes[{index}].{name}");
        let is_set = matches!(change, Change::Set(_));
        if !message.source.is_empty() {
            match message.source.parse() {
                Ok(source) if is_set => drop(extras.sources.insert(change.key(), source)),
                Ok(_) => {
                    errors.push(field("source"), "is for what is set, not for what is removed")
                }
                Err(error) => errors.push(field("source"), error),
            }
        }
        if message.keep_password {
            match change {
                Change::Set(Intent::Peer(peer)) if peer.password.is_none() => {
                    extras.keep_passwords.insert(peer.address);
                }
                Change::Set(Intent::Peer(_)) => {
                    errors
                        .push(field("keep_password"), "conflicts with the password; set only one");
                }
                _ => errors.push(field("keep_password"), "is for a peer that is set"),
            }
        }
    }
    errors.finish(Some(extras))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{proto::v1::intent::Kind, wire};

    fn set(kind: Kind) -> v1::IntentChange {
        let intent = v1::Intent { kind: Some(kind) };
        let change = Some(v1::intent_change::Change::Set(intent));
        v1::IntentChange { change, ..Default::default() }
    }

    fn peer(password: &str) -> v1::IntentChange {
        let peer = v1::BgpPeer {
            neighbor_address: "10.0.0.2".into(),
            remote_as: 65001,
            password: password.into(),
            ..v1::BgpPeer::default()
        };
        set(Kind::Peer(peer))
    }

    fn parsed(messages: &[v1::IntentChange]) -> Result<Extras, FieldErrors> {
        extras(messages, &wire::changes(messages).expect("changes"))
    }

    #[test]
    fn sources_and_passwords_that_stay_are_of_what_is_set() {
        let kept = v1::IntentChange { keep_password: true, source: "x".into(), ..peer("") };
        let extras = parsed(&[kept]).expect("fine");
        assert_eq!(extras.keep_passwords.len(), 1);
        assert_eq!(extras.sources.values().map(ToString::to_string).collect::<Vec<_>>(), ["x"]);

        let reference = v1::IntentRef { kind: Some(v1::intent_ref::Kind::Drain(v1::DrainRef {})) };
        let remove = v1::intent_change::Change::Remove(reference);
        let remove = v1::IntentChange { change: Some(remove), ..Default::default() };
        let wrong = [
            v1::IntentChange { keep_password: true, source: "a\nb".into(), ..peer("secret") },
            v1::IntentChange { keep_password: true, source: "x".into(), ..remove },
        ];
        let errors = parsed(&wrong).expect_err("wrong");
        let fields: Vec<_> = errors.iter().map(|error| error.field.clone()).collect();
        let expected = ["[0].source", "[0].keep_password", "[1].source", "[1].keep_password"];
        assert_eq!(fields, expected.map(|field| format!("changes{field}")));
        assert!(!errors.to_string().contains("secret"));
    }
}
