//! What a commit is to change, and how far it goes.

use crate::frr::frontend::{Action, Edit};

/// What a candidate wants changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Everything that runs is taken away first, but for what `replace` keeps.
    pub(super) replace: bool,
    /// In order.
    pub(super) edits: Vec<Edit>,
    /// The client itself checks that they are in effect.
    pub(super) looks: bool,
}

impl Change {
    /// Whether it can make no difference.
    pub(super) fn is_empty(&self) -> bool {
        !self.replace && self.edits.is_empty()
    }
}

/// What the commit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// Only ask.
    Validate,
    /// Ask, and say where there is nothing to change.
    Prepare,
    /// Do it.
    Apply,
}

impl Goal {
    pub(super) fn action(self) -> Action {
        match self {
            Self::Validate | Self::Prepare => Action::Validate,
            Self::Apply => Action::Apply,
        }
    }
}
