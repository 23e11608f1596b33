//! The rules: may this owner make this change?

use super::{Policies, Violation, ViolationKind, claims, quota};
use crate::{
    model::{
        AsNumber, BgpGlobal, Change, Intent, IntentKey, IntentKind, OwnerName, Peer, PeerType,
        Prefix, ProfileName,
    },
    protocol::kinds::{self, Permission},
    store::{Owned, Store},
};

/// Whether `owner` may make this change to what is in the store.
///
/// Repeating what is stored already breaks no rule.
///
/// # Errors
/// The first rule that it breaks: the owner's own limits, then what the change
/// needs, then whose the object is, and then what else stands for the same object of FRR.
pub fn check(
    policies: &Policies,
    store: &Store,
    owner: &OwnerName,
    change: &Change,
) -> Result<(), Violation> {
    judge(policies, store, store.get(&change.key()), owner, change)
}

/// [`check`], where what stands in the place of the object is not that of the store around it.
fn judge(
    policies: &Policies,
    around: &Store,
    stands: Option<&Owned>,
    owner: &OwnerName,
    change: &Change,
) -> Result<(), Violation> {
    match change {
        Change::Set(intent) => set(policies, around, stands, owner, intent),
        Change::Remove(key) => remove(policies, around, stands, owner, *key),
    }
}

/// Checks the changes of one request and returns the store as they leave it.
///
/// The BGP instance comes first, whatever its place in the request: peers and prefixes
/// of the same request may need it, and removing it has to see that they are gone.
///
/// # Errors
/// Every change that is forbidden, in the order of the request; then every quota that all of
/// them together exceed.
pub fn check_all(
    policies: &Policies,
    store: &Store,
    owner: &OwnerName,
    changes: &[Change],
) -> Result<Store, Vec<Violation>> {
    let mut after = store.clone();
    for change in changes {
        after.apply(owner, change);
    }
    // Each change is seen against the others applied and its own object as it was:
    // that is what it meets, in whatever order they are sent to FRR.
    let mut violations = Vec::new();
    for change in changes {
        let stands = store.get(&change.key());
        violations.extend(judge(policies, &after, stands, owner, change).err());
    }
    violations.extend(quota::exceeded(policies, store, &after, owner, changes));
    if violations.is_empty() { Ok(after) } else { Err(violations) }
}

/// Whether this may stand again where it stood before, or be taken away again, in the store around it: as if its owner
/// declared it now. Whose the object was meanwhile does not count.
pub(super) fn put_back(
    policies: &Policies,
    around: &Store,
    key: IntentKey,
    back: Option<&Owned>,
) -> Result<(), Violation> {
    match back {
        Some(owned) => set(policies, around, None, &owned.owner, &owned.intent),
        None => nothing_needs(around, key),
    }
}

/// Whether this owner may ask for an object to be put back as it was.
pub(super) fn may_change(
    policies: &Policies,
    owner: &OwnerName,
    key: IntentKey,
    back: Option<&Owned>,
) -> Result<(), Violation> {
    if kinds::of(key.kind()).is_the_nodes() {
        return permitted(policies, owner, key);
    }
    not_anothers(back, owner, key, ViolationKind::NotOwner)
}

/// May this owner declare this?
fn set(
    policies: &Policies,
    store: &Store,
    stands: Option<&Owned>,
    owner: &OwnerName,
    intent: &Intent,
) -> Result<(), Violation> {
    let key = intent.key();
    // The owner `admin` is there without the configuration as well: it owns what the file declares.
    if policies.get(owner).is_none() && !owner.is_admin() {
        let message = format!("the configuration has no owner {owner} any more");
        return violation(ViolationKind::NotOwner, key, message);
    }
    let row = kinds::of(key.kind());
    permitted(policies, owner, key)?;
    let bgp = row.needs_bgp.then(|| needs_bgp(store, key)).transpose()?;
    match (intent, bgp) {
        (Intent::Bgp(bgp), _) => every_peer_fits(store, bgp)?,
        (Intent::Peer(peer), Some(bgp)) => peer_fits(peer, bgp.local_as)?,
        _ => {}
    }
    if row.is_the_nodes() {
        // Who may set it may change it, whoever set it before.
        return Ok(());
    }
    let kind = match key {
        IntentKey::Prefix(..) => ViolationKind::PrefixConflict,
        _ => ViolationKind::NotOwner,
    };
    not_anothers(stands, owner, key, kind)?;
    if let Some(name) = intent.named_profile() {
        profile_is_there(store, owner, key, name)?;
    }
    match stands {
        Some(owned) if owned.intent == *intent => Ok(()),
        _ => claims::check(store, owner, intent),
    }
}

/// May this owner withdraw this?
fn remove(
    policies: &Policies,
    store: &Store,
    stands: Option<&Owned>,
    owner: &OwnerName,
    key: IntentKey,
) -> Result<(), Violation> {
    if stands.is_none() {
        return violation(ViolationKind::NotFound, key, format!("{owner} has no such object"));
    }
    if kinds::of(key.kind()).is_the_nodes() {
        permitted(policies, owner, key)?;
        return nothing_needs(store, key);
    }
    not_anothers(stands, owner, key, ViolationKind::NotOwner)?;
    nothing_needs(store, key)
}

/// Whether the owner may declare such an object, whosever it is now.
fn permitted(policies: &Policies, owner: &OwnerName, key: IntentKey) -> Result<(), Violation> {
    match (kinds::of(key.kind()).permission, key.prefix()) {
        (Permission::ConfigureBgp, _) => may_configure_bgp(policies, owner),
        (Permission::AllowedPrefixes, Some(prefix)) => within_limits(policies, owner, key, prefix),
        (Permission::AllowedPrefixes | Permission::Every, _) => Ok(()),
    }
}

/// Whether the owner may set the BGP instance.
fn may_configure_bgp(policies: &Policies, owner: &OwnerName) -> Result<(), Violation> {
    if policies.may_configure_bgp(owner) {
        return Ok(());
    }
    violation(
        ViolationKind::MayNotConfigureBgp,
        IntentKey::Bgp,
        format!(
            "{owner} may not configure BGP; admin may, and owners with may_configure_bgp: true"
        ),
    )
}

/// Length and place of a prefix, by the owner's own policy. That of `admin` counts too.
fn within_limits(
    policies: &Policies,
    owner: &OwnerName,
    key: IntentKey,
    prefix: Prefix,
) -> Result<(), Violation> {
    let Some(policy) = policies.get(owner) else {
        let message = format!("the configuration has no owner {owner} any more");
        return violation(ViolationKind::NotOwner, key, message);
    };
    if !policy.prefix_type.allows(prefix) {
        let wanted = match policy.prefix_type {
            super::PrefixType::HostOnly => "/32 or /128",
            super::PrefixType::Subnet => "/8 to /31 for IPv4, /16 to /127 for IPv6",
            super::PrefixType::Any => "any length",
        };
        let name = policy.prefix_type.name();
        let message = format!("prefixes of {owner} are {name}: {wanted}");
        return violation(ViolationKind::PrefixType, key, message);
    }
    if !policy.covers(prefix) {
        let allowed: Vec<_> = policy.allowed_cidrs.iter().map(ToString::to_string).collect();
        return Err(Violation {
            kind: ViolationKind::AllowedCidrs,
            key,
            existing_owner: None,
            message: format!("is not within what {owner} may use"),
            to_caller: Some(allowed.join(", ")),
        });
    }
    Ok(())
}

/// The BGP instance that a peer or prefix needs.
fn needs_bgp(store: &Store, key: IntentKey) -> Result<&BgpGlobal, Violation> {
    store.bgp().ok_or_else(|| Violation {
        kind: ViolationKind::BgpNotConfigured,
        key,
        existing_owner: None,
        message: "BGP is not configured; call ConfigureBGP first".into(),
        to_caller: None,
    })
}

/// Whether what the owner expects of a peer fits the two AS numbers.
///
/// # Errors
/// What does not fit.
pub fn peer_fits(peer: &Peer, local_as: AsNumber) -> Result<(), Violation> {
    let key = IntentKey::Peer(peer.address);
    let remote_as = peer.remote_as;
    let internal = peer.is_internal(local_as);
    let message = match peer.peer_type {
        Some(PeerType::External) if internal => {
            format!("is declared external, but its AS {remote_as} is the node's own AS {local_as}")
        }
        Some(PeerType::Internal) if !internal => format!(
            "is declared internal, but its AS {remote_as} is not the node's own AS {local_as}"
        ),
        // FRR takes the line and ignores it: a client would believe in a TTL that is not set.
        _ if internal && peer.ebgp_multihop.is_some() => format!(
            "ebgp_multihop is for external peers, but its AS {remote_as} is the node's own AS \
             {local_as}: leave it 0"
        ),
        // The same, and FRR looks at no connected network for an internal one in any case.
        _ if internal && peer.disable_connected_check => format!(
            "disable_connected_check is for external peers, but its AS {remote_as} is the node's own \
             AS {local_as}: leave it out"
        ),
        // FRR would make the session external after all.
        _ if internal && peer.session.local_as.is_some() => format!(
            "local_as is for external peers, but its AS {remote_as} is the node's own AS {local_as}: \
             leave it 0"
        ),
        _ if peer.session.local_as.is_some_and(|it| it.number == local_as) => {
            format!("local_as {local_as} is the node's own AS: leave it 0")
        }
        _ => return Ok(()),
    };
    violation(ViolationKind::PeerType, key, message)
}

/// Whether all peers that are there still fit with another AS of the node.
fn every_peer_fits(store: &Store, bgp: &BgpGlobal) -> Result<(), Violation> {
    for (owner, peer) in store.peers() {
        if let Err(misfit) = peer_fits(peer, bgp.local_as) {
            return Err(Violation {
                kind: ViolationKind::PeerType,
                key: IntentKey::Bgp,
                existing_owner: Some(owner.clone()),
                message: format!("with AS {}, {misfit}", bgp.local_as),
                to_caller: None,
            });
        }
    }
    Ok(())
}

/// Whether an owner may name a BFD profile: one of its own or of `admin`, so that no other owner's end takes it away.
fn profile_is_there(
    store: &Store,
    owner: &OwnerName,
    key: IntentKey,
    name: ProfileName,
) -> Result<(), Violation> {
    let message = match store.bfd_profile(name) {
        Some((whose, _)) if whose == owner || whose.is_admin() => return Ok(()),
        Some((whose, _)) => {
            format!("names the BFD profile {name} of {whose}; name one of {owner} or of admin")
        }
        None => format!("names the BFD profile {name}, which is not declared; declare it first"),
    };
    violation(ViolationKind::BfdProfileNeeded, key, message)
}

/// Whether an object can go.
fn nothing_needs(store: &Store, key: IntentKey) -> Result<(), Violation> {
    match key {
        IntentKey::Bgp => nothing_needs_bgp(store),
        IntentKey::BfdProfile(name) => match store.that_name(name).next() {
            Some(Owned { owner, intent, .. }) => {
                let message = format!(
                    "the {} of {owner} names it; remove that first, or have it name another",
                    intent.key()
                );
                violation(ViolationKind::BfdProfileNeeded, key, message)
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Whether the BGP instance can go.
fn nothing_needs_bgp(store: &Store) -> Result<(), Violation> {
    let counts = store.count_all();
    let (peers, prefixes) = (counts[IntentKind::Peer], counts[IntentKind::BgpPrefix]);
    if store.drain().is_some() {
        let message = "the node is drained; undrain it first".to_owned();
        return violation(ViolationKind::BgpNotConfigured, IntentKey::Bgp, message);
    }
    if peers + prefixes == 0 {
        return Ok(());
    }
    violation(
        ViolationKind::BgpNotConfigured,
        IntentKey::Bgp,
        format!("{peers} peers and {prefixes} prefixes still need it"),
    )
}

/// Whether the object is nobody else's, or `admin` asks.
fn not_anothers(
    stands: Option<&Owned>,
    owner: &OwnerName,
    key: IntentKey,
    kind: ViolationKind,
) -> Result<(), Violation> {
    let Some(existing) = stands else { return Ok(()) };
    if existing.owner == *owner || owner.is_admin() {
        return Ok(());
    }
    let message = match kind {
        ViolationKind::PrefixConflict => format!("{} advertises it already", existing.owner),
        _ => format!("belongs to {}", existing.owner),
    };
    let existing_owner = Some(existing.owner.clone());
    Err(Violation { kind, key, existing_owner, message, to_caller: None })
}

/// A violation that no other owner is part of.
fn violation<T>(kind: ViolationKind, key: IntentKey, message: String) -> Result<T, Violation> {
    Err(Violation { kind, key, existing_owner: None, message, to_caller: None })
}
