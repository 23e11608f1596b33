//! Where a configuration comes from, at start and at each reload: a file, the files that it names,
//! the environment of this process, and the node's default route.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use super::{Config, ConfigError, Surroundings};

/// Stands for "anywhere": an address for documentation (RFC 5737), to which only the default route leads.
/// Nothing is sent there.
const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// A configuration file and its surroundings.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    /// Asked once: a reload must not give the node another router-id because a route moved.
    address: OnceLock<Ipv4Addr>,
    /// Files that the file named when it was last read, whatever came of that.
    files: Mutex<BTreeSet<PathBuf>>,
}

/// Which files a configuration consists of, as they are at one moment. A changed ConfigMap or Secret is a symbolic link to
/// another directory, so that what a path leads to counts, and not the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(Vec<Option<Seen>>);

/// One file: where it is, and what changes with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    /// `None` where there is none.
    fn at(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        let seen = path.metadata().ok()?;
        Some(Self {
            path,
            device: seen.dev(),
            inode: seen.ino(),
            size: seen.size(),
            modified: (seen.mtime(), seen.mtime_nsec()),
            changed: (seen.ctime(), seen.ctime_nsec()),
        })
    }
}

impl Source {
    /// The configuration of this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), address: OnceLock::new(), files: Mutex::default() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it, as it is now.
    ///
    /// # Errors
    /// As [`Config::parse`], or the file can't be read.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let named = RefCell::new(BTreeSet::new());
        let config = self.read(&named);
        // Of a file that is wrong not all may be named: those of before count as well.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if config.is_ok() {
            files.clear();
        }
        files.append(&mut named.into_inner());
        config
    }

    /// What the files of the configuration are now; those that it named when it was last read.
    pub fn signature(&self) -> Signature {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let all = std::iter::once(&self.path).chain(&*files);
        Signature(all.map(|path| Seen::at(path)).collect())
    }

    fn read(&self, named: &RefCell<BTreeSet<PathBuf>>) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(&self.path)
            .map_err(|source| ConfigError::Read { path: self.path.clone(), source })?;
        let surroundings = Surroundings {
            env: &|name| std::env::var(name).ok(),
            read_file: &|path| {
                named.borrow_mut().insert(path.to_owned());
                std::fs::read_to_string(path)
            },
            default_route_address: &|| {
                if let Some(address) = self.address.get() {
                    return Ok(*address);
                }
                let address = default_route_address()?;
                Ok(*self.address.get_or_init(|| address))
            },
        };
        Config::parse(&text, &surroundings)
    }
}

/// Has the kernel choose the source address of a packet that leaves by the default route.
fn default_route_address() -> io::Result<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // Of a datagram socket this sends nothing: it is only told where packets would go.
    socket.connect(ANYWHERE)?;
    match socket.local_addr()?.ip() {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(io::Error::from(io::ErrorKind::AddrNotAvailable)),
    }
}
