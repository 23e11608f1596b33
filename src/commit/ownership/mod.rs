//! Whose what FRR runs is, and what follows from that. Pure.
//!
//! Everything that FRR runs is *ours*, *theirs* or *unknown*:
//!
//! - ours: we made it, and the journal says so. It is repaired, changed and taken away as what is declared wants.
//! - theirs: it runs and we did not make it, whether it was there before us or somebody typed it since.
//! - unknown: a line that the table can't read. It is never taken for absent.
//!
//! This is decided object by object (`objects`): an object is what one line makes, with all that only has a meaning in it. An
//! object that is declared and runs already without being ours is compared in what its owner *stated*:
//!
//! - equal: what is declared is satisfied by theirs. Nothing is sent, and when the declaration ends, the object stays.
//! - different, or unknown lines in its place: refused, naming the line. Nothing is sent for it, now or later, until
//!   the line goes or `admin` takes the object over. All else goes on.
//!
//! Not stated, so neither compared with what is theirs nor added to it, is what rendering adds by itself (`decide::stated`): of an
//! instance all but its AS and identifier; of a neighbour soft reconfiguration, the warning-only of its limit, a limit
//! of 1000 and address families that are off; of a BFD session the timers that are FRR's defaults; of a process of OSPF its
//! identifier. What is declared *inside* an instance or process of theirs (neighbours, networks, the drain) is made there and
//! is ours. Since their instance keeps its settings, a network that these would keep from being announced is
//! refused too.
//!
//! An object of ours that goes and holds something of theirs is *kept*: it stays with its own settings, all else goes, and it is
//! taken away when their lines are gone ([`Ending`]).
//!
//! What is taken over is ours from then on. What stood there is remembered, and put back at the end.
//!
//! None of this is lost with the agent: [`crate::journal::Claims`] goes to the journal before FRR is touched.
//!
//! | file | owns |
//! |---|---|
//! | `objects` | what the objects of a tree are |
//! | `decide` | desired × ours × running → what is ours to make, what is satisfied, what is refused |
//! | `ending` | what of ours stays since it holds something of theirs; what is put back |
//! | `returned` | what a daemon's start-up file brings back of what was taken away |
//! | `rival` | static routes that are one to FRR |
//! | `words` | the operator's lines, in FRR's words |

mod decide;
mod ending;
pub(super) mod objects;
mod returned;
mod rival;
#[cfg(test)]
mod tests;
mod words;

pub(super) use decide::{Facts, Refusal, Taking, Verdict, decide, only_ours, unmade};
pub use ending::Kept;
pub(super) use ending::{Ended, Ending};
pub(super) use returned::{Start, returned};
pub(super) use words::Words;

pub(super) use crate::protocol::declared_by;
