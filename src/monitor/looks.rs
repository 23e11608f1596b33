//! FRR asked for what somebody wants to know now, beside what is polled.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::timeout};

use super::daemon::words;
use crate::frr::vty::{Session, VtyError};

/// Longest time for all questions of one look. A bgpd that is busy with a full table answers within that, and who asks is a
/// person who waits.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks daemons, for one caller at a time: however many ask, a daemon is busy with one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Looks {
    /// Where the daemons are; `None` where nothing is watched.
    socket_dir: Option<PathBuf>,
    one: Arc<Semaphore>,
}

impl Looks {
    /// At the daemons whose sockets are in this directory.
    pub(super) fn new(socket_dir: Option<PathBuf>) -> Self {
        Self { socket_dir, one: Arc::new(Semaphore::new(1)) }
    }

    /// What a daemon answers to each of these `show` commands. One that finds nothing answers with nothing.
    ///
    /// Cancel safety: the connection is closed.
    ///
    /// # Errors
    /// It can't be asked, or does not answer in time.
    pub async fn ask(&self, daemon: &str, commands: &[String]) -> Result<Vec<String>, String> {
        let Some(directory) = &self.socket_dir else { return Err("FRR is not watched".to_owned()) };
        let path = directory.join(format!("{daemon}.vty"));
        let asked = async {
            let _turn = self.one.acquire().await.map_err(|error| error.to_string())?;
            let mut session = Session::connect(&path, LIMIT).await.map_err(|it| words(&it))?;
            let mut answers = Vec::new();
            for command in commands {
                let reply = session.command(command).await;
                let reply = reply.map_err(|error: VtyError| words(&error))?;
                answers.push(reply.text);
            }
            Ok(answers)
        };
        let late = |_| Err(format!("no answer within {} s", LIMIT.as_secs()));
        timeout(LIMIT, asked).await.unwrap_or_else(late)
    }
}
