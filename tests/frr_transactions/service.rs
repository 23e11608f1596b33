//! Plan, dry run, confirm, rollback, history.

use std::time::Duration;

use novaroute::proto::v1::{self, Outcome};
use tonic::Code;

use super::{apply_within, history};
use crate::{
    agent::*,
    lab::{Lab, LabOptions, Router, net, wait_for},
};

const PASSWORD: &str = "s3cret-of-tor";

fn tor_with_password() -> v1::BgpPeer {
    v1::BgpPeer { password: PASSWORD.into(), ..tor() }
}

#[test]
fn a_plan_says_what_apply_then_does_and_shows_no_secret() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    let before = all_running(&lab);
    let changes = || {
        vec![
            change::bgp(net::NODE_AS, "10.0.0.1"),
            change::peer(tor_with_password()),
            change::prefix("192.0.2.0/24"),
            change::via("198.51.100.0/24", net::TOR_V4),
        ]
    };
    let (owner, token) = (admin.owner.clone(), admin.token.clone());
    let request = v1::PlanRequest {
        owner,
        token,
        changes: changes(),
        take_over: false,
        ..Default::default()
    };
    let mut transactions = admin.transactions();
    let plan = admin.block_on(transactions.plan(request)).expect("a plan").into_inner();
    assert_eq!(all_running(&lab), before, "a plan changes nothing");
    assert_eq!(history(&admin).len(), 0, "a plan is no transaction");
    assert!(!format!("{plan:?}").contains(PASSWORD));

    let daemons: Vec<_> = plan.daemons.iter().map(|d| (&*d.daemon, &*d.door)).collect();
    assert_eq!(daemons, [("mgmtd", "northbound"), ("bgpd", "vty")]);
    // Where a route leads stands in keys alone.
    let hop = format!("[gateway='{}']", net::TOR_V4);
    assert!(plan.daemons[0].diff.iter().any(|leaf| leaf.path.contains(&hop)), "{plan:?}");
    assert!(plan.daemons[0].steps.iter().any(|step| step.command.contains(&hop)), "{plan:?}");
    let commands: Vec<_> = plan.daemons[1].steps.iter().map(|s| s.command.as_str()).collect();
    assert_eq!(commands[0], "router bgp 65000");
    assert!(commands.contains(&"neighbor 10.0.1.2 password ***"), "{commands:?}");
    let prefix = plan.daemons[1].steps.iter().find(|s| s.command == "network 192.0.2.0/24");
    let prefix = prefix.expect("the network");
    assert_eq!(prefix.context, ["router bgp 65000", "address-family ipv4 unicast"]);
    assert_eq!(prefix.inverse, ["no network 192.0.2.0/24"]);
    let paths: Vec<_> = plan.daemons[1].diff.iter().map(|leaf| leaf.path.as_str()).collect();
    assert!(paths.iter().any(|path| path.ends_with("/frr-bgp:bgp/global/local-as")), "{paths:?}");

    let applied = apply_within(&admin, changes(), 0).expect("applied");
    assert_eq!(applied.outcome(), Outcome::Confirmed);
    let shown = running(&lab, "bgpd");
    for command in commands.iter().filter(|c| !c.contains("***") && !c.starts_with("no ")) {
        // What equals a default of FRR is set and not shown.
        let hidden = ["restart-time", "stalepath-time", "address-family", " activate"];
        if !hidden.iter().any(|word| command.contains(word)) {
            assert!(shown.contains(command), "{command:?} in\n{shown}");
        }
    }
    let dry = v1::ApplyRequest {
        owner: admin.owner.clone(),
        token: admin.token.clone(),
        changes: changes(),
        dry_run: true,
        ..Default::default()
    };
    let mut transactions = admin.transactions();
    let dry = admin.block_on(transactions.apply(dry)).expect("a plan").into_inner();
    assert_eq!(dry.plan.expect("a plan").daemons, [], "nothing differs any more");
}

#[test]
fn every_call_is_remembered_with_owner_result_and_duration() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor_with_password()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    let own_address = v1::BgpPeer { neighbor_address: net::NODE_TOR_V4.into(), ..tor() };
    let refused = admin.apply_peer(own_address).expect_err("FRR refuses its own address");
    assert_eq!(refused.code(), Code::Aborted);
    let list = history(&admin);
    let told: Vec<_> = list.iter().map(|t| (t.origin.as_str(), t.result.as_str())).collect();
    assert_eq!(
        told,
        [
            ("ApplyPeer", "refused"),
            ("AdvertisePrefix", "unchanged"),
            ("AdvertisePrefix", "confirmed"),
            ("ApplyPeer", "confirmed"),
            ("ConfigureBGP", "confirmed"),
        ]
    );
    assert!(list.iter().all(|t| t.owner == "admin" && t.change_count == 1 && t.duration_us > 0));
    assert!(list[0].message.contains("Can not configure the local system as neighbor"));
    let mut transactions = admin.transactions();
    let get = v1::GetTransactionRequest { transaction_id: list[3].id.clone() };
    let whole = admin.block_on(transactions.get(get)).expect("the transaction").into_inner();
    assert_eq!(whole.changes[0].object, format!("peer {}", net::TOR_V4));
    assert!(!format!("{whole:?}").contains(PASSWORD));
    assert!(!agent.log().contains(PASSWORD), "no log line shows it either");

    // All the other calls that change something.
    let session = v1::BfdSession { peer_address: net::BIRD_V4.into(), ..Default::default() };
    admin.enable_bfd(session).unwrap();
    admin.disable_bfd(net::BIRD_V4).unwrap();
    let interface = v1::OspfInterface {
        interface_name: net::NODE_TOR_INTERFACE.into(),
        area_id: "0".into(),
        ..Default::default()
    };
    admin.enable_ospf(interface).unwrap();
    admin.disable_ospf(net::NODE_TOR_INTERFACE).unwrap();
    admin.withdraw("192.0.2.0/24").unwrap();
    admin.remove_peer(net::TOR_V4).unwrap();
    admin.advertise("198.51.100.0/24").unwrap();
    admin.deregister(true).unwrap();
    let more: Vec<_> = history(&admin).into_iter().take(8).collect();
    let told: Vec<_> = more.iter().map(|t| t.origin.as_str()).collect();
    let expected = [
        "Deregister",
        "AdvertisePrefix",
        "RemovePeer",
        "WithdrawPrefix",
        "DisableOSPF",
        "EnableOSPF",
        "DisableBFD",
        "EnableBFD",
    ];
    assert_eq!(told, expected);
    let well = |t: &v1::Transaction| {
        t.owner == "admin" && t.result == "confirmed" && t.duration_us > 0 && t.change_count > 0
    };
    assert!(more.iter().all(well), "{more:?}");
}

#[test]
fn what_is_confirmed_stays_and_what_is_not_is_taken_back() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    let before = running(&lab, "bgpd");

    let kept = apply_within(&admin, vec![change::prefix("198.51.100.0/24")], 3).unwrap();
    let confirm = v1::ConfirmRequest {
        owner: admin.owner.clone(),
        token: admin.token.clone(),
        transaction_id: kept.transaction_id,
    };
    let mut transactions = admin.transactions();
    admin.block_on(transactions.confirm(confirm.clone())).expect("confirmed");
    let again = admin.block_on(transactions.confirm(confirm)).expect_err("is confirmed already");
    assert_eq!(again.code(), Code::NotFound);
    let confirmed = running(&lab, "bgpd");

    let changes =
        vec![change::prefix("203.0.113.0/24"), change::via("198.51.100.0/24", net::TOR_V4)];
    let lost = apply_within(&admin, changes, 1).unwrap();
    has_lines(&lab, &["network 203.0.113.0/24"]).expect("applied at once");
    wait_for("the rollback", SOON, || {
        match history(&admin).iter().find(|t| t.id == lost.transaction_id) {
            Some(t) if t.finish == "rolled back" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    assert_eq!(running(&lab, "bgpd"), confirmed);
    assert_eq!(kernel(&lab, "198.51.100.0/24"), "");
    assert_eq!(admin.prefix_state("203.0.113.0/24"), None);

    // Taking back by hand what was confirmed.
    let first = history(&admin).into_iter().find(|t| t.finish == "confirmed").expect("the first");
    let roll_back = v1::RollbackRequest {
        owner: admin.owner.clone(),
        token: admin.token.clone(),
        transaction_id: first.id,
    };
    let answer = admin.block_on(transactions.rollback(roll_back.clone())).expect("rolled back");
    assert_eq!(answer.into_inner().outcome(), Outcome::Confirmed);
    assert_eq!(running(&lab, "bgpd"), before);
    let again =
        admin.block_on(transactions.rollback(roll_back)).expect_err("is rolled back already");
    assert_eq!(again.code(), Code::NotFound);
}

#[test]
fn a_confirmation_that_never_comes_is_noticed_by_the_next_agent() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    let before = running(&lab, "bgpd");
    let changes = vec![change::prefix("203.0.113.0/24")];
    let applied = apply_within(&admin, changes, 2).unwrap();
    assert_eq!(applied.outcome(), Outcome::Confirmed);
    drop(admin);
    agent.kill();
    std::thread::sleep(Duration::from_secs(2));
    agent.launch();
    wait_for("the rollback", SOON, || match running(&lab, "bgpd") == before {
        true => Ok(()),
        false => Err("other lines"),
    });
    let admin = agent.client("admin");
    let finish = wait_for("the history", SOON, || {
        let list = history(&admin);
        let found = list.into_iter().find(|t| t.origin == "Apply" && !t.finish.is_empty());
        found.map(|t| t.finish).ok_or("not finished")
    });
    assert_eq!(finish, "rolled back");
}

#[test]
fn the_change_that_frr_refuses_is_named_and_nothing_of_the_others_remains() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let admin = agent.client("admin");
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.wait_ready();
    let before = all_running(&lab);
    let mgmtd = || lab.vtysh(Router::Node, &["show running-config"]);
    let (before_mgmtd, events) = (mgmtd(), admin.events(&["PREFIX_ADVERTISED"]));
    let mut changes: Vec<_> =
        (0..200).map(|n| change::prefix(&format!("10.50.{n}.0/24"))).collect();
    // Something for every daemon, and before it is bgpd's turn.
    let interface = v1::OspfInterface {
        interface_name: net::NODE_TOR_INTERFACE.into(),
        area_id: "0".into(),
        ..Default::default()
    };
    let session = v1::BfdSession { peer_address: net::TOR_V6.into(), ..Default::default() };
    let with = v1::PrefixAttributes { med: 5, ..Default::default() };
    changes[10] = change::via("198.51.100.0/24", net::TOR_V4);
    changes[20] = change::bfd(session);
    changes[30] = change::ospf(interface);
    changes[40] = change::ospf_prefix("198.51.101.1/32");
    changes[50] = change::peer(v1::BgpPeer { bfd_enabled: true, ..bird() });
    changes[60] = change::prefix_with("192.0.2.0/24", with);
    // FRR takes no session with the node itself.
    let own_address = v1::BgpPeer { neighbor_address: net::NODE_TOR_V4.into(), ..tor() };
    changes[136] = change::peer(own_address);
    let refused = apply_within(&admin, changes, 0).expect_err("FRR refuses");
    assert_eq!(refused.code(), Code::Aborted);
    assert!(refused.message().contains("changes[136]"), "{refused}");
    assert!(
        refused.message().contains("Can not configure the local system as neighbor"),
        "{refused}"
    );
    assert_eq!(all_running(&lab), before);
    assert_eq!(mgmtd(), before_mgmtd);
    for route in ["198.51.100.0/24", "198.51.101.1/32"] {
        assert_eq!(kernel(&lab, route), "");
    }
    let status = admin.status();
    assert_eq!((status.prefixes, status.peers), (vec![], vec![]));
    assert_eq!((status.bfd_sessions, status.ospf_interfaces), (vec![], vec![]));
    assert_eq!(events.all(), [], "nothing was advertised");
    agent.wait_ready();
}

#[test]
fn nobody_decides_over_another_owners_transaction_and_what_changed_since_stays() {
    let lab = Lab::start(LabOptions::default());
    let agent = Agent::start(&lab);
    let (admin, edge) = (agent.client("admin"), agent.client("edge"));
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    let first = apply_within(&admin, vec![change::prefix("192.0.2.1/32")], 0).unwrap();
    let decide = |client: &Client, id: &str| {
        let request = v1::RollbackRequest {
            owner: client.owner.clone(),
            token: client.token.clone(),
            transaction_id: id.to_owned(),
        };
        let mut transactions = client.transactions();
        client.block_on(transactions.rollback(request)).map(tonic::Response::into_inner)
    };
    let theirs = decide(&edge, &first.transaction_id).expect_err("it is admin's");
    assert_eq!(theirs.code(), Code::PermissionDenied);
    admin.withdraw("192.0.2.1/32").unwrap();
    edge.advertise("192.0.2.1/32").unwrap();
    let changed = decide(&admin, &first.transaction_id).expect_err("changed since");
    assert_eq!(changed.code(), Code::FailedPrecondition);
    assert!(changed.message().contains("192.0.2.1/32"), "{changed}");
    has_lines(&lab, &["network 192.0.2.1/32"]).expect("it stays");
}
