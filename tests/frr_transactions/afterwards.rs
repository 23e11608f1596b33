//! The agent dies where a transaction is confirmed, rolled back by hand, or by its time.

use std::time::Duration;

use novaroute::proto::v1;
use tonic::Status;

use super::{apply_within, history};
use crate::{
    agent::*,
    lab::{Lab, LabOptions, net, wait_for},
};

/// Places that what becomes of a transaction passes.
pub const PLACES: [&str; 3] = ["journal-finishing", "journal-finished", "rollback-applied"];

const PREFIX: &str = "198.51.100.0/24";

fn decide(client: &Client, id: &str, keep: bool) -> Result<(), Status> {
    let (owner, token) = (client.owner.clone(), client.token.clone());
    let transaction_id = id.to_owned();
    let mut transactions = client.transactions();
    if keep {
        let request = v1::ConfirmRequest { owner, token, transaction_id };
        client.block_on(transactions.confirm(request)).map(drop)
    } else {
        let request = v1::RollbackRequest { owner, token, transaction_id };
        client.block_on(transactions.rollback(request)).map(drop)
    }
}

#[track_caller]
fn wait_prefix(lab: &Lab, what: &str, there: bool) {
    wait_for(&format!("{what}: {PREFIX} there: {there}"), SOON, || {
        let shown = running(lab, "bgpd");
        let has = shown.contains(&format!("network {PREFIX}"));
        if has == there { Ok(()) } else { Err(shown) }
    });
}

/// Each place, reached by whom it can be: what was confirmed stays, what was not goes, and the history says which.
#[test]
fn wherever_the_agent_dies_a_transaction_is_confirmed_or_rolled_back() {
    let lab = Lab::start(LabOptions::default());
    let mut agent = Agent::start(&lab);
    agent.client("admin").configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    agent.stop();
    for (place, way) in [
        ("journal-finishing", "confirm"),
        ("journal-finished", "confirm"),
        ("rollback-applied", "roll back"),
        ("journal-finishing", "roll back"),
        ("journal-finished", "roll back"),
        ("rollback-applied", "time"),
        ("journal-finished", "time"),
    ] {
        let what = format!("{place}, {way}");
        agent.launch_with(&[("NOVAROUTE_FAILPOINT", place)]);
        let admin = agent.client("admin");
        let within = if way == "time" { 1 } else { 8 };
        let id = apply_within(&admin, vec![change::prefix(PREFIX)], within).unwrap().transaction_id;
        match way {
            "confirm" => drop(decide(&admin, &id, true).expect_err("the agent died")),
            "roll back" => drop(decide(&admin, &id, false).expect_err("the agent died")),
            _ => {}
        }
        drop(admin);
        agent.wait_dead();

        agent.launch();
        agent.wait_ready();
        let admin = agent.client("admin");
        let kept = (place, way) == ("journal-finished", "confirm");
        if kept {
            std::thread::sleep(Duration::from_secs(9));
        }
        wait_prefix(&lab, &what, kept);
        let finish = if kept { "confirmed" } else { "rolled back" };
        wait_for(&format!("{what}: {finish}"), SOON, || {
            let all = history(&admin);
            match all.iter().find(|it| it.id == id) {
                Some(it) if it.finish == finish => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        if kept {
            admin.withdraw(PREFIX).unwrap();
        }
        drop(admin);
        agent.stop();
    }
}
