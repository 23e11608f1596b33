//! `transactions`, `confirm` and `rollback`.

use novaroute::proto::v1::*;
use serde_json::Value;
use tonic::Code;

use crate::{
    fake::{self, Fake, Script, Seen},
    transactions_golden::responses,
};

const WHO: [&str; 4] = ["--owner", "edge", "--token", "t0ken"];
const ID: &str = "7f3a0c51-9a77-4c8e-8f44-0d2c9b1f0002";

fn script() -> Script {
    Script {
        transactions: responses::transactions(),
        transaction: responses::transaction(),
        rollback: RollbackResponse {
            transaction_id: "back".into(),
            outcome: Outcome::Confirmed.into(),
        },
        ..Script::default()
    }
}

fn listed() -> Seen {
    Seen::List(ListTransactionsRequest::default())
}

#[test]
fn list_has_an_owner_and_a_limit() {
    for (args, owner, limit) in [
        ("transactions", "", 20),
        ("transactions list", "", 20),
        ("transactions --owner edge --limit 0", "edge", 0),
        ("transactions list --limit 3", "", 3),
    ] {
        let fake = Fake::start(script());
        let said = fake.ok(&args.split(' ').collect::<Vec<_>>());
        let request = ListTransactionsRequest { owner_filter: owner.into(), limit };
        assert_eq!(fake.seen(), (Seen::List(request), true), "{args}");
        assert_eq!(said.lines().count(), 1 + responses::transactions().len(), "{said}");
    }
}

#[test]
fn a_whole_id_is_not_looked_up() {
    let fake = Fake::start(script());
    fake.ok(&["transactions", "get", ID]);
    assert_eq!(fake.seen().0, Seen::Get(GetTransactionRequest { transaction_id: ID.into() }));
}

#[test]
fn the_beginning_of_an_id_is_enough() {
    let get = Seen::Get(GetTransactionRequest { transaction_id: ID.into() });
    let (owner, token) = ("edge".to_owned(), "t0ken".to_owned());
    let transaction_id = ID.to_owned();
    let fake = Fake::start(script());
    fake.ok(&["transactions", "show", "7f3a0c51-9a"]);
    assert_eq!(fake.all_seen(), [listed(), get]);

    let fake = Fake::start(script());
    let said = fake.ok(&[&["confirm", "7f3a0c51-9a"][..], &WHO].concat());
    assert_eq!(said, format!("transaction {ID} confirmed: it stays\n"));
    let request = ConfirmRequest {
        owner: owner.clone(),
        token: token.clone(),
        transaction_id: transaction_id.clone(),
    };
    assert_eq!(fake.all_seen(), [listed(), Seen::Confirm(request)]);

    let fake = Fake::start(script());
    let said = fake.ok(&[&["rollback", "7f3a0c51-9a"][..], &WHO].concat());
    assert_eq!(said, format!("transaction {ID} rolled back by back: confirmed by FRR\n"));
    let request = RollbackRequest { owner, token, transaction_id };
    assert_eq!(fake.all_seen(), [listed(), Seen::Rollback(request)]);
}

#[test]
fn the_beginning_of_none_or_of_several_is_refused() {
    for (typed, code, words) in [
        ("zz", 7, "error: no transaction begins with zz\n  try: `novaroutectl transactions`"),
        ("", 7, "error: no transaction begins with \n"),
        ("7f3a", 5, "error: 2 transactions begin with 7f3a\n  7f3a"),
    ] {
        let fake = Fake::start(script());
        let run = fake::ctl(&fake.socket(), &[&["rollback", typed][..], &WHO].concat());
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{run:?}");
        assert!(run.stderr.starts_with(words), "{run:?}");
        assert_eq!(fake.all_seen(), [listed()]);
    }
}

#[test]
fn refusals_hint_at_transactions() {
    for (code, exit, hint) in [
        (Code::NotFound, 7, "`novaroutectl transactions` lists"),
        (Code::FailedPrecondition, 8, "transactions show"),
        (Code::Unauthenticated, 4, "check --owner"),
    ] {
        for command in ["confirm", "rollback"] {
            let fake = Fake::start(Script { refuse: Some((code, "no")), ..script() });
            let run = fake::ctl(&fake.socket(), &[&[command, ID][..], &WHO].concat());
            assert_eq!(run.code, exit, "{run:?}");
            assert!(run.stderr.contains(hint), "{run:?}");
        }
    }
}

#[test]
fn json_has_whole_ids_and_the_fields_of_the_contract() {
    let document = |args: &[&str]| -> Value {
        let fake = Fake::start(script());
        serde_json::from_str(&fake.ok(&[args, &["-o", "json"]].concat())).unwrap()
    };
    let listed = document(&["transactions"]);
    assert_eq!(listed["transactions"][1]["id"], ID);
    let shown = document(&["transactions", "show", ID]);
    assert_eq!(shown["changes"][0]["after"]["peer"]["remote_as"], 65001);
    let back = document(&[&["rollback", ID][..], &WHO].concat());
    assert_eq!(back, serde_json::json!({"transaction_id": "back", "outcome": "confirmed"}));
    assert_eq!(document(&[&["confirm", ID][..], &WHO].concat()), serde_json::json!({}));
}

#[test]
fn watch_writes_a_line_for_each_until_the_stream_ends() {
    let fake = Fake::start(script());
    let args = ["transactions", "watch", "--owner", "edge", "-o", "json"];
    let run = fake::ctl(&fake.socket(), &args);
    assert_eq!(run.code, 10);
    assert!(run.stderr.contains("the agent ended the stream"), "{run:?}");
    let ids = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let expected = responses::transactions().into_iter().map(|one| Value::from(one.id));
    assert!(ids.map(|one| one["id"].clone()).eq(expected), "{run:?}");
    let request = WatchTransactionsRequest { owner_filter: "edge".into() };
    assert_eq!(fake.seen(), (Seen::Watch(request), false));
}
