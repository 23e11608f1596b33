//! Where a daemon's VTY is reached: at its socket, or at what stands for it in a simulation.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
};

/// Where a daemon's VTY is reached.
pub trait Endpoint: fmt::Debug + Send + Sync {
    /// Its name, for messages.
    fn path(&self) -> &Path;

    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    fn connect(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>>;

    /// What is there now; `None` where nothing is.
    fn file(&self) -> Option<SocketFile>;
}

/// A connection.
pub trait Stream: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin> Stream for T {}

/// What tells a socket from others that had its name before. A daemon makes its own anew when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketFile {
    /// Device.
    pub device: u64,
    /// Number on that device.
    pub inode: u64,
    /// When it was made.
    pub made: SystemTime,
}

impl SocketFile {
    /// Whether it is the same file, whatever its times say.
    pub fn is(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// A Unix socket.
impl Endpoint for PathBuf {
    fn path(&self) -> &Path {
        self
    }

    fn connect(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = UnixStream::connect(self).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn file(&self) -> Option<SocketFile> {
        let there = fs::metadata(self).ok()?;
        let made = there.modified().ok()?;
        Some(SocketFile { device: there.dev(), inode: there.ino(), made })
    }
}
