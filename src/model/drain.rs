//! The drain of a node: BGP graceful shutdown (RFC 8326).

/// Every route that the node announces says that it will go soon, so that neighbours prefer other
/// ways while it still forwards. Belongs to the node as its BGP instance does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drain {
    /// The next start of the agent ends it: for a drain that only leads over to a new pod.
    pub until_restart: bool,
}
