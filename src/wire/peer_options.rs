//! What a BGP neighbour can have beside the essential, in both directions.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    num::{NonZeroU8, NonZeroU16},
};

use super::optional;
use crate::{
    model::{
        AddressFamily, AsNumber, CommunityKind, ExchangeOptions, FieldErrors, GracefulRestart,
        LocalAs, LocalAsMode, PeerType, SessionOptions, ValueError,
    },
    proto::v1,
};

/// How the session is kept. What depends on the node's own AS is judged by policy.
///
/// # Errors
/// Names every wrong field as `BGPPeer` has it.
pub(super) fn session(
    message: &v1::BgpPeer,
    address: Option<IpAddr>,
    peer_type: Option<PeerType>,
) -> Result<SessionOptions, FieldErrors> {
    let mut errors = FieldErrors::new();
    let shutdown_message =
        errors.take("shutdown_message", optional(&message.shutdown_message, str::parse));
    let hops = ttl_security(message.ttl_security_hops, message.ebgp_multihop);
    let ttl_security_hops = errors.take("ttl_security_hops", hops);
    let local_as = errors.take("local_as", local_as(message, peer_type));
    let mode = errors.take("local_as_mode", local_as_mode(message));
    let graceful_restart =
        errors.take("graceful_restart", graceful_restart(message.graceful_restart));
    let interval = errors.take(
        "advertisement_interval",
        match u16::try_from(message.advertisement_interval) {
            Ok(seconds @ 0..=600) => Ok(NonZeroU16::new(seconds)),
            _ => {
                Err(out_of(message.advertisement_interval, "1 to 600 seconds, or 0 for FRR's own"))
            }
        },
    );
    // FRR takes the line and offers it in sessions over IPv6 alone.
    if message.extended_next_hop && address.is_some_and(|it| it.is_ipv4()) {
        errors.push("extended_next_hop", "needs a neighbor_address of IPv6; leave it out for IPv4");
    }
    let options = (|| {
        Some(SessionOptions {
            shutdown: message.shutdown,
            shutdown_message: shutdown_message?,
            ttl_security_hops: ttl_security_hops?,
            local_as: local_as?.zip(Some(mode?)).map(|(number, mode)| LocalAs { number, mode }),
            graceful_restart: graceful_restart?,
            advertisement_interval: interval?,
            extended_next_hop: message.extended_next_hop,
        })
    })();
    errors.finish(options)
}

/// What is exchanged in the session.
///
/// # Errors
/// Names every wrong field as `BGPPeer` has it.
pub(super) fn exchange(
    message: &v1::BgpPeer,
    families: Option<&BTreeSet<AddressFamily>>,
) -> Result<ExchangeOptions, FieldErrors> {
    let mut errors = FieldErrors::new();
    let allowas_in = errors.take("allowas_in", occurrences(message.allowas_in));
    let mut some = |field, numbers: &[i32]| errors.take(field, some_of(numbers, families));
    let next_hop_self = some("next_hop_self", &message.next_hop_self);
    let forced = some("next_hop_self_force", &message.next_hop_self_force);
    let default_originate = some("default_originate", &message.default_originate);
    if let (Some(one), Some(other)) = (&next_hop_self, &forced)
        && let Some(family) = one.intersection(other).next()
    {
        let reason = format!("{} is in next_hop_self as well; name it once", family.name());
        errors.push("next_hop_self_force", reason);
    }
    let weight = errors.take(
        "weight",
        u16::try_from(message.weight)
            .map(NonZeroU16::new)
            .map_err(|_| out_of(message.weight, "1 to 65535, or 0 for none")),
    );
    let send_community = errors.take("send_community", community_kinds(&message.send_community));
    let options = (|| {
        Some(ExchangeOptions {
            allowas_in: allowas_in?,
            next_hop_self: next_hop_self?,
            next_hop_self_force: forced?,
            weight: weight?,
            send_community: send_community?,
            default_originate: default_originate?,
            no_soft_reconfiguration: message.no_soft_reconfiguration,
        })
    })();
    errors.finish(options)
}

fn out_of(number: u32, range: &str) -> ValueError {
    ValueError::new(format!("{number} is not {range}"))
}

/// A family of the contract.
pub(super) fn family(number: i32) -> Result<AddressFamily, ValueError> {
    match v1::AddressFamily::try_from(number) {
        Ok(v1::AddressFamily::Ipv4Unicast) => Ok(AddressFamily::Ipv4Unicast),
        Ok(v1::AddressFamily::Ipv6Unicast) => Ok(AddressFamily::Ipv6Unicast),
        Ok(v1::AddressFamily::Unspecified) | Err(_) => Err(ValueError::new(format!(
            "{number} is not ADDRESS_FAMILY_IPV4_UNICAST or ADDRESS_FAMILY_IPV6_UNICAST"
        ))),
    }
}

/// Its number in the contract.
pub(super) fn number(family: &AddressFamily) -> i32 {
    match family {
        AddressFamily::Ipv4Unicast => v1::AddressFamily::Ipv4Unicast,
        AddressFamily::Ipv6Unicast => v1::AddressFamily::Ipv6Unicast,
    }
    .into()
}

/// Hops of GTSM. FRR refuses it beside `ebgp-multihop`, which sets a TTL itself.
fn ttl_security(hops: u32, ebgp_multihop: u32) -> Result<Option<NonZeroU8>, ValueError> {
    match u8::try_from(hops) {
        Ok(0) => Ok(None),
        Ok(_) if ebgp_multihop != 0 => {
            Err(ValueError::new("conflicts with ebgp_multihop; set only one"))
        }
        Ok(hops @ 1..=254) => Ok(NonZeroU8::new(hops)),
        _ => Err(out_of(hops, "1 to 254 hops, or 0 for none")),
    }
}

/// Another AS number of this node, which makes the session external.
fn local_as(
    message: &v1::BgpPeer,
    peer_type: Option<PeerType>,
) -> Result<Option<AsNumber>, ValueError> {
    match message.local_as {
        0 => Ok(None),
        _ if peer_type == Some(PeerType::Internal) => {
            Err(ValueError::new("is for external peers; leave it 0 for an internal one"))
        }
        number if number == message.remote_as => {
            Err(ValueError::new(format!("{number} is the peer's own AS; use another")))
        }
        number => number.try_into().map(Some),
    }
}

fn local_as_mode(message: &v1::BgpPeer) -> Result<LocalAsMode, ValueError> {
    let number = message.local_as_mode;
    let mode = match v1::LocalAsMode::try_from(number) {
        Ok(v1::LocalAsMode::Unspecified) => return Ok(LocalAsMode::Prepend),
        Ok(v1::LocalAsMode::NoPrepend) => LocalAsMode::NoPrepend,
        Ok(v1::LocalAsMode::ReplaceAs) => LocalAsMode::ReplaceAs,
        Ok(v1::LocalAsMode::DualAs) => LocalAsMode::DualAs,
        Err(_) => return Err(ValueError::new(format!("{number} is not one of LocalAsMode"))),
    };
    match message.local_as {
        0 => Err(ValueError::new("needs local_as; set that, or leave this unspecified")),
        _ => Ok(mode),
    }
}

fn graceful_restart(number: i32) -> Result<Option<GracefulRestart>, ValueError> {
    match v1::GracefulRestart::try_from(number) {
        Ok(v1::GracefulRestart::Unspecified) => Ok(None),
        Ok(v1::GracefulRestart::Restart) => Ok(Some(GracefulRestart::Restart)),
        Ok(v1::GracefulRestart::Helper) => Ok(Some(GracefulRestart::Helper)),
        Ok(v1::GracefulRestart::Off) => Ok(Some(GracefulRestart::Off)),
        Err(_) => Err(ValueError::new(format!("{number} is not one of GracefulRestart"))),
    }
}

/// How often the own AS may be in a path.
fn occurrences(times: u32) -> Result<Option<NonZeroU8>, ValueError> {
    match u8::try_from(times) {
        Ok(times @ 0..=10) => Ok(NonZeroU8::new(times)),
        _ => Err(out_of(times, "1 to 10 times, or 0 for none")),
    }
}

/// Families of those that the session carries.
fn some_of(
    numbers: &[i32],
    carried: Option<&BTreeSet<AddressFamily>>,
) -> Result<BTreeSet<AddressFamily>, ValueError> {
    let one = |number: &i32| {
        let family = family(*number)?;
        match carried {
            Some(carried) if !carried.contains(&family) => Err(ValueError::new(format!(
                "the session does not carry {}; add it to address_families",
                family.name()
            ))),
            _ => Ok(family),
        }
    };
    numbers.iter().map(one).collect()
}

/// Kinds of communities; none named means all.
fn community_kinds(numbers: &[i32]) -> Result<Option<BTreeSet<CommunityKind>>, ValueError> {
    let none = i32::from(v1::CommunityKind::None);
    if numbers.contains(&none) {
        return match numbers.iter().all(|number| *number == none) {
            true => Ok(Some(BTreeSet::new())),
            false => Err(ValueError::new("names COMMUNITY_KIND_NONE beside others; set only one")),
        };
    }
    let kind = |number: &i32| match v1::CommunityKind::try_from(*number) {
        Ok(v1::CommunityKind::Standard) => Ok(CommunityKind::Standard),
        Ok(v1::CommunityKind::Extended) => Ok(CommunityKind::Extended),
        Ok(v1::CommunityKind::Large) => Ok(CommunityKind::Large),
        Ok(_) | Err(_) => {
            Err(ValueError::new(format!("{number} is no kind of CommunityKind to send")))
        }
    };
    let kinds: BTreeSet<CommunityKind> = numbers.iter().map(kind).collect::<Result<_, _>>()?;
    Ok((!kinds.is_empty()).then_some(kinds))
}

/// Writes how the session is kept into the message.
pub(super) fn say_session(options: &SessionOptions, message: &mut v1::BgpPeer) {
    let SessionOptions {
        shutdown,
        shutdown_message,
        ttl_security_hops,
        local_as,
        graceful_restart,
        advertisement_interval,
        extended_next_hop,
    } = options;
    message.shutdown = *shutdown;
    message.shutdown_message =
        shutdown_message.as_ref().map(ToString::to_string).unwrap_or_default();
    message.ttl_security_hops = ttl_security_hops.map(|hops| hops.get().into()).unwrap_or_default();
    message.local_as = local_as.map(|it| it.number.get()).unwrap_or_default();
    message.local_as_mode = match local_as.map(|it| it.mode) {
        None | Some(LocalAsMode::Prepend) => v1::LocalAsMode::Unspecified,
        Some(LocalAsMode::NoPrepend) => v1::LocalAsMode::NoPrepend,
        Some(LocalAsMode::ReplaceAs) => v1::LocalAsMode::ReplaceAs,
        Some(LocalAsMode::DualAs) => v1::LocalAsMode::DualAs,
    }
    .into();
    message.graceful_restart = match graceful_restart {
        None => v1::GracefulRestart::Unspecified,
        Some(GracefulRestart::Restart) => v1::GracefulRestart::Restart,
        Some(GracefulRestart::Helper) => v1::GracefulRestart::Helper,
        Some(GracefulRestart::Off) => v1::GracefulRestart::Off,
    }
    .into();
    message.advertisement_interval =
        advertisement_interval.map(|seconds| seconds.get().into()).unwrap_or_default();
    message.extended_next_hop = *extended_next_hop;
}

/// Writes what is exchanged in the session into the message.
pub(super) fn say_exchange(options: &ExchangeOptions, message: &mut v1::BgpPeer) {
    let ExchangeOptions {
        allowas_in,
        next_hop_self,
        next_hop_self_force,
        weight,
        send_community,
        default_originate,
        no_soft_reconfiguration,
    } = options;
    let families = |all: &BTreeSet<AddressFamily>| all.iter().map(number).collect();
    message.allowas_in = allowas_in.map(|times| times.get().into()).unwrap_or_default();
    message.next_hop_self = families(next_hop_self);
    message.next_hop_self_force = families(next_hop_self_force);
    message.weight = weight.map(|weight| weight.get().into()).unwrap_or_default();
    message.send_community = match send_community {
        None => Vec::new(),
        Some(kinds) if kinds.is_empty() => vec![v1::CommunityKind::None.into()],
        Some(kinds) => kinds.iter().map(kind_number).collect(),
    };
    message.default_originate = families(default_originate);
    message.no_soft_reconfiguration = *no_soft_reconfiguration;
}

fn kind_number(kind: &CommunityKind) -> i32 {
    match kind {
        CommunityKind::Standard => v1::CommunityKind::Standard,
        CommunityKind::Extended => v1::CommunityKind::Extended,
        CommunityKind::Large => v1::CommunityKind::Large,
    }
    .into()
}
