//! Everything that is declared: a table, a document, and a file of intents.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Colour, View, intent,
    table::{self, Table, cell},
    text,
    when::Now,
    yaml,
};
use crate::{
    ctl::file::UNCHANGED,
    proto::v1::{DeclaredIntent, NodeInstance},
};

/// What an item is named by, in the order in which they are looked for; a prefix names its protocol too.
const NAMES: [&str; 5] = ["neighbor_address", "prefix", "peer_address", "interface_name", "name"];

/// Said of what the agent's file declares.
const CONFIGURATION: &str = "configuration";

/// Everything that is declared.
#[derive(Debug, Serialize)]
pub struct Declared {
    node: Node,
    intents: Vec<Item>,
    #[serde(skip)]
    now: Now,
}

#[derive(Debug, Serialize)]
struct Node {
    local_as: u32,
    local_as_from: String,
    router_id: String,
    router_id_from: String,
    owner: String,
}

#[derive(Debug, Serialize)]
struct Item {
    owner: String,
    from: String,
    state: String,
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
    transaction_id: String,
    declared_unix_ms: i64,
    /// As a file of intents has it, under its kind.
    #[serde(flatten)]
    intent: Map<String, Value>,
}

impl Declared {
    /// As the agent tells it.
    pub fn new(node: NodeInstance, intents: Vec<DeclaredIntent>, now: Now) -> Self {
        let NodeInstance { local_as, local_as_from, router_id, router_id_from, owner } = node;
        let node = Node { local_as, local_as_from, router_id, router_id_from, owner };
        Self { node, intents: intents.into_iter().map(Item::from).collect(), now }
    }

    fn table_of(&self, colour: Colour, wide: bool) -> String {
        let mut told = self.node.table(colour);
        let mut rows = Rows::new(colour, wide);
        self.intents.iter().for_each(|item| rows.push(item, &self.now));
        told.push_str(&format!("\nDECLARED ({})\n{}", self.intents.len(), rows.text()));
        told
    }
}

impl View for Declared {
    fn table(&self, colour: Colour) -> String {
        self.table_of(colour, false)
    }

    fn wide(&self, colour: Colour) -> String {
        self.table_of(colour, true)
    }
}

impl Node {
    fn table(&self, colour: Colour) -> String {
        let mut table = Table::new(["AS", "FROM", "ROUTER-ID", "FROM", "OWNER"], colour);
        let local_as = match self.local_as {
            0 => String::new(),
            number => number.to_string(),
        };
        table.row([
            cell(&local_as),
            cell(&self.local_as_from),
            cell(&self.router_id),
            cell(&self.router_id_from),
            cell(&self.owner),
        ]);
        table.text()
    }
}

/// The rows of what is declared, with more columns or fewer.
enum Rows {
    Narrow(Table),
    Wide(Table),
}

impl Rows {
    fn new(colour: Colour, wide: bool) -> Self {
        const NARROW: [&str; 7] =
            ["KIND", "OBJECT", "OWNER", "FROM", "STATE", "DECLARED", "ATTRIBUTES"];
        const WIDE: [&str; 10] = [
            "KIND",
            "OBJECT",
            "OWNER",
            "FROM",
            "STATE",
            "DECLARED",
            "SOURCE",
            "TRANSACTION",
            "REASON",
            "ATTRIBUTES",
        ];
        match wide {
            false => Self::Narrow(Table::new(NARROW, colour)),
            true => Self::Wide(Table::new(WIDE, colour)),
        }
    }

    fn push(&mut self, item: &Item, now: &Now) {
        let (kind, object, attributes) = item.parts();
        let declared = match item.declared_unix_ms {
            0 => String::new(),
            at => now.local(at),
        };
        let (kind, object) = (cell(&kind), cell(&object));
        let (owner, from) = (cell(&item.owner), cell(&item.from));
        let (state, declared) = (table::state(&item.state), cell(&declared));
        let attributes = cell(&attributes);
        match self {
            Self::Narrow(table) => {
                table.row([kind, object, owner, from, state, declared, attributes]);
            }
            Self::Wide(table) => {
                let (source, by) = (cell(&item.source), cell(&item.transaction_id));
                let reason = cell(&item.reason);
                table.row([
                    kind, object, owner, from, state, declared, source, by, reason, attributes,
                ]);
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Narrow(table) | Self::Wide(table) => table.text(),
        }
    }
}

impl From<DeclaredIntent> for Item {
    fn from(declared: DeclaredIntent) -> Self {
        let intent = file_item(&declared);
        Self {
            owner: declared.owner,
            from: declared.from,
            state: declared.state,
            reason: declared.reason,
            source: declared.source,
            transaction_id: declared.transaction_id,
            declared_unix_ms: declared.declared_unix_ms,
            intent,
        }
    }
}

impl Item {
    /// Its kind, its name, and what else is said of it.
    fn parts(&self) -> (String, String, String) {
        let kind = self.intent.keys().next().cloned().unwrap_or_default();
        let leaves = intent::leaves(&Value::Object(self.intent.clone()));
        let name = NAMES.iter().find(|name| leaves.iter().any(|(leaf, _)| leaf == *name));
        let is_name = |leaf: &str| Some(&leaf) == name || (kind == "prefix" && leaf == "protocol");
        let (names, rest): (Vec<_>, Vec<_>) =
            leaves.into_iter().partition(|(leaf, _)| is_name(leaf));
        let object: Vec<String> = names.into_iter().map(|(_, value)| value).collect();
        let rest = rest.into_iter().map(|(leaf, value)| format!("{leaf}={value}"));
        (kind, object.join(" "), rest.collect::<Vec<_>>().join(" "))
    }
}

/// An intent as a file has it, with `unchanged` for a password.
fn file_item(declared: &DeclaredIntent) -> Map<String, Value> {
    let document = declared.intent.as_ref().map(intent::document);
    let Some(Value::Object(mut item)) = document else { return Map::new() };
    if declared.has_password
        && let Some(Value::Object(peer)) = item.get_mut("peer")
    {
        peer.insert("password".to_owned(), UNCHANGED.into());
    }
    item
}

/// What an owner has declared, as a file of intents.
#[derive(Debug, Serialize)]
pub struct Exported {
    intents: Vec<Value>,
    #[serde(skip)]
    head: String,
}

impl Exported {
    /// Of this owner, without what the agent's file declares.
    pub fn new(owner: &str, intents: &[DeclaredIntent]) -> Self {
        let (configured, requested): (Vec<_>, Vec<_>) =
            intents.iter().partition(|declared| declared.from == CONFIGURATION);
        let mut head =
            format!("# Intents of {}, as novaroutectl export has them.\n", text::printable(owner));
        for declared in configured {
            let (kind, object, _) = Item::from(declared.clone()).parts();
            let name = format!("{kind} {object}");
            head.push_str(&format!(
                "# Left out, as the agent's configuration declares it: {}\n",
                text::printable(name.trim_end())
            ));
        }
        let item = |declared: &DeclaredIntent| {
            let mut item = file_item(declared);
            if !declared.source.is_empty() {
                item.insert("source".to_owned(), declared.source.clone().into());
            }
            Value::Object(item)
        };
        Self { intents: requested.into_iter().map(item).collect(), head }
    }
}

impl View for Exported {
    fn table(&self, _: Colour) -> String {
        format!("{}{}", self.head, yaml::document(&json!({"intents": self.intents})))
    }
}
