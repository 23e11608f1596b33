//! Paths in FRR's models, from their steps. Pure.

use crate::{
    model::AddressFamily,
    tree::{Path, Step},
};

/// An entry of a list.
pub(super) fn entry<const N: usize>(name: &str, keys: [(&str, &str); N]) -> Step {
    Step::entry(name, keys.map(|(key, value)| (key.into(), value.into())))
}

/// A path from its steps; a name without keys may hold several, separated by `/`.
pub(super) fn path<const N: usize>(steps: [Step; N]) -> Path {
    Path(steps.into_iter().collect())
}

/// A step without keys.
pub(super) fn plain(name: &str) -> Step {
    Step::plain(name)
}

/// The instance of a protocol in `frr-routing`.
pub(super) fn protocol(kind: &str, name: &str) -> Path {
    path([
        plain("frr-routing:routing"),
        plain("control-plane-protocols"),
        entry("control-plane-protocol", [("type", kind), ("name", name), ("vrf", "default")]),
        plain(kind),
    ])
}

/// `frr-bgp:bgp` of the default VRF, which FRR names `bgp`.
pub(super) fn bgp_instance() -> Path {
    protocol("frr-bgp:bgp", "bgp")
}

/// An address family, as FRR's models name it.
pub(super) fn afi_safi(family: AddressFamily) -> Step {
    entry("afi-safi", [("afi-safi-name", &format!("frr-routing:{}", family.name()))])
}

/// The path, further down by these names.
pub(super) fn below(base: &Path, names: &[&str]) -> Path {
    names.iter().fold(base.clone(), |path, name| path.join(Step::plain(*name)))
}
