//! The commits that went through this gateway, newest first. Bounded, in memory: they
//! end with the process, and the numbers start at 1 again.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use crate::world;

/// Commits listed: a few days of a router that is changed by hand, an hour of one that is
/// not. Without their configurations they take no room worth counting.
const MAX_LISTED: usize = 256;

/// Comment kept of a commit: a sentence, not a message of 16 MiB.
const MAX_COMMENT: usize = 1024;

/// One commit.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) id: u32,
    /// Who asked for it, as far as the transport tells.
    pub(super) client: String,
    pub(super) date: SystemTime,
    pub(super) comment: String,
    /// What ran after it, as compact JSON; the oldest go first.
    pub(super) running: Option<Arc<str>>,
}

/// The commits that are remembered.
#[derive(Debug)]
pub(super) struct History {
    /// Bytes that all kept configurations together may take.
    budget: usize,
    kept: usize,
    last_id: u32,
    newest_first: VecDeque<Transaction>,
}

impl History {
    pub(super) fn new(budget: usize) -> Self {
        Self { budget, kept: 0, last_id: 0, newest_first: VecDeque::new() }
    }

    /// Whether configurations are kept at all: reading them costs each commit something.
    pub(super) fn keeps_configurations(&self) -> bool {
        self.budget > 0
    }

    /// Remembers a commit and gives it its number.
    pub(super) fn add(&mut self, client: &str, comment: &str, running: Option<String>) -> u32 {
        // 0 would be "not set" in protobuf.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let end = (0..=MAX_COMMENT.min(comment.len())).rev().find(|i| comment.is_char_boundary(*i));
        let running = running.filter(|running| running.len() <= self.budget).map(Arc::from);
        self.kept += running.as_deref().map_or(0, str::len);
        self.newest_first.push_front(Transaction {
            id: self.last_id,
            client: client.to_owned(),
            date: world::time_of_day(),
            comment: comment.get(..end.unwrap_or(0)).unwrap_or_default().to_owned(),
            running,
        });
        if let Some(old) = self.newest_first.get(MAX_LISTED) {
            self.kept -= old.running.as_deref().map_or(0, str::len);
            self.newest_first.truncate(MAX_LISTED);
        }
        for transaction in self.newest_first.iter_mut().rev() {
            if self.kept <= self.budget {
                break;
            }
            self.kept -= transaction.running.take().map_or(0, |running| running.len());
        }
        self.last_id
    }

    pub(super) fn list(&self) -> Vec<Transaction> {
        self.newest_first.iter().cloned().collect()
    }

    pub(super) fn get(&self, id: u32) -> Option<&Transaction> {
        self.newest_first.iter().find(|transaction| transaction.id == id)
    }
}

/// `2026-08-21 11:22:20`, UTC, as FRR's database writes it.
pub(super) fn date(time: SystemTime) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, rest) = (seconds / DAY, seconds % DAY);
    // Years that begin in March have their odd day at the end; 719468 days lie between
    // 0000-03-01 and 1970-01-01, 146097 in 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + carry;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_configurations_are_kept_within_the_budget() {
        let mut history = History::new(10);
        assert_eq!(history.add("a", "one", Some("12345".into())), 1);
        assert_eq!(history.add("b", "two", Some("123456".into())), 2);
        assert_eq!(history.add("c", "too large", Some("12345678901".into())), 3);
        let kept: Vec<_> = history.list().iter().map(|t| (t.id, t.running.is_some())).collect();
        assert_eq!(kept, [(3, false), (2, true), (1, false)]);
        assert!(history.get(4).is_none());
    }

    #[test]
    fn the_list_and_its_comments_are_bounded() {
        let mut history = History::new(0);
        assert!(!history.keeps_configurations());
        for _ in 0..2 * MAX_LISTED {
            history.add("", &"é".repeat(MAX_COMMENT), None);
        }
        let list = history.list();
        assert_eq!((list.len(), list[0].id), (MAX_LISTED, 2 * MAX_LISTED as u32));
        assert_eq!(list[0].comment.len(), MAX_COMMENT);
    }

    #[test]
    fn dates_are_those_of_date_1() {
        let at = |seconds| date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00:00");
        assert_eq!(at(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(at(1_735_689_599), "2024-12-31 23:59:59");
        assert_eq!(at(4_107_542_399), "2100-02-28 23:59:59");
        assert_eq!(at(4_107_542_400), "2100-03-01 00:00:00");
    }
}
