//! Transactions: many in a table, one with all that it changes, one a line as they end.

use serde::Serialize;
use serde_json::Value;

use super::{
    Colour, View, intent,
    paint::Sign,
    table::{Table, cell, number, state},
    text,
    when::{Now, took},
};
use crate::proto::v1;

/// Characters of an id that are shown, where they tell the transactions apart: those to the
/// first dash of a UUID.
const SHORT_ID: usize = 8;

/// Transactions, newest first.
#[derive(Debug, Serialize)]
pub struct Transactions {
    transactions: Vec<Summary>,
    #[serde(skip)]
    now: Now,
}

/// One transaction, without what it changes.
#[derive(Debug, Serialize)]
struct Summary {
    id: String,
    owner: String,
    origin: String,
    begun_unix_ms: i64,
    duration_us: u64,
    result: String,
    message: String,
    change_count: u32,
    confirm_by_unix_ms: i64,
    finish: String,
}

/// One transaction and what it changes.
#[derive(Debug, Serialize)]
pub struct Transaction {
    #[serde(flatten)]
    summary: Summary,
    changes: Vec<Change>,
    #[serde(skip)]
    now: Now,
}

/// One transaction as it ends.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Ended {
    transaction: Transaction,
}

#[derive(Debug, Serialize)]
struct Change {
    object: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl Transactions {
    /// As the agent lists them.
    pub fn new(response: v1::ListTransactionsResponse, now: Now) -> Self {
        Self { transactions: response.transactions.iter().map(Summary::from).collect(), now }
    }

    /// How much of the ids is needed to tell them apart.
    fn id_length(&self) -> usize {
        let mut ids: Vec<&str> = self.transactions.iter().map(|one| one.id.as_str()).collect();
        ids.sort_unstable();
        let shared = |pair: &[&str]| {
            pair[0].chars().zip(pair[1].chars()).take_while(|(a, b)| a == b).count()
        };
        ids.windows(2).map(|pair| shared(pair) + 1).fold(SHORT_ID, usize::max)
    }
}

impl From<&v1::Transaction> for Summary {
    fn from(transaction: &v1::Transaction) -> Self {
        let transaction = transaction.clone();
        Self {
            id: transaction.id,
            owner: transaction.owner,
            origin: transaction.origin,
            begun_unix_ms: transaction.begun_unix_ms,
            duration_us: transaction.duration_us,
            result: transaction.result,
            message: transaction.message,
            change_count: transaction.change_count,
            confirm_by_unix_ms: transaction.confirm_by_unix_ms,
            finish: transaction.finish,
        }
    }
}

impl Summary {
    /// Whether it still has to be confirmed or was, or was taken back.
    fn confirm(&self, now: &Now) -> String {
        match (self.finish.as_str(), self.confirm_by_unix_ms) {
            ("", 0) => String::new(),
            ("", by) => now.until(by).map_or("overdue".to_owned(), |left| format!("within {left}")),
            (finish, _) => finish.to_owned(),
        }
    }

    fn when(&self, now: &Now) -> String {
        format!("{} ({} ago)", now.local(self.begun_unix_ms), now.age(self.begun_unix_ms))
    }
}

impl View for Transactions {
    fn table(&self, colour: Colour) -> String {
        let columns = ["ID", "WHEN", "OWNER", "CALL", "CHANGES", "RESULT", "TOOK", "CONFIRM"];
        let (mut table, length) = (Table::new(columns, colour), self.id_length());
        for one in &self.transactions {
            table.row([
                cell(&one.id.chars().take(length).collect::<String>()),
                cell(&one.when(&self.now)),
                cell(&one.owner),
                cell(&one.origin),
                number(one.change_count),
                state(&one.result),
                cell(&took(one.duration_us)),
                cell(&one.confirm(&self.now)),
            ]);
        }
        table.text()
    }

    fn wide(&self, colour: Colour) -> String {
        let columns =
            ["ID", "WHEN", "OWNER", "CALL", "CHANGES", "RESULT", "TOOK", "CONFIRM", "MESSAGE"];
        let mut table = Table::new(columns, colour);
        for one in &self.transactions {
            table.row([
                cell(&one.id),
                cell(&one.when(&self.now)),
                cell(&one.owner),
                cell(&one.origin),
                number(one.change_count),
                state(&one.result),
                cell(&took(one.duration_us)),
                cell(&one.confirm(&self.now)),
                cell(&one.message),
            ]);
        }
        table.text()
    }
}

impl Transaction {
    /// As the agent tells it.
    pub fn new(transaction: v1::Transaction, now: Now) -> Self {
        let change = |change: &v1::TransactionChange| Change {
            object: change.object.clone(),
            before: change.before.as_ref().map(|it| intent::from(it, &change.before_source)),
            after: change.after.as_ref().map(|it| intent::from(it, &change.after_source)),
        };
        let changes = transaction.changes.iter().map(change).collect();
        Self { summary: Summary::from(&transaction), changes, now }
    }
}

impl View for Transaction {
    fn table(&self, colour: Colour) -> String {
        let (one, now) = (&self.summary, &self.now);
        let confirm = match (one.finish.as_str(), one.confirm_by_unix_ms) {
            ("", by) if by != 0 => format!("{}, by {}", one.confirm(now), now.local(by)),
            _ => one.confirm(now),
        };
        let mut told = String::new();
        for (name, value) in [
            ("id", one.id.clone()),
            ("when", one.when(now)),
            ("owner", one.owner.clone()),
            ("call", one.origin.clone()),
            ("result", one.result.clone()),
            ("message", one.message.clone()),
            ("took", took(one.duration_us)),
            ("confirm", confirm),
            ("changes", one.change_count.to_string()),
        ] {
            // Words of FRR may have several lines: each stays one.
            for (index, line) in value.lines().enumerate() {
                let name = if index == 0 { name } else { "" };
                told.push_str(&format!("{name:<9}{}\n", text::printable(line)));
            }
        }
        if !self.changes.is_empty() {
            told.push('\n');
            told.extend(self.changes.iter().map(|change| change.table(colour)));
        }
        told
    }
}

impl Change {
    fn table(&self, colour: Colour) -> String {
        let leaves = |document: &Option<Value>| document.as_ref().map(intent::leaves);
        let (before, after) = (leaves(&self.before), leaves(&self.after));
        let Some(sign) = Sign::of(before.is_some(), after.is_some()) else {
            return format!("  {}\n", text::printable(&self.object));
        };
        let mut told = sign.line("", &self.object, colour);
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        for (sign, these, others) in
            [(Sign::Removed, &before, &after), (Sign::Added, &after, &before)]
        {
            for leaf in these.iter().filter(|leaf| !others.contains(leaf)) {
                told.push_str(&sign.line("    ", &format!("{}: {}", leaf.0, leaf.1), colour));
            }
        }
        told
    }
}

impl Ended {
    /// As the agent tells it.
    pub fn new(transaction: v1::Transaction, now: Now) -> Self {
        Self { transaction: Transaction::new(transaction, now) }
    }
}

impl View for Ended {
    fn table(&self, _: Colour) -> String {
        let Transaction { summary: one, now, .. } = &self.transaction;
        let begun = now.local(one.begun_unix_ms);
        let changes = text::count(one.change_count as usize, "change", "changes");
        let mut line = format!("{begun}  {}  {}  {}  ", one.id, one.owner, one.origin);
        line.push_str(&format!("{changes}  {}  {}", one.result, took(one.duration_us)));
        for more in [one.confirm(now), one.message.clone()] {
            if !more.is_empty() {
                line.push_str(&format!("  {more}"));
            }
        }
        text::one_line(&line)
    }
}
