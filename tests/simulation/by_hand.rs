//! Histories by hand: what chance found once.

use std::collections::BTreeSet;

use novaroute::daemon::Daemon;
use tokio::time::sleep;

use crate::{
    dice::Dice,
    lab::net,
    model::{Object, Wish},
    play::{ANSWER, Play, Script, run},
    yang,
};

/// A network that the operator has too, and `edge` may declare.
const THEIRS: &str = "192.0.2.3/32";

fn by_hand(act: impl AsyncFnOnce(&Play)) {
    let script = Script { seed: 1, steps: 0, turns: Some(BTreeSet::new()), aloud: false };
    let report = run(&script, yang, async |play| {
        act(play).await;
        0
    });
    assert_eq!(report.wrong, None);
}

/// One of the objects of an owner, declared or taken away.
fn edge(objects: &[(Object, bool)]) -> Wish {
    let declared = |(object, stands): &(Object, bool)| {
        let kind = stands.then(|| object.declared(&mut Dice(1)));
        (object.clone(), kind)
    };
    Wish { owner: "edge", objects: objects.iter().map(declared).collect() }
}

async fn ask(play: &Play, wish: Wish) {
    let name = wish.owner;
    play.of(name, |it| it.busy = true);
    play.perform(wish, None).await;
    play.of(name, |it| it.busy = false);
}

/// What is withdrawn while a daemon is away counts as orphaned until FRR is known to have all else: an agent that dies before
/// still knows that the operator's is not its own.
#[test]
fn what_is_theirs_stays_theirs_when_the_agent_dies_behind_its_withdrawal() {
    let (prefix, session) = (Object::Prefix(THEIRS.to_owned()), Object::Session(net::BIRD_V4));
    by_hand(async |play| {
        ask(play, edge(&[(prefix.clone(), true)])).await;
        play.frr.kill(Daemon::Bfdd);
        ask(play, edge(&[(prefix, false), (session, true)])).await;
        play.restart(&mut Dice(1)).await;
        sleep(ANSWER).await;
    });
}
