//! Aligned columns without lines around them: easy to read, to `grep` and to `cut`.

use comfy_table::{
    Cell, CellAlignment, Color, ContentArrangement, Table as Grid, presets::NOTHING,
};

use super::{Colour, text};

/// How good a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// On the way.
    Waiting,
    /// Not as it should be.
    Bad,
}

impl Health {
    /// Of a BGP session, a prefix or a transaction, in FRR's or the agent's words, which may go on
    /// after the first one.
    pub fn of_state(state: &str) -> Self {
        let word = state.split([' ', ':']).next().unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "established" | "applied" | "advertised" | "up" | "confirmed" | "unchanged"
            | "full" | "dr" | "backup" | "drother" | "point-to-point" | "passive" => Self::Good,
            "pending" | "init" | "waiting" | "connect" | "opensent" | "openconfirm" | "running"
            | "draining" => Self::Waiting,
            _ => Self::Bad,
        }
    }

    /// The colour on a terminal.
    fn colour(self) -> Color {
        match self {
            Self::Good => Color::Green,
            Self::Waiting => Color::Yellow,
            Self::Bad => Color::Red,
        }
    }
}

/// Rows below a header.
pub struct Table(Grid);

impl Table {
    /// A table with these columns, in capitals.
    pub fn new<const N: usize>(columns: [&str; N], colour: Colour) -> Self {
        let mut grid = Grid::new();
        // Disabled: the width of the terminal must not decide what is in the text.
        grid.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        match colour {
            Colour::None => grid.force_no_tty(),
            Colour::Ansi => grid.enforce_styling(),
        };
        grid.style_text_only();
        grid.set_header(columns);
        for column in grid.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self(grid)
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.0.add_row(cells);
    }

    /// The text; every line ends with a line feed and has no blanks before it.
    pub fn text(&self) -> String {
        self.0.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    }
}

/// A cell with text, `-` where there is none.
pub fn cell(content: &str) -> Cell {
    Cell::new(text::or_dash(&text::printable(content)))
}

/// A cell with a number.
pub fn number(value: impl ToString) -> Cell {
    Cell::new(value.to_string()).set_alignment(CellAlignment::Right)
}

/// A cell with a text that is as good as this.
pub fn judged(content: &str, health: Health) -> Cell {
    cell(content).fg(health.colour())
}

/// A cell with a state, coloured by how good it is.
pub fn state(content: &str) -> Cell {
    judged(content, Health::of_state(content))
}
