//! What is the matter with the journal's disk: what it refuses, and which files are damaged.

use std::io;

use tracing::{error, info};

use super::{FILE, Journal};
use crate::journal::{damage, log::Log, replay};

impl Journal {
    /// Bytes of records on disk.
    pub fn size(&self) -> u64 {
        self.log.as_ref().map_or(0, Log::length)
    }

    /// What an operator has to know: that the disk refuses, and which files are damaged. Empty where all is well.
    pub fn concerns(&self) -> Vec<String> {
        let mut concerns = Vec::new();
        if let Some(refused) = &self.refused {
            let dir = self.dir.display();
            concerns.push(match self.behind {
                true => format!(
                    "{dir} can't be written: {refused}; what adds is refused; withdrawals and drains are taken and are \
                     not on disk: if the agent ends before the disk works, they come back"
                ),
                false => format!(
                    "{dir} can't be written: {refused}; what adds is refused; withdrawals, drains and the end of sessions \
                     have room that is kept"
                ),
            });
        }
        concerns.extend(self.damaged.iter().map(|(_, what)| what.clone()));
        concerns
    }

    /// Whether all that it says is on disk and more can be.
    pub fn is_writable(&self) -> bool {
        self.refused.is_none() && !self.behind
    }

    /// Whether a call may have to wait for the disk.
    pub(in crate::journal) fn takes_time(&self) -> bool {
        self.disk.takes_time()
    }

    /// Whether something that was taken is not on disk, or it is unknown what is.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// How many files were set aside as damaged.
    pub fn damaged(&self) -> usize {
        self.damaged.len()
    }

    /// Tries again what the disk refused, and checks whether damaged files were removed.
    pub fn mend(&mut self) {
        if self.refused.is_some() || self.behind {
            let mended = self.catch_up().and_then(|()| self.keep_room(0, 0));
            // What is left of the room that was made before says nothing of the disk.
            let mended = mended.and_then(|()| self.log.as_mut().map_or(Ok(()), Log::probe));
            match mended {
                Ok(()) => {
                    info!(dir = %self.dir.display(), "the state directory can be written again");
                    self.refused = None;
                }
                Err(error) => self.refuse(&error),
            }
        }
        self.look();
    }

    /// Keeps a damaged file under a name of its own.
    pub(super) fn set_aside(&mut self, bytes: &[u8], damage: &[replay::Damage]) -> io::Result<()> {
        let path = self.dir.join(FILE);
        for replay::Damage { at, length, what } in damage {
            error!(file = %path.display(), offset = at, bytes = length, what, "the journal is damaged");
        }
        let kept = damage::set_aside(self.disk.as_mut(), FILE, bytes);
        self.damaged_aside = kept.is_ok();
        if kept.is_err() {
            self.damaged.push((FILE.to_owned(), damage::say(&path, damage)));
        }
        let name = kept?;
        error!(kept = %self.dir.join(name).display(), "the damaged journal is kept; move it away when it is read");
        Ok(())
    }

    /// Looks which damaged files there are.
    pub(super) fn look(&mut self) {
        if let Ok(mut damaged) = damage::kept(self.disk.as_mut(), &self.dir, &self.damaged) {
            // One that could not be kept is still the journal.
            let here = self.damaged.drain(..).find(|(name, _)| name == FILE);
            damaged.extend(here.filter(|_| !self.damaged_aside));
            self.damaged = damaged;
        }
    }
}
