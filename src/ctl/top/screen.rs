//! The terminal: taken over, drawn on, and given back in any case.

use std::{
    fs::File,
    io::{self, Write},
    panic,
    sync::Once,
    thread,
};

use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor, event, execute,
        terminal::{self, EnterAlternateScreen, LeaveAlternateScreen},
    },
    layout::{Position, Rect},
};
use tokio::sync::mpsc::{self, Receiver};

use super::{draw, state::Top};

/// Keys that wait while the screen is drawn; no user types faster.
const KEYS: usize = 64;

/// A terminal in raw mode with its second screen; dropping it gives it back.
pub struct Screen<'a> {
    terminal: Terminal<CrosstermBackend<&'a mut dyn Write>>,
}

impl<'a> Screen<'a> {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// It cannot be written to, or is none.
    pub fn open(out: &'a mut dyn Write) -> io::Result<Self> {
        give_back_on_panic();
        terminal::enable_raw_mode()?;
        let mut backend = CrosstermBackend::new(out);
        let opened = execute!(backend, EnterAlternateScreen, cursor::Hide)
            .and_then(|()| Terminal::new(backend));
        match opened {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                let _ = terminal::disable_raw_mode();
                Err(error)
            }
        }
    }

    /// Forgets what was drawn: all of it is drawn again.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn clear(&mut self) -> io::Result<()> {
        // Not `Terminal::clear`: it asks the terminal where the cursor is, and the answer would go
        // to the thread that reads keys.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Draws the view.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn draw(&mut self, top: &Top) -> io::Result<()> {
        self.terminal.draw(|frame| draw::draw(frame, top)).map(drop)
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        // A terminal that is gone need not be given back.
        let _ = terminal::disable_raw_mode();
        let _ = execute!(self.terminal.backend_mut(), LeaveAlternateScreen, cursor::Show);
    }
}

/// Has a panic, on whatever thread, told on a screen where it can be read. Through a handle of
/// its own: the thread that panics may hold standard output.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let _ = terminal::disable_raw_mode();
            if let Ok(mut tty) = File::options().write(true).open("/dev/tty") {
                let _ = execute!(tty, LeaveAlternateScreen, cursor::Show);
            }
            before(panic);
        }));
    });
}

/// What is typed, and resizes, from a thread that waits for them; it ends with the process.
pub fn input() -> Receiver<event::Event> {
    let (keys, typed) = mpsc::channel(KEYS);
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if keys.blocking_send(event).is_err() {
                return;
            }
        }
    });
    typed
}
