//! What keys do. Pure.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    rows,
    state::{Next, Pane, Top},
};

/// Lines that Page Up and Page Down go.
const PAGE: usize = 10;

/// The keys, as they are explained.
pub const HELP: [(&str, &str); 12] = [
    ("q  Ctrl-C", "quit"),
    ("p  Space", "pause, go on"),
    ("Tab  Right", "next pane"),
    ("S-Tab  Left", "previous pane"),
    ("1 to 6", "that pane"),
    ("Up  Down  k  j", "select a line (PgUp, PgDn, Home, End)"),
    ("Enter  z", "enlarge the pane, and back"),
    ("/", "filter lines; Enter keeps it, Esc clears it"),
    ("s", "sort by the next column, and at last as before"),
    ("d", "all of the selected line, and back"),
    ("Ctrl-L", "draw the whole screen anew"),
    ("?", "this help, and back"),
];

impl Top {
    /// Does what a key says.
    pub fn press(&mut self, key: KeyEvent) -> Next {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(key.code, KeyCode::Char('c' | 'C')) {
            return Next::Quit;
        }
        if control && matches!(key.code, KeyCode::Char('l' | 'L')) {
            return Next::Redraw;
        }
        if self.typing {
            self.type_filter(key.code);
            return Next::Go;
        }
        if self.help {
            self.help = false;
            return if key.code == KeyCode::Char('q') { Next::Quit } else { Next::Go };
        }
        if self.details {
            self.details = false;
            return if key.code == KeyCode::Char('q') { Next::Quit } else { Next::Go };
        }
        match key.code {
            KeyCode::Char('q' | 'Q') => return Next::Quit,
            KeyCode::Char('d') => self.details = true,
            KeyCode::Char('s') => self.sort(),
            KeyCode::Char('p' | 'P' | ' ') => self.pause(),
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('z') | KeyCode::Enter => self.enlarged = !self.enlarged,
            KeyCode::Esc => {
                self.filter.clear();
                self.enlarged = false;
            }
            KeyCode::Tab | KeyCode::Right => self.focus = self.focus.step(1),
            KeyCode::BackTab | KeyCode::Left => {
                self.focus = self.focus.step(Pane::ALL.len() - 1);
            }
            KeyCode::Char(digit @ '1'..='6') => {
                self.focus = Pane::ALL[digit as usize - '1' as usize];
            }
            KeyCode::Up | KeyCode::Char('k') => self.select(|line| line.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.select(|line| line.saturating_add(1)),
            KeyCode::PageUp => self.select(|line| line.saturating_sub(PAGE)),
            KeyCode::PageDown => self.select(|line| line.saturating_add(PAGE)),
            KeyCode::Home => self.select(|_| 0),
            KeyCode::End => self.select(|_| usize::MAX),
            _ => {}
        }
        Next::Go
    }

    /// Sorts the pane with the keys by its next column, and behind the last one as before.
    fn sort(&mut self) {
        let columns = rows::columns(self, self.focus).len();
        let sorted = &mut self.sorted[self.focus as usize];
        *sorted = match *sorted {
            None => Some(0),
            Some(column) => Some(column + 1).filter(|next| *next < columns),
        };
    }

    /// The line of a pane that is selected, one that is there.
    pub fn selected(&self, pane: Pane, lines: usize) -> usize {
        self.selected[pane as usize].min(lines.saturating_sub(1))
    }

    fn select(&mut self, to: impl Fn(usize) -> usize) {
        let lines = rows::rows(self, self.focus).len();
        let line = to(self.selected(self.focus, lines));
        self.selected[self.focus as usize] = line.min(lines.saturating_sub(1));
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(c) => self.filter.push(c),
            _ => {}
        }
    }
}
