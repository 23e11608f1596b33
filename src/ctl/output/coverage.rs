//! Which transport executes what of FRR's YANG.

use serde::Serialize;

use super::{
    Colour, View,
    table::{Health, Table, cell, judged},
};
use crate::proto::v1::{CoverageRow, GetCoverageResponse};

/// A row for each transport of each module.
#[derive(Debug, Serialize)]
pub struct Coverage {
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    daemon: String,
    module: String,
    door: String,
    state: String,
    loaded_revision: String,
    announced_revision: Option<String>,
    revision_differs: bool,
    why: String,
}

impl From<GetCoverageResponse> for Coverage {
    fn from(response: GetCoverageResponse) -> Self {
        let row = |row: CoverageRow| Row {
            daemon: row.daemon,
            module: row.module,
            door: row.door,
            state: row.state,
            loaded_revision: row.loaded_revision,
            announced_revision: row.announced_revision,
            revision_differs: row.revision_differs,
            why: row.why,
        };
        Self { rows: response.rows.into_iter().map(row).collect() }
    }
}

impl View for Coverage {
    fn table(&self, colour: Colour) -> String {
        let columns = ["DAEMON", "MODULE", "DOOR", "STATE", "LOADED", "ANNOUNCED", "WHY"];
        let mut table = Table::new(columns, colour);
        for row in &self.rows {
            let health = match row.state.as_str() {
                "in use" => Health::Good,
                "standby" | "unused" => Health::Waiting,
                _ => Health::Bad,
            };
            let announced = row.announced_revision.as_deref().unwrap_or_default();
            let announced = match row.revision_differs {
                true => judged(&format!("{announced} (differs)"), Health::Bad),
                false => cell(announced),
            };
            table.row([
                cell(&row.daemon),
                cell(&row.module),
                cell(&row.door),
                judged(&row.state, health),
                cell(&row.loaded_revision),
                announced,
                cell(&row.why),
            ]);
        }
        table.text()
    }
}
