//! Where a configuration comes from, at start and at each reload: a file, the files that it names,
//! the environment of this process, and the node's default route.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    path::{Path, PathBuf},
    sync::OnceLock,
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
}

impl Source {
    /// The configuration of this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), address: OnceLock::new() }
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
        let text = std::fs::read_to_string(&self.path)
            .map_err(|source| ConfigError::Read { path: self.path.clone(), source })?;
        let surroundings = Surroundings {
            env: &|name| std::env::var(name).ok(),
            read_file: &|path| std::fs::read_to_string(path),
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
