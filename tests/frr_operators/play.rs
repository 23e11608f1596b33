//! One sequence: its steps, and how it is played.

use std::{
    thread,
    time::{Duration, Instant},
};

use tonic::{Code, Status};

use crate::{
    agent::*,
    dice::Dice,
    intents::{Asked, OWNERS, Wish},
    lab::{Lab, LabOptions, Router, wait_for},
    operator::Operator,
};

/// FRR comes back several times in a row; the rest is room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was declared while a daemon was away waits a minute for its start-up file, and a minute for the next look.
const READY: Duration = Duration::from_secs(180);

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
pub fn sequence(operator: &Operator, seed: u64, intents: u64) -> Vec<Step> {
    let mut dice = Dice(
        operator.name.bytes().fold(seed, |sum, it| sum.wrapping_mul(31).wrapping_add(it.into())),
    );
    let (mut steps, mut declared, mut asked) = (Vec::new(), 0, Asked::default());
    while declared < intents {
        if dice.below(3) == 0 {
            steps.push(Step::PutRight);
        }
        let step = match dice.below(12) {
            0 => Step::Kill(dice.one(&DAEMONS)),
            1 => Step::Hang(dice.one(&DAEMONS)),
            2 => Step::KillAgent,
            3 => {
                let wish = Wish::any(operator, &mut asked, &mut dice);
                Step::KillAgentDuring(wish, Duration::from_millis(dice.below(40)))
            }
            _ => Step::Declare(Wish::any(operator, &mut asked, &mut dice)),
        };
        declared += u64::from(matches!(step, Step::Declare(_) | Step::KillAgentDuring(..)));
        steps.push(step);
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
    /// A daemon that starts reads its start-up configuration before the agent comes.
    fn put_right(self, lab: &Lab, agent: &Agent<'_>) {
        match self {
            Self::Killed(daemon) => {
                let _waits = agent.freeze();
                lab.restart(Router::Node, daemon);
            }
            Self::Frozen(daemon) => lab.cont(Router::Node, daemon),
        }
    }
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

/// Lines with what they stand in, so that what stands beside them is no difference.
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

/// That every line of the operator's stands in what daemons run that run as they should. `when` is for the message.
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
    let mut down: Option<Down> = None;
    for (at, step) in steps.iter().enumerate() {
        eprintln!("{at}: {step:?}");
        match step {
            Step::PutRight => {
                down.take().into_iter().for_each(|it| it.put_right(&lab, &agent));
            }
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
                let client = agent.client(wish.owner);
                thread::scope(|scope| {
                    let call = scope.spawn(|| client.apply(wish.changes.clone()));
                    thread::sleep(*pause);
                    agent.kill();
                    // Whether it was answered is chance.
                    let _ = call.join().expect("no panic");
                });
                agent.launch();
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
        if down.is_none() {
            theirs_stands(&lab, &before, &format!("{at}: {step:?}"));
        }
    }
    if let Some(it) = down {
        it.put_right(&lab, &agent);
    }
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
