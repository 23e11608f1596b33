//! What happens how often in a history: chance alone takes too long to come upon a fault that needs several things of one kind.

use novaroute::journal::simulated::{Faults, Simulated};

use crate::{
    dice::Dice,
    model::{OPERATORS, Object, Wish},
};

/// What kind of trouble prevails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// A little of everything.
    Mixed,
    /// The disk: several faults at a time, and an agent that dies.
    Disk,
    /// What the operator has as well is declared and withdrawn, daemons are away, and the agent dies.
    Operator,
}

/// One turn of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Call,
    Flood,
    FollowUp,
    Daemon,
    PutRight,
    Mood,
    Disk,
    Restart,
    Connection,
    Clock,
    Cure,
}

const TURNS: [Turn; 11] = [
    Turn::Call,
    Turn::Flood,
    Turn::FollowUp,
    Turn::Daemon,
    Turn::PutRight,
    Turn::Mood,
    Turn::Disk,
    Turn::Restart,
    Turn::Connection,
    Turn::Clock,
    Turn::Cure,
];

impl Weather {
    /// Three of five seeds have a little of everything.
    pub fn of(seed: u64) -> Self {
        match seed % 5 {
            3 => Self::Disk,
            4 => Self::Operator,
            _ => Self::Mixed,
        }
    }

    /// How often each of [`TURNS`] comes.
    fn weights(self) -> [u64; TURNS.len()] {
        match self {
            Self::Mixed => [120, 3, 16, 16, 12, 6, 8, 4, 8, 2, 5],
            Self::Disk => [96, 0, 16, 2, 8, 2, 34, 16, 4, 2, 20],
            Self::Operator => [100, 0, 8, 30, 28, 2, 2, 20, 6, 0, 4],
        }
    }

    pub fn turn(self, dice: &mut Dice) -> Turn {
        let weights = self.weights();
        let mut at = dice.below(weights.iter().sum());
        for (turn, weight) in TURNS.into_iter().zip(weights) {
            match at.checked_sub(weight) {
                None => return turn,
                Some(left) => at = left,
            }
        }
        Turn::Call
    }

    /// What is the matter with the disk.
    pub fn faults(self, disk: &Simulated, dice: &mut Dice) -> Faults {
        match self {
            Self::Mixed | Self::Operator => one_fault(disk, dice),
            Self::Disk => many_faults(disk, dice),
        }
    }

    /// What an owner wishes in the place of this.
    pub fn wish(self, wish: Wish, dice: &mut Dice, has_theirs: bool) -> Wish {
        if self != Self::Operator || wish.owner != "edge" || dice.coin() {
            return wish;
        }
        let theirs = Object::Prefix(OPERATORS.to_owned());
        let kind = (!has_theirs).then(|| theirs.declared(dice));
        let mut objects = wish.objects;
        objects.insert(theirs, kind);
        Wish { owner: wish.owner, objects }
    }
}

fn calls(dice: &mut Dice) -> usize {
    usize::try_from(dice.below(12)).expect("small")
}

fn one_fault(disk: &Simulated, dice: &mut Dice) -> Faults {
    match dice.below(7) {
        0 => Faults { fails: 3, ..Faults::default() },
        1 => Faults { read_only: true, ..Faults::default() },
        2 => Faults { capacity: Some(disk.used()), ..Faults::default() },
        3 => Faults { directory_fails: true, ..Faults::default() },
        4 => Faults { dies_after: Some(calls(dice)), ..Faults::default() },
        _ => Faults::default(),
    }
}

fn many_faults(disk: &Simulated, dice: &mut Dice) -> Faults {
    let rare = |dice: &mut Dice| dice.below(6) == 0;
    Faults {
        fails: dice.one(&[0, 2, 3, 6]),
        directory_fails: dice.below(3) == 0,
        dies_after: (dice.below(3) == 0).then(|| calls(dice)),
        read_only: rare(dice),
        capacity: rare(dice).then(|| disk.used()),
        ..Faults::default()
    }
}
