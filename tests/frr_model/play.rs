//! One sequence: its steps, and how it is played.

use std::time::{Duration, Instant};

use novaroute::proto::v1::{IntentChange, intent_change::Change};
use tonic::Code;

use crate::{
    agent::*,
    dice::Dice,
    lab::wait_for,
    model::{Model, OWNERS, Object, Wish},
    routers::{a_lab, lines, reference, start},
    sequence::{
        self,
        faults::{Faults, kill_during},
    },
};

/// FRR comes back several times in a row; the rest is room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

type Step = sequence::Step<Wish>;

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
        steps.push(Step::any(&mut dice, 8, 30, &mut wish));
    }
    steps
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
    let mut faults = Faults::new(&lab);
    for (at, step) in steps.iter().enumerate() {
        eprintln!("{at}: {step:?}");
        match step {
            Step::PutRight => faults.put_right(|| ()),
            Step::Kill(daemon) => faults.kill(daemon),
            Step::Hang(daemon) => faults.hang(daemon),
            Step::KillAgent => {
                agent.kill();
                agent.launch();
            }
            Step::KillAgentDuring(wish, pause) => {
                let changes = wish.changes(&model);
                kill_during(&mut agent, wish.owner, &changes, *pause);
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
    faults.put_right(|| ());
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
