//! JSON to [`Config`]. Pure: what it asks of the world is handed in.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;
use serde_json::Value;

use super::{
    Config, DEFAULT_CONNECT_TIMEOUT, DEFAULT_DISCONNECT_GRACE_PERIOD, DEFAULT_LISTEN_SOCKET,
    DEFAULT_METRICS_ADDRESS, DEFAULT_RETRY_INTERVAL, DEFAULT_SOCKET_DIR, DEFAULT_WATCH_INTERVAL,
    DEFAULT_YANG_DIR, FrrConfig, LogFormat, LogLevel, MetricsAddress, Owner, Owners, Surroundings,
    bfd,
    bgp::bgp,
    json::shown,
    reader::Object,
    text::{absolute_path, expand, mounted_secret},
};
use crate::{
    coverage,
    daemon::Daemon,
    model::{FieldErrors, OwnerName, Prefix, ValueError},
    policy::{Lifetime, OwnerPolicy, PrefixType, QuotaKind, Quotas},
};

/// Longest time that can be set, in seconds: a week. A larger number is most likely
/// milliseconds.
const MAX_SECONDS: u64 = 7 * 24 * 3600;

/// Longest path of a Unix socket in bytes (`sun_path` of Linux less its NUL).
const MAX_SOCKET_PATH: usize = 107;

/// Longest token in bytes: far beyond any in use, and small beside gRPC's metadata limits.
const MAX_TOKEN: usize = 4096;

/// Largest quota: far more than FRR has room for, so that a larger number is a slip.
const MAX_QUOTA: u64 = 10_000_000;

/// The state directory of a file that names none: it lives as long as the socket's directory, thus
/// across restarts of the agent, and goes with the node's run-time state, as FRR's configuration does.
fn beside(listen_socket: &Path) -> PathBuf {
    listen_socket.with_extension("state")
}

/// The whole file.
pub(super) fn config(
    json: Value,
    twice: &[String],
    around: &Surroundings<'_>,
) -> Result<Config, FieldErrors> {
    let mut errors = FieldErrors::new();
    let errs = &mut errors;
    for path in twice {
        errs.push(path, "is there twice; which of them is meant?");
    }
    let mut file = Object::new("", json, errs);
    let listen_socket = file
        .parsed("listen_socket", errs, socket_path)
        .unwrap_or_else(|| DEFAULT_LISTEN_SOCKET.into());
    let frr = frr(file.object("frr", errs), errs);
    let bgp = bgp(file.object("bgp", errs), around, errs);
    let bfd_profiles = bfd::profiles(file.object("bfd", errs), &bgp, errs);
    let owners = owners(file.object("owners", errs), around, errs);
    let log_level = file.parsed("log_level", errs, log_level).unwrap_or_default();
    let log_format = file.parsed("log_format", errs, log_format).unwrap_or_default();
    let metrics_address =
        file.parsed("metrics_address", errs, metrics_address).unwrap_or(DEFAULT_METRICS_ADDRESS);
    let disconnect_grace_period = seconds(&mut file, "disconnect_grace_period", errs, 0)
        .unwrap_or(DEFAULT_DISCONNECT_GRACE_PERIOD);
    let watch_interval =
        seconds(&mut file, "watch_interval", errs, 0).unwrap_or(DEFAULT_WATCH_INTERVAL);
    let withdraw_on_exit = file.boolean("withdraw_on_exit", errs).unwrap_or_default();
    let state_dir = file.parsed("state_dir", errs, absolute_path);
    file.finish(errs);
    errors.finish(Some(Config {
        state_dir: state_dir.unwrap_or_else(|| beside(&listen_socket)),
        listen_socket,
        frr,
        bgp,
        bfd_profiles,
        owners,
        log_level,
        log_format,
        metrics_address,
        disconnect_grace_period,
        withdraw_on_exit,
        watch_interval: (!watch_interval.is_zero()).then_some(watch_interval),
    }))
}

fn frr(mut frr: Object, errors: &mut FieldErrors) -> FrrConfig {
    let config = FrrConfig {
        grpc: grpc(frr.object("grpc", errors), errors),
        socket_dir: frr
            .parsed("socket_dir", errors, absolute_path)
            .unwrap_or_else(|| DEFAULT_SOCKET_DIR.into()),
        connect_timeout: seconds(&mut frr, "connect_timeout", errors, 1)
            .unwrap_or(DEFAULT_CONNECT_TIMEOUT),
        retry_interval: seconds(&mut frr, "retry_interval", errors, 1)
            .unwrap_or(DEFAULT_RETRY_INTERVAL),
        yang_dir: frr
            .parsed("yang_dir", errors, absolute_path)
            .unwrap_or_else(|| DEFAULT_YANG_DIR.into()),
    };
    frr.finish(errors);
    config
}

/// Addresses of FRR's own gRPC, for the daemons in which it is of use.
fn grpc(mut grpc: Object, errors: &mut FieldErrors) -> BTreeMap<Daemon, SocketAddr> {
    let mut addresses = BTreeMap::new();
    for daemon in Daemon::ALL {
        if coverage::grpc_modules(daemon).next().is_some()
            && let Some(address) = grpc.parsed(daemon.name(), errors, loopback)
        {
            addresses.insert(daemon, address);
        }
    }
    grpc.finish(errors);
    addresses
}

/// Whoever answers is believed until the daemon is read back, so nobody from outside may.
fn loopback(text: &str) -> Result<SocketAddr, ValueError> {
    let address: Option<SocketAddr> = text.parse().ok();
    address.filter(|address| address.ip().is_loopback() && address.port() != 0).ok_or_else(|| {
        ValueError::new("is not a loopback address and port such as 127.0.0.1:50053")
    })
}

fn owners(mut owners: Object, around: &Surroundings<'_>, errors: &mut FieldErrors) -> Owners {
    let entries = owners.entries();
    if entries.is_empty() {
        errors.push("owners", "names no owner: no client could declare anything");
    }
    let mut parsed = vec![];
    for (key, value) in entries {
        let path = owners.path(&shown(&key));
        let Some(name) = errors.take(&path, key.parse::<OwnerName>()) else { continue };
        let object = Object::new(&path, value, errors);
        if let Some(owner) = owner(&name, object, around, errors) {
            parsed.push((name, owner));
        }
    }
    parsed.into_iter().collect()
}

fn owner(
    name: &OwnerName,
    mut owner: Object,
    around: &Surroundings<'_>,
    errors: &mut FieldErrors,
) -> Option<Owner> {
    let token = token(&mut owner, around, errors);
    let prefix_type = match owner.take("allowed_prefixes") {
        None => {
            errors.push(owner.path("allowed_prefixes"), "is missing");
            None
        }
        Some(value) => {
            let mut allowed = Object::new(&owner.path("allowed_prefixes"), value, errors);
            if !allowed.has("type") {
                errors.push(allowed.path("type"), "is missing");
            }
            let prefix_type = allowed.parsed("type", errors, prefix_type);
            let cidrs = allowed.list("allowed_cidrs", errors, str::parse::<Prefix>);
            allowed.finish(errors);
            prefix_type.map(|prefix_type| (prefix_type, cidrs))
        }
    };
    let may_configure_bgp = owner.boolean("may_configure_bgp", errors);
    let default = if name.is_admin() { Lifetime::Persistent } else { Lifetime::Connection };
    let lifetime = owner.parsed("lifetime", errors, lifetime).unwrap_or(default);
    let quotas = quotas(owner.object("quotas", errors), errors);
    owner.finish(errors);
    let (prefix_type, allowed_cidrs) = prefix_type?;
    let policy = OwnerPolicy { prefix_type, allowed_cidrs, may_configure_bgp, lifetime, quotas };
    Some(Owner::new(&token?, policy))
}

fn quotas(mut quotas: Object, errors: &mut FieldErrors) -> Quotas {
    let limit = |kind: QuotaKind| {
        let limit = quotas.number(kind.key(), errors, 0..=MAX_QUOTA)?;
        Some((kind, usize::try_from(limit).unwrap_or(usize::MAX)))
    };
    let limits = QuotaKind::ALL.into_iter().filter_map(limit).collect();
    quotas.finish(errors);
    limits
}

/// From `token` or from the file that `token_file` names. No part of it stands in an error.
fn token(
    owner: &mut Object,
    around: &Surroundings<'_>,
    errors: &mut FieldErrors,
) -> Option<SecretString> {
    let parse = |token: Result<String, ValueError>| match token?.as_str() {
        "" => Err(ValueError::new("is empty: everybody would have it")),
        long if long.len() > MAX_TOKEN => {
            Err(ValueError::new(format!("has {} bytes, more than {MAX_TOKEN}", long.len())))
        }
        text if text.chars().any(char::is_control) => {
            Err(ValueError::new("has a control character"))
        }
        token => Ok(SecretString::from(token)),
    };
    if !owner.has("token") && !owner.has("token_file") {
        errors.push(owner.path("token"), "is missing, and so is token_file");
    }
    if owner.has("token") && owner.has("token_file") {
        errors.push(owner.path("token_file"), "conflicts with token; set only one");
    }
    let inline = owner.parsed("token", errors, |text| parse(expand(text, around)));
    let mounted = owner.parsed("token_file", errors, |path| parse(mounted_secret(path, around)));
    inline.or(mounted)
}

fn seconds(
    object: &mut Object,
    key: &'static str,
    errors: &mut FieldErrors,
    least: u64,
) -> Option<Duration> {
    object.number(key, errors, least..=MAX_SECONDS).map(Duration::from_secs)
}

fn socket_path(text: &str) -> Result<PathBuf, ValueError> {
    let path = absolute_path(text)?;
    if text.len() > MAX_SOCKET_PATH {
        return Err(ValueError::new(format!(
            "has {} bytes; the kernel takes {MAX_SOCKET_PATH} for a socket",
            text.len()
        )));
    }
    if text.ends_with('/') {
        return Err(ValueError::new("is a directory, not the path of a socket"));
    }
    Ok(path)
}

fn prefix_type(text: &str) -> Result<PrefixType, ValueError> {
    [PrefixType::HostOnly, PrefixType::Subnet, PrefixType::Any]
        .into_iter()
        .find(|prefix_type| prefix_type.name() == text)
        .ok_or_else(|| ValueError::new("must be host_only, subnet or any"))
}

fn lifetime(text: &str) -> Result<Lifetime, ValueError> {
    match text {
        "connection" => Ok(Lifetime::Connection),
        "persistent" => Ok(Lifetime::Persistent),
        _ => Err(ValueError::new("must be connection or persistent")),
    }
}

fn log_level(text: &str) -> Result<LogLevel, ValueError> {
    match text {
        "debug" => Ok(LogLevel::Debug),
        "info" => Ok(LogLevel::Info),
        "warn" => Ok(LogLevel::Warn),
        "error" => Ok(LogLevel::Error),
        _ => Err(ValueError::new("must be debug, info, warn or error")),
    }
}

fn log_format(text: &str) -> Result<LogFormat, ValueError> {
    match text {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err(ValueError::new("must be json or text")),
    }
}

fn metrics_address(text: &str) -> Result<MetricsAddress, ValueError> {
    let wrong =
        || ValueError::new("is not a port such as :9102 or an address such as 127.0.0.1:9102");
    if let Some(port) = text.strip_prefix(':') {
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = digits.then(|| port.parse().ok()).flatten().ok_or_else(wrong)?;
        return Ok(MetricsAddress::AllAddresses(port));
    }
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port.parse().map_err(|_| wrong())?;
        return Ok(MetricsAddress::One(SocketAddr::new(IpAddr::from(Ipv4Addr::LOCALHOST), port)));
    }
    text.parse().map(MetricsAddress::One).map_err(|_| wrong())
}
