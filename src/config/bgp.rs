//! The section `bgp`: the node's AS and router-id, also where one file serves many nodes, and
//! neighbours. Pure: what it asks of the world is handed in.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    time::Duration,
};

use serde_json::Value;

use super::{
    BgpDefaults, DEFAULT_COALESCE_TIME, ENV_LOCAL_AS, ENV_NODE_ADDRESS, ENV_NODE_NAME,
    ENV_ROUTER_ID, Surroundings,
    reader::{Fields, Object},
    text::{expand, mounted_secret},
};
use crate::{
    fields,
    model::{self, AsNumber, FieldErrors, Peer, ValueError},
    policy::peer_fits,
    proto::v1,
    wire,
};

/// Numbers for private use (RFC 6996): a base in one of them must not be counted out of it.
const PRIVATE_AS: [RangeInclusive<u32>; 2] = [64512..=65534, 4_200_000_000..=4_294_967_294];

/// The section, its AS and router-id overridden by their environment variables. A variable that
/// is set and empty is as good as unset: Kubernetes sets optional ones so.
pub(super) fn bgp(
    mut bgp: Object,
    around: &Surroundings<'_>,
    errors: &mut FieldErrors,
) -> BgpDefaults {
    let wrong_before = errors.iter().count();
    let local_as = local_as(&mut bgp, around, errors);
    let said_as = local_as.is_some() || errors.iter().count() > wrong_before;
    let router_id = router_id(&mut bgp, around, errors);
    let coalesce_time = bgp.number("coalesce_time", errors, 0..=u32::MAX.into());
    let coalesce_time = coalesce_time.map_or(DEFAULT_COALESCE_TIME, Duration::from_millis);
    let peers = peers(&mut bgp, local_as, around, errors);
    if !peers.is_empty() && !said_as {
        errors.push(bgp.path("peers"), "needs the node's AS: set bgp.local_as");
    }
    bgp.finish(errors);
    BgpDefaults { local_as, router_id, coalesce_time, peers }
}

/// A variable that is set to something.
fn variable(name: &str, around: &Surroundings<'_>) -> Option<String> {
    (around.env)(name).filter(|text| !text.is_empty())
}

/// From the environment, `local_as`, or `as_base` and the node's number.
fn local_as(
    bgp: &mut Object,
    around: &Surroundings<'_>,
    errors: &mut FieldErrors,
) -> Option<AsNumber> {
    if let Some(text) = variable(ENV_LOCAL_AS, around) {
        for key in ["local_as", "as_base", "node_number"] {
            bgp.take(key);
        }
        return errors.take(ENV_LOCAL_AS, as_number(&text));
    }
    let (has_as, has_base) = (bgp.has("local_as"), bgp.has("as_base"));
    let range = 1..=u32::MAX.into();
    let mut number = |key: &'static str, errors: &mut FieldErrors| {
        let number = bgp.number(key, errors, range.clone())?;
        Some(u32::try_from(number).expect("the range ends at u32::MAX"))
    };
    let fixed = number("local_as", errors);
    let base = number("as_base", errors);
    let node_number = bgp.take("node_number");
    if has_as && has_base {
        errors.push(bgp.path("as_base"), "conflicts with local_as; set only one");
        return None;
    }
    if !has_base {
        if node_number.is_some() {
            errors.push(bgp.path("node_number"), "is for as_base, which is missing");
        }
        return fixed.and_then(|number| errors.take(bgp.path("local_as"), number.try_into()));
    }
    let of_node = match node_number {
        Some(value) => number_of_value(&value, around),
        None => number_of_name(around),
    };
    let of_node = errors.take(bgp.path("node_number"), of_node);
    errors.take(bgp.path("as_base"), add(base?, of_node?))
}

/// The AS of the node with this number.
fn add(base: u32, node: u32) -> Result<AsNumber, ValueError> {
    let wrong = |why: String| ValueError::new(format!("with node number {node}, {why}"));
    let sum = base.checked_add(node);
    let sum = sum.ok_or_else(|| wrong("it is more than 4294967295".to_owned()))?;
    if let Some(range) = PRIVATE_AS.iter().find(|range| range.contains(&base))
        && !range.contains(&sum)
    {
        let (first, last) = (range.start(), range.end());
        return Err(wrong(format!(
            "it is {sum}, outside of {first} to {last}, the private range of {base} (RFC 6996)"
        )));
    }
    sum.try_into()
}

/// `node_number`: a number, or a text with `${VAR}` that is one.
fn number_of_value(value: &Value, around: &Surroundings<'_>) -> Result<u32, ValueError> {
    let wrong = || ValueError::new("is not a whole number from 0 to 4294967295, or ${VAR}");
    match value {
        Value::Number(number) => {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(wrong)
        }
        Value::String(text) => digits(&expand(text, around)?).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// The number at the end of the node's name, where the name leaves no doubt which it is: the first
/// label has one group of digits, and ends with it.
fn number_of_name(around: &Surroundings<'_>) -> Result<u32, ValueError> {
    let name = variable(ENV_NODE_NAME, around).ok_or_else(|| {
        ValueError::new(format!(
            "is missing, and {ENV_NODE_NAME}, whose last digits would be it, is not set"
        ))
    })?;
    let label = name.split('.').next().unwrap_or_default();
    let stem = label.trim_end_matches(|c: char| c.is_ascii_digit());
    let shown: String = label.chars().take(60).flat_map(char::escape_default).collect();
    if stem.len() == label.len() || stem.contains(|c: char| c.is_ascii_digit()) {
        return Err(ValueError::new(format!(
            "is missing, and the node's name {shown} has not one number, at its end: two nodes \
             could get the same AS"
        )));
    }
    digits(&label[stem.len()..])
        .ok_or_else(|| ValueError::new(format!("the number of {shown} is more than 4294967295")))
}

/// A number of digits only.
fn digits(text: &str) -> Option<u32> {
    let only = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    only.then(|| text.parse().ok()).flatten()
}

fn as_number(text: &str) -> Result<AsNumber, ValueError> {
    let wrong = || ValueError::new("is not an AS number from 1 to 4294967295");
    digits(text).ok_or_else(wrong)?.try_into()
}

/// From the environment, `router_id`, or with `auto_router_id` the node's address.
fn router_id(
    bgp: &mut Object,
    around: &Surroundings<'_>,
    errors: &mut FieldErrors,
) -> Option<Ipv4Addr> {
    if let Some(text) = variable(ENV_ROUTER_ID, around) {
        for key in ["router_id", "auto_router_id", "node_address"] {
            bgp.take(key);
        }
        return errors.take(ENV_ROUTER_ID, model::router_id(&text));
    }
    let (has_id, has_address) = (bgp.has("router_id"), bgp.has("node_address"));
    let fixed = bgp.parsed("router_id", errors, |text| model::router_id(&expand(text, around)?));
    let automatic = bgp.boolean("auto_router_id", errors).unwrap_or_default();
    let address = bgp.parsed("node_address", errors, |text| identifier(&expand(text, around)?));
    if has_address && !automatic {
        errors.push(bgp.path("node_address"), "is for auto_router_id, which is not true");
    }
    if !automatic {
        return fixed;
    }
    if has_id {
        errors.push(bgp.path("auto_router_id"), "conflicts with router_id; set only one");
        return None;
    }
    if has_address {
        return address;
    }
    if let Some(text) = variable(ENV_NODE_ADDRESS, around) {
        return errors.take(ENV_NODE_ADDRESS, identifier(&text));
    }
    let found = (around.default_route_address)().map_err(|error| {
        ValueError::new(format!(
            "the node has no address at a default route ({error}); set bgp.node_address"
        ))
    });
    let usable = found.and_then(|address| identifier(&address.to_string()));
    errors.take(bgp.path("auto_router_id"), usable)
}

/// An address of the node that tells it from all others.
fn identifier(text: &str) -> Result<Ipv4Addr, ValueError> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => Err(ValueError::new(
            "is an IPv6 address; a router-id has the form of an IPv4 one: set bgp.router_id",
        )),
        Ok(IpAddr::V4(address))
            if address.is_unspecified()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast() =>
        {
            Err(ValueError::new(format!("{address} is not an address that only this node has")))
        }
        Ok(IpAddr::V4(address)) => Ok(address),
        Err(_) => Err(ValueError::new("is not an IPv4 address such as 10.0.0.1")),
    }
}

/// `peers`: neighbours with the fields of ApplyPeer.
fn peers(
    bgp: &mut Object,
    local_as: Option<AsNumber>,
    around: &Surroundings<'_>,
    errors: &mut FieldErrors,
) -> Vec<Peer> {
    let mut peers = Vec::new();
    let mut addresses = BTreeSet::new();
    for object in bgp.objects("peers", errors) {
        let at = object.path("neighbor_address");
        let Some(peer) = peer(object, local_as, around, errors) else { continue };
        if !addresses.insert(peer.address) {
            errors.push(at, format_args!("{} is listed twice", peer.address));
        }
        peers.push(peer);
    }
    peers
}

fn peer(
    mut peer: Object,
    local_as: Option<AsNumber>,
    around: &Surroundings<'_>,
    errors: &mut FieldErrors,
) -> Option<Peer> {
    let mut own = FieldErrors::new();
    let message = peer_message(&mut peer, around, &mut own);
    let at = |key: &str| peer.path(key);
    let parsed = wire::peer(&message).map_err(|inner| {
        for error in inner.iter() {
            // A field of the wrong type has been named already.
            let field = at(&error.field);
            if !own.iter().any(|known| known.field == field) {
                own.push(field, &error.reason);
            }
        }
    });
    if let (Ok(peer), Some(local_as)) = (&parsed, local_as)
        && let Err(misfit) = peer_fits(peer, local_as)
    {
        own.push(at("peer_type"), misfit.message);
    }
    peer.finish(&mut own);
    let fine = own.is_empty();
    own.iter().for_each(|error| errors.push(error.field.clone(), &error.reason));
    parsed.ok().filter(|_| fine)
}

/// The fields as the contract has them.
fn peer_message(
    peer: &mut Object,
    around: &Surroundings<'_>,
    errors: &mut FieldErrors,
) -> v1::BgpPeer {
    let mut message: v1::BgpPeer =
        fields::read(fields::message("BGPPeer"), &mut Fields { object: peer, errors });
    message.password = password(peer, around, errors);
    message
}

/// From `password` or from the file that `password_file` names. One that is named and empty is an
/// error: the session would come up without.
fn password(peer: &mut Object, around: &Surroundings<'_>, errors: &mut FieldErrors) -> String {
    if peer.has("password") && peer.has("password_file") {
        errors.push(peer.path("password_file"), "conflicts with password; set only one");
    }
    let named = |text: Result<String, ValueError>| match text?.as_str() {
        "" => Err(ValueError::new("is empty; leave the key out for a session without password")),
        text => Ok(text.to_owned()),
    };
    let inline = peer.parsed("password", errors, |text| named(expand(text, around)));
    let mounted = peer.parsed("password_file", errors, |path| named(mounted_secret(path, around)));
    inline.or(mounted).unwrap_or_default()
}
