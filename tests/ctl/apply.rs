//! `apply` and `plan`: what a file says is what the agent receives, and what the agent says
//! about it is said in terms of the file.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use novaroute::proto::v1::{intent::Kind, intent_change::Change, static_route::NextHop, *};
use tonic::Code;

use crate::{
    fake::{self, Fake, Run, Script, Seen},
    transactions_golden::responses,
};

const WHO: [&str; 4] = ["--owner", "edge", "--token", "t0ken"];
const FILE: &str = "\
- bgp: {local_as: 65000}
- static_route: {prefix: 10.9.0.0/16, blackhole: true}
";

fn changes() -> Vec<IntentChange> {
    let set = |kind| IntentChange {
        change: Some(Change::Set(Intent { kind: Some(kind) })),
        ..Default::default()
    };
    let route = StaticRoute {
        prefix: "10.9.0.0/16".into(),
        next_hop: Some(NextHop::Blackhole(true)),
        ..StaticRoute::default()
    };
    let bgp = BgpConfig { local_as: 65000, ..BgpConfig::default() };
    vec![set(Kind::Bgp(bgp)), set(Kind::StaticRoute(route))]
}

fn asked(dry_run: bool, confirm_timeout: u32) -> Seen {
    let (owner, token) = ("edge".into(), "t0ken".into());
    Seen::Apply(ApplyRequest {
        owner,
        token,
        changes: changes(),
        dry_run,
        confirm_timeout,
        ignore_absent: true,
        ..Default::default()
    })
}

fn planned() -> Seen {
    let (owner, token) = ("edge".into(), "t0ken".into());
    Seen::Plan(PlanRequest {
        owner,
        token,
        changes: changes(),
        ignore_absent: true,
        ..Default::default()
    })
}

fn script() -> Script {
    Script {
        apply: ApplyResponse {
            transaction_id: "7f3a".into(),
            outcome: Outcome::Confirmed.into(),
            ..Default::default()
        },
        plan: responses::plan(),
        ..Script::default()
    }
}

/// Runs a command on a file with this text.
fn run_on(fake: &Fake, text: &str, args: &str) -> Run {
    let path = fake.dir.path().join("intents.yaml");
    fs::write(&path, text).unwrap();
    let mut args: Vec<&str> = args.split_whitespace().collect();
    args.extend(["-f", path.to_str().unwrap()]);
    args.extend(WHO);
    fake::ctl(&fake.socket(), &args)
}

#[track_caller]
fn ok(fake: &Fake, args: &str) -> String {
    let run = run_on(fake, FILE, args);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{args}");
    run.stdout
}

#[test]
fn a_file_is_one_request() {
    let fake = Fake::start(script());
    assert_eq!(ok(&fake, "apply"), "transaction 7f3a: 2 changes: confirmed by FRR\n");
    assert_eq!(fake.seen(), (asked(false, 0), true));
}

#[test]
fn a_file_can_say_all_that_its_owner_has() {
    let fake = Fake::start(script());
    let told = ok(&fake, "apply --prune");
    assert_eq!(told, "transaction 7f3a: edge has the 2 intents of the file: confirmed by FRR\n");
    let Seen::Apply(expected) = asked(false, 0) else { panic!("an Apply") };
    let expected = Seen::Apply(ApplyRequest { replace: true, ..expected });
    assert_eq!(fake.seen(), (expected, true));
    // None at all has to be said.
    for (text, code) in [("intents: []\n", 0), ("", 5), ("remove: []\n", 5)] {
        let run = run_on(&fake, text, "apply --prune");
        assert_eq!(run.code, code, "{text:?}: {}", run.stderr);
    }
    assert_eq!(run_on(&fake, "intents: []\n", "apply").code, 5);
}

#[test]
fn sources_and_passwords_that_stay_are_sent_beside_the_intent() {
    let fake = Fake::start(script());
    let text = "- source: racks/7\n  peer: {neighbor_address: 10.0.0.2, remote_as: 1, password: unchanged}\n\
                - drain: {until_restart: true}\n";
    assert_eq!(run_on(&fake, text, "apply").code, 0);
    let Seen::Apply(request) = fake.seen().0 else { panic!("an Apply") };
    let [peer, drain] = &*request.changes else { panic!("{request:?}") };
    assert_eq!((&*peer.source, peer.keep_password), ("racks/7", true));
    let Some(Change::Set(Intent { kind: Some(Kind::Peer(set)) })) = &peer.change else {
        panic!("{peer:?}")
    };
    assert_eq!(set.password, "");
    let drained = Kind::Drain(Drain { until_restart: true });
    assert_eq!(drain.change, Some(Change::Set(Intent { kind: Some(drained) })));
}

#[test]
fn what_takes_over_is_planned_so() {
    for args in ["plan --take-over", "apply --diff --take-over"] {
        let fake = Fake::start(script());
        ok(&fake, args);
        let seen = fake.all_seen();
        let over = |it: &Seen| matches!(it, Seen::Plan(PlanRequest { take_over: true, .. }));
        assert!(seen.iter().any(over), "{args}: {seen:?}");
    }
}

#[test]
fn standard_input_is_a_file() {
    let fake = Fake::start(script());
    let args = [&["apply", "-f", "-"][..], &WHO].concat();
    let mut child = fake::command(&fake.socket(), &args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(FILE.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(fake.seen().0, asked(false, 0));
}

#[test]
fn the_example_file_is_taken() {
    let fake = Fake::start(script());
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/examples/intents.yaml");
    let said = fake.ok(&[&["apply", "-f", example][..], &WHO].concat());
    assert_eq!(said, "transaction 7f3a: 17 changes: confirmed by FRR\n");
}

#[test]
fn a_plan_and_a_dry_run_change_nothing_and_say_the_same() {
    let fake = Fake::start(script());
    let plan = ok(&fake, "plan");
    assert_eq!(fake.seen(), (planned(), true));
    assert!(plan.starts_with("bgpd (vty)\n"), "{plan}");

    for flags in ["apply --dry-run", "apply --dry-run --diff"] {
        let apply = ApplyResponse { plan: Some(responses::plan()), ..ApplyResponse::default() };
        let fake = Fake::start(Script { apply, ..script() });
        assert_eq!(ok(&fake, flags), plan);
        assert_eq!(fake.seen(), (asked(true, 0), true));
    }
    let fake = Fake::start(Script::default());
    assert_eq!(ok(&fake, "plan"), "nothing to do: FRR has all of it\n");
}

#[test]
fn a_diff_is_shown_before_the_change() {
    let plan = ok(&Fake::start(script()), "plan");
    let fake = Fake::start(script());
    let said = ok(&fake, "apply --diff");
    assert_eq!(said, format!("{plan}\ntransaction 7f3a: 2 changes: confirmed by FRR\n"));
    assert_eq!(fake.all_seen(), [planned(), asked(false, 0)]);

    let document = ok(&Fake::start(script()), "apply --diff -o json");
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["transaction_id"], "7f3a");
    assert_eq!(document["plan"]["daemons"][0]["daemon"], "bgpd");
}

#[test]
fn a_change_to_be_confirmed_says_how_and_until_when() {
    // 2100-01-01, so that it is to come.
    let transaction = Transaction { confirm_by_unix_ms: 4_102_444_800_000, ..Default::default() };
    let fake = Fake::start(Script { transaction: transaction.clone(), ..script() });
    let said = ok(&fake, "apply --confirm 1m30s");
    let get = GetTransactionRequest { transaction_id: "7f3a".into() };
    assert_eq!(fake.all_seen(), [asked(false, 90), Seen::Get(get)]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "transaction 7f3a: 2 changes: confirmed by FRR");
    assert!(
        lines[1].starts_with("rolls back by itself at 2100-01-01T00:00:00+00:00, in "),
        "{said}"
    );
    let socket = fake.socket();
    let command = format!("  novaroutectl confirm 7f3a --socket {} --owner edge", socket.display());
    assert_eq!(lines[2], command);

    let fake = Fake::start(Script { transaction, ..script() });
    let document = ok(&fake, "apply --confirm 90s -o json");
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["confirm_by_unix_ms"], 4_102_444_800_000_i64);

    // Nothing was changed, so nothing rolls back.
    let mut unchanged = script();
    unchanged.apply.outcome = Outcome::Unchanged.into();
    let said = ok(&Fake::start(unchanged), "apply --confirm 90s");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_refusal_leads_to_the_line() {
    let refuse = |code, words| Some((code, words));
    let words = "changes[0].set.bgp.router_id: empty; changes[1].set.static_route.prefix: no; no";
    let fake = Fake::start(Script { refuse: refuse(Code::InvalidArgument, words), ..script() });
    let path = fake.dir.path().join("intents.yaml");
    let path = path.display();
    let expected = format!(
        "error: invalid argument\n  {path}:1: intents[0].bgp.router_id: empty\n  {path}:2: \
         intents[1].static_route.prefix: no; no\n"
    );
    for command in ["apply", "plan", "apply --diff", "apply --dry-run"] {
        let run = run_on(&fake, FILE, command);
        assert_eq!((run.code, run.stderr.as_str()), (5, expected.as_str()), "{command}");
    }
    let words = "changes[1]: mgmtd: % Invalid\nsecond line";
    let fake = Fake::start(Script { refuse: refuse(Code::Aborted, words), ..script() });
    let run = run_on(&fake, FILE, "apply");
    let path = fake.dir.path().join("intents.yaml");
    let place = format!("\n  {}:2: intents[1]: mgmtd: % Invalid\n  second line\n", path.display());
    assert_eq!(run.code, 9);
    assert!(run.stderr.ends_with(&place), "{run:?}");
}

#[test]
fn a_bad_file_is_not_sent() {
    let fake = Fake::start(script());
    let path = fake.dir.path().join("intents.yaml");
    let run = run_on(&fake, "- bgp: {local_as: x}\n- pear: {}\n", "apply");
    let path = path.display();
    let expected = format!(
        "error: 2 mistakes in {path}\n  {path}:1: intents[0].bgp.local_as: `x` is not a number \
         from 0 to 4294967295\n  {path}:2: intents[1].pear: unknown key, known here: bgp, peer, \
         prefix, static_route, bfd_session, ospf_interface, drain, bfd_profile, source\n  try: \
         `novaroutectl apply --help` shows the format\n"
    );
    assert_eq!((run.code, run.stderr), (5, expected));
    let run = fake::ctl(&fake.socket(), &[&["plan", "-f", "/nowhere"][..], &WHO].concat());
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("error: cannot read /nowhere: No such file"), "{run:?}");
    for flags in ["--confirm 60", "--confirm 0s", "--confirm 60s --dry-run"] {
        assert_eq!(run_on(&fake, FILE, &format!("apply {flags}")).code, 2, "{flags}");
    }
    assert_eq!(fake.all_seen(), []);
}

#[test]
fn long_work_is_noted_on_a_terminal_only() {
    let slow = Script { slow: Duration::from_millis(1500), ..script() };
    let fake = Fake::start(slow);
    let run = run_on(&fake, FILE, "apply");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let line = format!(
        "{} --socket {} apply -f {} {}",
        env!("CARGO_BIN_EXE_novaroutectl"),
        fake.socket().display(),
        fake.dir.path().join("intents.yaml").display(),
        WHO.join(" ")
    );
    // script(1), essential on Debian, is the terminal.
    let mut script = Command::new("script");
    let run = fake::finish(script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()));
    assert!(run.stdout.contains("waiting for FRR to take 2 changes: 1 s"), "{run:?}");
    assert!(run.stdout.contains("\r\u{1b}[Ktransaction 7f3a"), "{run:?}");
}
