//! One sequence: its steps, and how it is played.

use std::time::{Duration, Instant};

use tonic::{Code, Status};

use crate::{
    agent::*,
    dice::Dice,
    intents::{Asked, OWNERS, Wish},
    lab::{Lab, LabOptions, Router, wait_for},
    operator::Operator,
    sequence::{
        self,
        faults::{Faults, kill_during},
    },
};

/// FRR comes back several times in a row; the rest is room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was declared while a daemon was away waits a minute for its start-up file, and a minute for the next look.
const READY: Duration = Duration::from_secs(180);

pub type Step = sequence::Step<Wish>;

/// The steps of a seed.
pub fn sequence(operator: &Operator, seed: u64, intents: u64) -> Vec<Step> {
    let mut dice = Dice(
        operator.name.bytes().fold(seed, |sum, it| sum.wrapping_mul(31).wrapping_add(it.into())),
    );
    let (mut steps, mut declared, mut asked) = (Vec::new(), 0, Asked::default());
    while declared < intents {
        if dice.below(3) == 0 {
            steps.push(Step::PutRight);
        }
        let step = Step::any(&mut dice, 12, 40, |dice| Wish::any(operator, &mut asked, dice));
        declared += u64::from(matches!(step, Step::Declare(_) | Step::KillAgentDuring(..)));
        steps.push(step);
    }
    steps
}

/// Whether a refusal is one that an owner may meet: whatever else is the agent's fault.
fn is_a_refusal(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Aborted
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::NotFound
            | Code::PermissionDenied
    )
}

/// Whether this is said of what `admin` declares of the node, which no owner withdraws with the rest.
fn is_of_the_node(why: &str) -> bool {
    ["BGP instance", "drain of the node"]
        .iter()
        .any(|it| why.contains(&format!("FRR refuses {it}:")))
}

/// The whole of FRR's configuration, word for word, as an operator sees it.
fn shown(lab: &Lab) -> String {
    lab.vtysh(Router::Node, &["show running-config"])
}

/// Lines with their context, so that a difference in their neighbours is none in them.
fn lines(text: &str) -> Vec<String> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut all = Vec::new();
    for line in text.lines() {
        let body = line.trim();
        if body.is_empty() || ["!", "exit", "end"].iter().any(|it| body.starts_with(it)) {
            continue;
        }
        let indentation = line.len() - line.trim_start().len();
        open.retain(|(outer, _)| *outer < indentation);
        let context: Vec<&str> = open.iter().map(|(_, line)| *line).collect();
        all.push(format!("{} / {body}", context.join(" / ")));
        open.push((indentation, body));
    }
    all
}

/// That every line of the operator's is in what daemons run that run as they should. `when` is for the message.
fn theirs_stands(lab: &Lab, before: &[(&str, Vec<String>)], when: &str) {
    for (daemon, theirs) in before {
        let now = lines(&running(lab, daemon));
        let gone: Vec<&String> = theirs.iter().filter(|line| !now.contains(line)).collect();
        assert!(gone.is_empty(), "{when}: {daemon} lacks {gone:#?}; it has {now:#?}");
    }
}

/// Plays steps in a lab of their own. Panics where the operator's configuration is not what it was.
pub fn play(operator: &Operator, steps: &[Step]) {
    let mut options = LabOptions::default().config(Router::Node, &operator.text);
    if let Some(profile) = &operator.profile {
        options = options.profile(Router::Node, profile);
    }
    let lab = Lab::start(options);
    let whole = shown(&lab);
    let before: Vec<(&str, Vec<String>)> = ["bgpd", "bfdd", "ospfd"]
        .into_iter()
        .map(|daemon| (daemon, lines(&running(&lab, daemon))))
        .collect();
    let mut agent = Agent::start_with(&lab, |config| {
        config["log_level"] = "info".into();
        config["disconnect_grace_period"] = 3600.into();
        config["withdraw_on_exit"] = true.into();
        config["frr"]["connect_timeout"] = 1.into();
        for owner in ["edge", "net"] {
            config["owners"][owner]["allowed_prefixes"] = serde_json::json!({"type": "any"});
        }
    });
    let mut faults = Faults::new(&lab);
    for (at, step) in steps.iter().enumerate() {
        eprintln!("{at}: {step:?}");
        match step {
            // A daemon that starts reads its start-up configuration before the agent comes.
            Step::PutRight => faults.put_right(|| agent.freeze()),
            Step::Kill(daemon) => faults.kill(daemon),
            Step::Hang(daemon) => faults.hang(daemon),
            Step::KillAgent => {
                agent.kill();
                agent.launch();
            }
            Step::KillAgentDuring(wish, pause) => {
                kill_during(&mut agent, wish.owner, &wish.changes, *pause);
            }
            Step::Declare(wish) => {
                let begun = Instant::now();
                let outcome = agent.client(wish.owner).apply(wish.changes.clone());
                eprintln!("{at}: {outcome:?} in {:?}", begun.elapsed());
                if let Err(status) = outcome {
                    assert!(is_a_refusal(&status), "{at}: {status}\n{}", agent.log());
                }
            }
        }
        if faults.none() {
            theirs_stands(&lab, &before, &format!("{at}: {step:?}"));
        }
    }
    faults.put_right(|| agent.freeze());
    for owner in OWNERS {
        wait_for(&format!("{owner} to withdraw"), PATIENCE, || {
            agent.client(owner).deregister(true).map(drop)
        });
    }
    // Nothing is held up by what is the operator's, but the instance and the drain, which stay declared, by its own lines.
    wait_for("/readyz", READY, || match agent.http("/readyz") {
        (200, _) => Ok(()),
        (503, why) if is_of_the_node(&why) && why.contains("which NovaRoute did not configure") => {
            Ok(())
        }
        other => Err(format!("{other:?}")),
    });
    // The instance and the drain are the node's, and go with the agent (`withdraw_on_exit`).
    agent.stop_within(PATIENCE);
    let now = shown(&lab);
    if now != whole {
        let (less, more) = (lines(&whole), lines(&now));
        let lacks: Vec<_> = less.iter().filter(|line| !more.contains(line)).collect();
        let has: Vec<_> = more.iter().filter(|line| !less.contains(line)).collect();
        panic!(
            "FRR lacks {lacks:#?}, has besides {has:#?}, of\n{now}\nwhere it was\n{whole}\n{}",
            agent.log()
        );
    }
}
