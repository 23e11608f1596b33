//! What is shown and how: the state of the view. Pure.

use std::time::Duration;

use super::data::{Data, Update};
use crate::ctl::output::{Colour, Now, text};
use jiff::{Timestamp, tz::TimeZone};

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// BGP peers.
    Peers,
    /// Counts of prefixes.
    Prefixes,
    /// BFD sessions.
    Bfd,
    /// Interfaces in OSPF.
    Ospf,
    /// The latest events.
    Events,
    /// The latest transactions.
    Transactions,
}

impl Pane {
    /// In the order in which Tab visits them.
    pub const ALL: [Self; 6] =
        [Self::Peers, Self::Prefixes, Self::Bfd, Self::Ospf, Self::Events, Self::Transactions];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Peers => "Peers",
            Self::Prefixes => "Prefixes",
            Self::Bfd => "BFD",
            Self::Ospf => "OSPF",
            Self::Events => "Events",
            Self::Transactions => "Transactions",
        }
    }

    /// The pane so many places behind this one, around the end.
    pub fn step(self, places: usize) -> Self {
        Self::ALL[(self as usize + places) % Self::ALL.len()]
    }
}

/// Whether the view goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It does.
    Go,
    /// It does, on a screen that is drawn anew: something else wrote on it.
    Redraw,
    /// The user quits.
    Quit,
}

/// Whether the agent is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not yet known.
    Connecting,
    /// It is.
    Up,
    /// It is not, for this reason.
    Lost(String),
}

/// The view.
#[derive(Debug)]
pub struct Top {
    /// Where the agent is.
    pub socket: String,
    /// Whose things are shown; empty for everybody's.
    pub owner: String,
    /// Whether there are colours.
    pub colour: Colour,
    /// The time it is.
    pub now: Now,
    /// Whether the agent is there.
    pub link: Link,
    /// What it has said.
    data: Data,
    /// What it had said when the view was paused.
    frozen: Option<Data>,
    /// The pane that has the keys.
    pub focus: Pane,
    /// The line of each pane that is selected, from 0.
    pub(super) selected: [usize; Pane::ALL.len()],
    /// Whether the pane with the keys has the whole screen.
    pub enlarged: bool,
    /// What lines must contain, in lower case or not.
    pub filter: String,
    /// Whether the filter is being typed.
    pub typing: bool,
    /// Whether the keys are explained.
    pub help: bool,
    /// The column by which each pane is sorted, from 0; `None` for its own order.
    pub(super) sorted: [Option<usize>; Pane::ALL.len()],
    /// Whether all of the selected line is shown.
    pub details: bool,
    /// Time between looks at the status.
    pub interval: Duration,
    /// Time since the agent said anything; it is asked for the status all the time.
    pub silent: Duration,
    /// When it said something last, since the view began.
    heard: Duration,
    /// The time since the view began.
    elapsed: Duration,
}

/// How long after a look an answer may take. With the default interval of a second, and the view's own tick, an agent that
/// hangs is named within two.
const PATIENCE: Duration = Duration::from_millis(700);

impl Top {
    /// Before anything is known.
    pub fn new(socket: String, owner: String, colour: Colour) -> Self {
        Self {
            socket,
            owner,
            colour,
            now: Now { time: Timestamp::UNIX_EPOCH, zone: TimeZone::UTC },
            link: Link::Connecting,
            data: Data::default(),
            frozen: None,
            focus: Pane::Peers,
            selected: [0; Pane::ALL.len()],
            enlarged: false,
            filter: String::new(),
            typing: false,
            help: false,
            sorted: [None; Pane::ALL.len()],
            details: false,
            interval: Duration::from_secs(1),
            silent: Duration::ZERO,
            heard: Duration::ZERO,
            elapsed: Duration::ZERO,
        }
    }

    /// Time goes on: so much since the view began.
    pub fn tick(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
        self.silent = elapsed.saturating_sub(self.heard);
    }

    /// Whether the agent is there and does not answer.
    pub fn hangs(&self) -> bool {
        !matches!(self.link, Link::Lost(_)) && self.silent > self.interval + PATIENCE
    }

    /// Takes something new.
    pub fn take(&mut self, update: Update) {
        (self.heard, self.silent) = (self.elapsed, Duration::ZERO);
        match update {
            Update::Linked => self.link = Link::Up,
            Update::Lost(why) => self.link = Link::Lost(text::printable(why.trim_end()).into()),
            Update::Status(status, at) => {
                self.link = Link::Up;
                self.data.take_status(*status, at);
            }
            Update::Event(event) => self.data.take_event(event),
            Update::Transaction(transaction) => self.data.take_transaction(*transaction),
        }
    }

    /// What is shown.
    pub fn data(&self) -> &Data {
        self.frozen.as_ref().unwrap_or(&self.data)
    }

    /// Whether the view is frozen.
    pub fn is_paused(&self) -> bool {
        self.frozen.is_some()
    }

    /// Stands still, or goes on with what has come meanwhile.
    pub fn pause(&mut self) {
        self.frozen = match self.frozen {
            None => Some(self.data.clone()),
            Some(_) => None,
        };
    }
}
