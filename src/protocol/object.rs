//! The objects in a daemon's tree, and which intent declares each. Pure.
//!
//! An object is what is made, compared, kept and taken away as one: what one line makes, with all that only has a meaning in
//! it. Each protocol knows its own.

use crate::tree::{Path, Step};

/// What kind of object stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// `router bgp`, with its settings.
    Instance,
    /// `bfd`, which has no settings.
    Bfd,
    /// `router ospf`, with its settings.
    Process,
    /// A BGP neighbour.
    Neighbor,
    /// A `network` of BGP.
    Network,
    /// `bgp graceful-shutdown`.
    Drain,
    /// An entry of a route-map or a prefix-list.
    Entry,
    /// A BFD profile.
    Profile,
    /// A BFD session.
    Session,
    /// A kind of routes that OSPF redistributes.
    Redistribute,
    /// One setting of an interface in OSPF.
    Interface,
    /// A static route at one distance.
    Route,
}

impl Object {
    /// Whether other objects stand inside.
    pub(crate) fn holds_others(self) -> bool {
        matches!(self, Self::Instance | Self::Bfd | Self::Process)
    }

    /// Whether a presence container makes it.
    pub(crate) fn is_presence(self) -> bool {
        matches!(self, Self::Instance | Self::Bfd)
    }

    /// Whether it is one leaf.
    pub(crate) fn is_leaf(self) -> bool {
        matches!(self, Self::Drain | Self::Interface)
    }
}

/// Where a node stands, for a protocol that is asked whether it knows it.
pub(super) struct Place<'a> {
    /// The first step's name, which tells the module.
    pub module: &'a str,
    /// The name of the step above.
    pub above: Option<&'a str>,
    /// The last step.
    pub step: &'a Step,
}

impl<'a> Place<'a> {
    pub fn of(path: &'a Path) -> Option<Self> {
        let (step, above) = path.0.split_last()?;
        let module = &*path.0.first()?.name;
        Some(Self { module, above: above.last().map(|step| &*step.name), step })
    }

    /// A key of the last step.
    pub fn key(&self, name: &str) -> Option<&'a str> {
        key(self.step, name)
    }
}

/// A key of a step.
pub(super) fn key<'a>(step: &'a Step, name: &str) -> Option<&'a str> {
    step.key(name)
}
