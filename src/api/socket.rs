//! The listening socket under its name, for as long as the agent serves.
//!
//! Somebody may take the name away while the agent runs: whoever tidies `/run`, or a directory that is
//! mounted anew. Open connections go on, but nobody could come any more. So the name is looked at, and the
//! socket is opened anew where it lacks. One that another process serves is left alone.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixStream},
    time::{Instant, sleep_until},
};
use tracing::{error, warn};

use super::server::{BindError, bind};

/// Time between two looks at the name: one costs a microsecond, and clients try again for longer.
const LOOK: Duration = Duration::from_secs(1);

/// A listener and the name that leads to it. Dropping it removes the name, if it still leads there.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and number of the file.
    file: Option<(u64, u64)>,
    look_at: Instant,
    /// Whether it was said that the socket can't be opened anew.
    said: bool,
}

impl Socket {
    /// Opens it as [`bind`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn open(path: &Path) -> Result<Self, BindError> {
        let listener = bind(path).await?;
        let (path, file) = (path.to_owned(), file(path).ok());
        Ok(Self { listener, path, file, look_at: Instant::now() + LOOK, said: false })
    }

    /// The next connection. Cancel safe.
    ///
    /// # Errors
    /// The operating system refused, as where no file descriptor is left.
    pub(super) async fn accept(&mut self) -> io::Result<UnixStream> {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => return accepted.map(|(stream, _)| stream),
                () = sleep_until(self.look_at) => self.look().await,
            }
        }
    }

    /// Opens the socket anew where its name does not lead to it.
    async fn look(&mut self) {
        self.look_at = Instant::now() + LOOK;
        if self.is_ours() {
            return;
        }
        match bind(&self.path).await {
            Ok(listener) => {
                warn!(socket = %self.path.display(), "the socket was taken away; it is open again");
                self.listener = listener;
                self.file = file(&self.path).ok();
                self.said = false;
            }
            Err(error) if self.said => tracing::debug!(%error, "the socket is still away"),
            Err(error) => {
                error!(%error, "the socket was taken away, and no client can connect");
                self.said = true;
            }
        }
    }

    fn is_ours(&self) -> bool {
        self.file.is_some() && file(&self.path).ok() == self.file
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            warn!(%error, "the socket could not be removed");
        }
    }
}

/// What tells a file from another of the same name.
fn file(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|it| (it.dev(), it.ino()))
}
