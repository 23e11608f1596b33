//! One sequence: its steps, and how it is played.

use std::{
    thread,
    time::{Duration, Instant},
};

use novaroute::proto::v1::{IntentChange, intent_change::Change};
use tonic::Code;

use crate::{
    agent::*,
    dice::Dice,
    lab::{Lab, Router, wait_for},
    model::{Model, OWNERS, Object, Wish},
    routers::{a_lab, lines, reference, start},
};

/// FRR comes back several times in a row; the rest is room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const DAEMONS: [&str; 5] = ["bgpd", "staticd", "bfdd", "ospfd", "mgmtd"];

/// What happens next. Whatever chance decides is decided in it, so that any part of a sequence can be played.
#[derive(Debug, Clone)]
pub enum Step {
    /// The daemon that is down, if one is, runs again.
    PutRight,
    /// A daemon dies, unless another is down.
    Kill(&'static str),
    /// A daemon hangs, unless another is down.
    Hang(&'static str),
    /// The agent is killed and starts anew.
    KillAgent,
    /// The agent is killed so long after the call began.
    KillAgentDuring(Wish, Duration),
    /// An owner declares and withdraws.
    Declare(Wish),
}

/// The steps of a seed.
pub fn sequence(seed: u64, count: u64) -> Vec<Step> {
    let (mut dice, mut model, mut steps) = (Dice(seed), Model::new(), Vec::new());
    let mut wish = |dice: &mut Dice| {
        let wish = Wish::any(&model, dice);
        wish.apply(&mut model);
        wish
    };
    for _ in 0..count {
        if dice.below(4) == 0 {
            steps.push(Step::PutRight);
        }
        steps.push(match dice.below(8) {
            0 => Step::Kill(dice.one(&DAEMONS)),
            1 => Step::Hang(dice.one(&DAEMONS)),
            2 => Step::KillAgent,
            3 => {
                let wish = wish(&mut dice);
                Step::KillAgentDuring(wish, Duration::from_millis(dice.below(30)))
            }
            _ => Step::Declare(wish(&mut dice)),
        });
    }
    steps
}

/// A daemon that does not run as it should, until it is put right.
#[derive(Clone, Copy)]
enum Down {
    Killed(&'static str),
    Frozen(&'static str),
}

impl Down {
    fn put_right(self, lab: &Lab) {
        match self {
            Self::Killed(daemon) => lab.restart(Router::Node, daemon),
            Self::Frozen(daemon) => lab.cont(Router::Node, daemon),
        }
    }
}

/// Asks again for what may have been done already.
fn again(client: &Client, changes: &[IntentChange]) {
    for change in changes {
        let asked = || client.apply(vec![change.clone()]);
        let outcome = match asked() {
            Err(status) if status.code() == Code::Cancelled => asked(),
            outcome => outcome,
        };
        match outcome {
            Ok(_) => {}
            Err(status) if status.code() == Code::NotFound => {
                assert!(matches!(change.change, Some(Change::Remove(_))), "{status}");
            }
            Err(status) => panic!("{change:?}: {status}"),
        }
    }
}

/// Plays steps in a lab of their own. Panics where FRR and the model differ at the end.
pub fn play(steps: &[Step]) {
    let lab = a_lab();
    let before = lines(&lab);
    for word in ["bgpd: route-map THEIRS permit 10", "198.18.0.0/15", "profile theirs"] {
        assert!(before.iter().any(|line| line.contains(word)), "{word} in {before:#?}");
    }
    let mut agent = start(&lab);
    let mut model = Model::new();
    let mut down: Option<Down> = None;
    for (at, step) in steps.iter().enumerate() {
        eprintln!("{at}: {step:?}");
        match step {
            Step::PutRight => down.take().into_iter().for_each(|it| it.put_right(&lab)),
            Step::Kill(_) | Step::Hang(_) if down.is_some() => {}
            Step::Kill(daemon) => {
                lab.kill(Router::Node, daemon);
                down = Some(Down::Killed(daemon));
            }
            Step::Hang(daemon) => {
                lab.stop(Router::Node, daemon);
                down = Some(Down::Frozen(daemon));
            }
            Step::KillAgent => {
                agent.kill();
                agent.launch();
            }
            Step::KillAgentDuring(wish, pause) => {
                let changes = wish.changes(&model);
                let client = agent.client(wish.owner);
                thread::scope(|scope| {
                    let call = scope.spawn(|| client.apply(changes.clone()));
                    thread::sleep(*pause);
                    agent.kill();
                    // Whether it was answered is chance; it is repeated below.
                    let _ = call.join().expect("no panic");
                });
                agent.launch();
                again(&agent.client(wish.owner), &changes);
                wish.apply(&mut model);
            }
            Step::Declare(wish) => {
                let changes = wish.changes(&model);
                let begun = Instant::now();
                let outcome = agent.client(wish.owner).apply(changes);
                eprintln!("{at}: {outcome:?} in {:?}", begun.elapsed());
                if let Err(status) = outcome {
                    panic!("{at}: {status}\n{}", agent.log());
                }
                wish.apply(&mut model);
            }
        }
    }
    if let Some(it) = down {
        it.put_right(&lab);
    }
    let wanted = reference(&model);
    wait_for("FRR to be as the model", PATIENCE, || {
        let now = lines(&lab);
        if now == wanted {
            return Ok(());
        }
        let less: Vec<_> = wanted.iter().filter(|line| !now.contains(line)).collect();
        let more: Vec<_> = now.iter().filter(|line| !wanted.contains(line)).collect();
        Err(format!("lacks {less:#?}, has besides {more:#?}, of {model:#?}"))
    });
    wait_for("/readyz", PATIENCE, || match agent.http("/readyz") {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });

    // All goes, and what is not ours stays.
    for owner in OWNERS {
        agent.client(owner).deregister(true).expect("withdrawn");
    }
    let now = lines(&lab);
    for line in &before {
        assert!(now.contains(line), "{line} is gone:\n{now:#?}");
    }
    for (_, object) in model.keys() {
        let (Object::Peer(word) | Object::Session(word)) = object else { continue };
        assert!(!now.iter().any(|line| line.contains(word)), "{object:?} is left:\n{now:#?}");
    }
    assert!(!now.iter().any(|line| line.contains("NR-") && line.contains("network")), "{now:#?}");
}
