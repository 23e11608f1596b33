//! The listening socket under its name, for as long as the agent serves.
//!
//! Another process may remove the name while the agent runs: one that tidies `/run`, or a directory that is
//! mounted anew. Open connections go on, but no client could connect any more. So the name is checked, and the
//! socket is opened anew where it lacks. One that another process serves is left alone.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixStream},
    time::{Instant, sleep_until, timeout},
};
use tracing::{error, warn};

/// Time between two looks at the name: one costs a microsecond, and clients try again for longer.
const LOOK: Duration = Duration::from_secs(1);

/// Time that another agent has to answer a connection before it counts as alive.
const PROBE: Duration = Duration::from_secs(1);

/// Owner and group may connect, no other user.
const MODE: u32 = 0o660;

/// Why the socket can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process serves it.
    #[error("{} is served by another process", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else is there, and it is not ours to remove.
    #[error("{} exists and is not a socket", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("can't open the socket {}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

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

/// Opens the listening socket with mode 0660, in place of one that a dead agent left.
///
/// The socket appears under its name with its final mode: before that it has the name with
/// `.new` behind it.
///
/// # Errors
/// Another agent answers there, something else is there, or the operating system refuses.
pub async fn bind(path: &Path) -> Result<UnixListener, BindError> {
    let io_error = |source| BindError::Io { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(BindError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => match timeout(PROBE, UnixStream::connect(path)).await {
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(Err(error)) => return Err(io_error(error)),
            // One that is too busy to accept is alive as well.
            Ok(Ok(_)) | Err(_) => return Err(BindError::InUse { path: path.to_owned() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error(error)),
    }
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&new).map_err(io_error)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(MODE)).map_err(io_error)?;
    fs::rename(&new, path).map_err(io_error)?;
    Ok(listener)
}

/// What tells a file from another of the same name.
fn file(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|it| (it.dev(), it.ino()))
}
