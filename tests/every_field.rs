//! No field of the contract is forgotten on its way: each, when it is set, changes what is rendered, the lines that are typed, what is
//! shown, and what a file and the configuration say. `frr_vty_table` has a real FRR give each back.

#[path = "intents/fields.rs"]
mod fields_of_intents;

use std::collections::BTreeSet;

use fields_of_intents::{Changed, all_fields, changes};
use novaroute::{
    config::{Config, Surroundings},
    ctl,
    daemon::{Daemon, Forest},
    fields::{self, message},
    frr::vty::table::Table,
    model::{Change, Intent},
    proto::v1::{self, intent::Kind},
    render::{Shapes, StaticShape, render},
    wire,
};
use serde_json::{Value, json};

/// Fields that say nothing to FRR, with what they say instead.
const NOT_FOR_FRR: [(&str, &str); 2] = [
    ("peer.peer_type", "what its owner expects: policy judges it beside both AS numbers"),
    ("drain.until_restart", "when the agent ends the drain"),
];

/// Fields that exclude another: with this one there the other is gone.
fn parsed(field: &str, message: &v1::Intent) -> Intent {
    let change = v1::intent_change::Change::Set(message.clone());
    let change = v1::IntentChange { change: Some(change), ..Default::default() };
    let changes = wire::changes(&[change]).unwrap_or_else(|wrong| panic!("{field}: {wrong}"));
    match changes.into_iter().next() {
        Some(Change::Set(intent)) => intent,
        other => panic!("{field}: {other:?}"),
    }
}

fn forest(intent: &Intent) -> Forest {
    let bgp = wire::bgp(65000, "10.0.0.1").expect("an instance");
    let around = matches!(intent, Intent::Peer(_) | Intent::Prefix(_) | Intent::Drain(_))
        .then_some(Intent::Bgp(bgp));
    let shapes = Shapes { static_routes: StaticShape::Nested, coalesce_time: None };
    render(around.iter().chain([intent]), shapes)
}

/// The lines of the daemons that are configured by lines; the trees of others.
fn printed(forest: &Forest) -> Vec<String> {
    let mut all = Vec::new();
    for (daemon, tree) in forest {
        match Table::of(*daemon) {
            Some(table) => {
                let lines = table.all_lines(tree).unwrap_or_else(|e| panic!("{daemon}: {e}"));
                all.extend(
                    lines.iter().map(|line| format!("{daemon} {:?} {}", line.context, line.text)),
                );
            }
            None => all.push(format!("{daemon} {tree:?}")),
        }
    }
    all
}

fn shown(intent: &Intent) -> Value {
    ctl::output::intent::document(&wire::intent_message(intent))
}

#[test]
fn every_field_of_every_intent_is_changed_here() {
    let covered: BTreeSet<String> = changes().into_iter().map(|it| it.field).collect();
    assert_eq!(covered, all_fields(), "give it two values in tests/intents/fields.rs");
}

#[test]
fn every_field_changes_what_is_rendered_typed_and_shown() {
    for Changed { field, before, after } in changes() {
        let (one, other) = (parsed(&field, &before), parsed(&field, &after));
        assert_ne!(shown(&one), shown(&other), "{field} is not shown");
        let (one, other) = (forest(&one), forest(&other));
        if NOT_FOR_FRR.iter().any(|(name, _)| *name == field) {
            assert_eq!(one, other, "{field} is for FRR after all");
            continue;
        }
        assert_ne!(one, other, "{field} is not rendered");
        assert_ne!(printed(&one), printed(&other), "{field} is not in any line");
        assert!(one.keys().any(|daemon| Daemon::ALL.contains(daemon)));
    }
}

#[test]
fn every_field_is_kept_as_it_was_said() {
    for Changed { field, after, .. } in changes() {
        let back = wire::intent_message(&parsed(&field, &after));
        // Timers and profile of BFD mean nothing without it.
        if field != "peer.bfd_enabled" {
            assert_eq!(back, after, "{field} is not in the journal as it was said");
        }
    }
}

#[test]
fn every_field_is_read_from_intent_files_as_it_is_shown() {
    for Changed { field, after, .. } in changes() {
        let text = json!([ctl::output::intent::document(&after)]).to_string();
        let read = ctl::file::parse("file".to_owned(), &text);
        let read = read.unwrap_or_else(|wrong| panic!("{field}: {}", wrong.report()));
        let [change] = &*read.changes else { panic!("{field}: {:?}", read.changes) };
        let Some(v1::intent_change::Change::Set(read)) = &change.change else { panic!("{field}") };
        // Attributes that say nothing are as good as none.
        assert_eq!(parsed(&field, read), parsed(&field, &after), "{field}");
    }
}

fn configuration(peer: &Value) -> Config {
    let file = json!({
        "bgp": {"local_as": 65000, "router_id": "10.0.0.1", "peers": [peer]},
        "bfd": {"profiles": [{"name": "fast"}, {"name": "slow"}]},
        "owners": {"admin": {"token": "a-token-of-the-tests", "allowed_prefixes": {"type": "any"}}},
    });
    let around = Surroundings {
        env: &|_| None,
        read_file: &|path| panic!("{} is read", path.display()),
        default_route_address: &|| panic!("it is not asked for"),
    };
    Config::parse(&file.to_string(), &around).unwrap_or_else(|wrong| panic!("{peer}: {wrong}"))
}

#[test]
fn every_field_of_a_peer_is_read_from_the_configuration_and_shown_of_it() {
    for Changed { field, before, after } in changes() {
        if !matches!(after.kind, Some(Kind::Peer(_))) {
            continue;
        }
        let config =
            |intent: &v1::Intent| configuration(&ctl::output::intent::document(intent)["peer"]);
        let (one, other) = (config(&before), config(&after));
        let peers: Vec<Intent> = other.bgp.configured().intents().collect();
        assert_eq!(peers, [parsed(&field, &after)], "{field}");
        let peer = |config: &Config| config.redacted()["bgp"]["peers"][0].clone();
        let names = message("BGPPeer").names();
        assert!(peer(&other).as_object().is_some_and(|peer| peer.keys().eq(&names)));
        // A password is masked.
        assert_eq!(peer(&one) == peer(&other), field == "peer.password", "{field} is not shown");
    }
}

#[test]
fn the_schema_of_intent_files_has_every_field() {
    let kinds: Vec<&str> = message("Intent").names();
    let schema = fields::schema(&kinds, &message("IntentRef").names());
    let intents = &schema["anyOf"][1]["items"]["properties"];
    for field in all_fields() {
        let at = field.replace('.', "/properties/");
        assert!(intents.pointer(&format!("/{at}")).is_some(), "{field}");
    }
}
