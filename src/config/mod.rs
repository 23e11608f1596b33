//! The agent's configuration: a JSON file, `${VAR}` from the environment, and tokens
//! from mounted Secret files.
//!
//! Parsing is pure: environment and files are handed in. Every error of a file is reported at once, before anything is touched.
//!
//! | file | owns |
//! |---|---|
//! | `parse` | JSON to [`Config`], every wrong key and value named by its path |
//! | `json` | JSON to a value, and keys that are there twice |
//! | `reader` | one JSON object that notices the keys nobody asked for |
//! | `text` | `${VAR}`, paths, and files of mounted Secrets |
//! | `bgp` | the section `bgp`: AS and router-id of the node, neighbours |
//! | `bfd` | the section `bfd`: profiles |
//! | `source` | where a configuration comes from, at start and at a reload |
//! | `show` | a configuration for people, without its secrets |
//! | `owner` | owners, their tokens and what they may do |

mod bfd;
mod bgp;
mod json;
mod owner;
mod parse;
mod reader;
mod show;
mod source;
#[cfg(test)]
mod tests;
mod text;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

pub(crate) use json::without_mark;
pub use owner::{Owner, Owners};
pub use source::{Signature, Source};

use crate::{
    daemon::Daemon,
    model::{AsNumber, BfdProfile, BgpGlobal, Configured, FieldErrors, Peer},
};

/// Where the agent looks for its configuration: where the guide mounts the ConfigMap.
pub const DEFAULT_CONFIG: &str = "/etc/novaroute/config.json";
/// The agent's gRPC socket: where clients in the field look for it.
pub const DEFAULT_LISTEN_SOCKET: &str = "/run/novaroute/novaroute.sock";
/// Where FRR's packages put the daemons' sockets.
pub const DEFAULT_SOCKET_DIR: &str = "/run/frr";
/// Where FRR's packages put its YANG modules.
pub const DEFAULT_YANG_DIR: &str = "/usr/share/yang";
/// A daemon that is up answers in a millisecond; one that reads its start-up
/// configuration can take some seconds. The guide's own value.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest pause between two attempts to reach FRR: the guide's own value.
pub const DEFAULT_RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// How often the agent looks whether its files have changed. The kubelet brings a changed ConfigMap or Secret within a minute
/// or so, and a look costs a handful of system calls.
pub const DEFAULT_WATCH_INTERVAL: Duration = Duration::from_secs(5);
/// Default of `bgp.coalesce_time`: a session's first route leaves 0.1 s after it is established, where bgpd's own timer takes 1.04 s
/// with one neighbour and 6.1 s with 100 configured, and sessions that come up together still share an update group.
pub const DEFAULT_COALESCE_TIME: Duration = Duration::from_millis(100);
/// All addresses: the port that the guide's probes and scrapers use.
pub const DEFAULT_METRICS_ADDRESS: MetricsAddress = MetricsAddress::AllAddresses(9102);
/// A client's pod that is replaced is back within this; the guide's own value.
pub const DEFAULT_DISCONNECT_GRACE_PERIOD: Duration = Duration::from_secs(30);

/// Overrides `bgp.local_as`.
pub const ENV_LOCAL_AS: &str = "NOVAROUTE_BGP_LOCAL_AS";
/// Overrides `bgp.router_id`.
pub const ENV_ROUTER_ID: &str = "NOVAROUTE_BGP_ROUTER_ID";
/// The node's name, whose number `bgp.as_base` needs where there is no `bgp.node_number`.
pub const ENV_NODE_NAME: &str = "NOVAROUTE_NODE_NAME";
/// The node's address for `bgp.auto_router_id` where there is no `bgp.node_address`: the name that
/// manifests commonly give `status.hostIP`.
pub const ENV_NODE_ADDRESS: &str = "NODE_IP";

/// Everything that is set at start. Holds tokens, shows none.
#[derive(Debug, Clone)]
pub struct Config {
    /// Path of the agent's gRPC socket.
    pub listen_socket: PathBuf,
    /// Where what has to survive the agent is written.
    pub state_dir: PathBuf,
    /// Where FRR is.
    pub frr: FrrConfig,
    /// What the node's BGP instance is until a client says otherwise.
    pub bgp: BgpDefaults,
    /// BFD profiles that the node has without a client.
    pub bfd_profiles: Vec<BfdProfile>,
    /// Who may declare what.
    pub owners: Owners,
    /// Least severe log level that is written.
    pub log_level: LogLevel,
    /// Shape of log lines.
    pub log_format: LogFormat,
    /// Where metrics and health are served.
    pub metrics_address: MetricsAddress,
    /// How long an owner's intents outlive its last connection.
    pub disconnect_grace_period: Duration,
    /// Whether all that is ours leaves FRR when the agent stops.
    pub withdraw_on_exit: bool,
    /// How often the agent looks whether its files have changed; `None` where it reads them again only when it is asked.
    pub watch_interval: Option<Duration>,
}

/// Where FRR is (`frr`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrrConfig {
    /// Directory of the daemons' sockets.
    pub socket_dir: PathBuf,
    /// How long a daemon has to take a connection.
    pub connect_timeout: Duration,
    /// Longest pause between two attempts to reach a daemon.
    pub retry_interval: Duration,
    /// Directory of FRR's YANG modules.
    pub yang_dir: PathBuf,
    /// Loopback addresses of FRR's own gRPC in those daemons that have it.
    pub grpc: BTreeMap<Daemon, SocketAddr>,
}

/// Defaults of the node's BGP instance (`bgp`, or the environment), and its neighbours. Each may be
/// absent: then a client says it through ConfigureBGP and ApplyPeer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BgpDefaults {
    /// The node's autonomous system.
    pub local_as: Option<AsNumber>,
    /// The node's BGP identifier; also for a ConfigureBGP that names none.
    pub router_id: Option<Ipv4Addr>,
    /// How long bgpd waits after a session comes up before it sends routes, so that sessions that come up together share
    /// an update group (`frr-bgp`, `global-update-group-config/coalesce-time`). Whole milliseconds.
    pub coalesce_time: Duration,
    /// Neighbours that the node has without a client.
    pub peers: Vec<Peer>,
}

impl Default for BgpDefaults {
    fn default() -> Self {
        let (local_as, router_id, peers) = (None, None, Vec::new());
        Self { local_as, router_id, coalesce_time: DEFAULT_COALESCE_TIME, peers }
    }
}

impl BgpDefaults {
    /// The instance to configure at start, where the configuration says enough for one.
    pub fn instance(&self) -> Option<BgpGlobal> {
        self.local_as.map(|local_as| BgpGlobal { local_as, router_id: self.router_id })
    }

    /// What the section declares by itself.
    pub fn configured(&self) -> Configured {
        Configured { bgp: self.instance(), peers: self.peers.clone(), profiles: Vec::new() }
    }
}

/// Log verbosity (`log_level`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Every FRR command and reply too, passwords masked.
    Debug,
    /// What an operator wants to know.
    #[default]
    Info,
    /// What should not happen, and was coped with.
    Warn,
    /// What failed.
    Error,
}

/// Shape of log lines (`log_format`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for the collector of a cluster.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Where metrics and health are served (`metrics_address`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAddress {
    /// `:9102`: this port of every address, IPv6 and IPv4.
    AllAddresses(u16),
    /// One address.
    One(SocketAddr),
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// The file is no JSON.
    #[error("not JSON")]
    Syntax(#[source] serde_json::Error),
    /// Keys or values are wrong: all of them, by their path in the file.
    #[error("{0}")]
    Invalid(FieldErrors),
}

/// What parsing may ask of the world.
pub struct Surroundings<'a> {
    /// Value of an environment variable, where it is set.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Content of a token file.
    pub read_file: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The address that the node's packets have which leave by its default route.
    pub default_route_address: &'a dyn Fn() -> io::Result<Ipv4Addr>,
}

impl Config {
    /// Parses the text of a configuration file.
    ///
    /// # Errors
    /// No JSON, or all the keys and values that are wrong.
    pub fn parse(text: &str, surroundings: &Surroundings<'_>) -> Result<Self, ConfigError> {
        let (json, twice) = json::read(text).map_err(ConfigError::Syntax)?;
        parse::config(json, &twice, surroundings).map_err(ConfigError::Invalid)
    }

    /// All that the configuration declares by itself.
    pub fn configured(&self) -> Configured {
        Configured { profiles: self.bfd_profiles.clone(), ..self.bgp.configured() }
    }

    /// Takes over from `running` the settings that only a restart changes. Says which differ.
    pub fn keep_what_needs_a_restart(&mut self, running: &Self) -> Vec<&'static str> {
        let settings = [
            ("listen_socket", keep(&mut self.listen_socket, &running.listen_socket)),
            ("state_dir", keep(&mut self.state_dir, &running.state_dir)),
            ("frr", keep(&mut self.frr, &running.frr)),
            ("bgp.coalesce_time", keep(&mut self.bgp.coalesce_time, &running.bgp.coalesce_time)),
            ("log_format", keep(&mut self.log_format, &running.log_format)),
            ("metrics_address", keep(&mut self.metrics_address, &running.metrics_address)),
            ("withdraw_on_exit", keep(&mut self.withdraw_on_exit, &running.withdraw_on_exit)),
            ("watch_interval", keep(&mut self.watch_interval, &running.watch_interval)),
        ];
        settings.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// Takes over from `running` the sections that can reset sessions, which wait to be asked for. Says which differ.
    pub fn keep_what_may_reset(&mut self, running: &Self) -> Vec<&'static str> {
        let sections = [
            ("bgp", keep(&mut self.bgp, &running.bgp)),
            ("bfd", keep(&mut self.bfd_profiles, &running.bfd_profiles)),
        ];
        sections.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// What is allowed and yet hardly meant: for the log at start.
    pub fn warnings(&self) -> Vec<String> {
        let placeholder = self.owners.iter().filter(|(_, owner)| owner.has_placeholder_token());
        let tokens = placeholder.map(|(name, _)| {
            format!(
                "owners.{name}.token is the example of the deployment guide, \
                 which everybody can read: change it"
            )
        });
        let open = self.frr.grpc.iter().map(|(daemon, address)| {
            format!(
                "frr.grpc.{daemon}: FRR's own gRPC module listens on port {} of every address of \
                 this node without authentication: keep others away from it by other means",
                address.port()
            )
        });
        tokens.chain(open).collect()
    }
}

/// Takes over a value; whether it differed.
fn keep<T: PartialEq + Clone>(mine: &mut T, theirs: &T) -> bool {
    let differs = mine != theirs;
    mine.clone_from(theirs);
    differs
}

impl MetricsAddress {
    /// Addresses to try in this order, where the first that the node has is the one.
    pub fn candidates(self) -> Vec<SocketAddr> {
        match self {
            // `::` takes IPv4 too; a node without IPv6 has only the other.
            Self::AllAddresses(port) => vec![
                SocketAddr::new(IpAddr::from(std::net::Ipv6Addr::UNSPECIFIED), port),
                SocketAddr::new(IpAddr::from(Ipv4Addr::UNSPECIFIED), port),
            ],
            Self::One(address) => vec![address],
        }
    }
}
