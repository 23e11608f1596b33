//! BFD, executed by bfdd.
//!
//! | file | owns |
//! |---|---|
//! | `session` | what sessions render to, and the profiles that they and neighbours name |
//! | `lines` | the lines of bfdd's configuration |
//! | `state` | bfdd's JSON to sessions |
//! | `live` | the proof: whether bfdd's sessions are those that are declared |

mod lines;
pub mod live;
pub(crate) mod session;
pub(crate) mod state;

pub(super) use lines::lines;
pub(crate) use session::{alone, declared, named, render};

use super::object::{Object, Place};
use crate::{
    model::IntentKey,
    tree::{Node, Path},
};

/// What object of BFD a node is.
pub(super) fn object(at: &Place, node: &Node) -> Option<Object> {
    match (&*at.step.name, node) {
        ("bfd", Node::Presence(_)) if at.module == "frr-bfdd:bfdd" => Some(Object::Bfd),
        ("profile", Node::List(_)) => Some(Object::Profile),
        ("single-hop" | "multi-hop", Node::List(_)) => Some(Object::Session),
        _ => None,
    }
}

/// What declares an object of BFD.
pub(super) fn declared_by(at: &Place, _: &Path) -> Option<IntentKey> {
    match &*at.step.name {
        "single-hop" | "multi-hop" => {
            Some(IntentKey::BfdSession(at.key("dest-addr")?.parse().ok()?))
        }
        // One of the agent's own has a name that no intent has.
        "profile" => Some(IntentKey::BfdProfile(at.key("name")?.parse().ok()?)),
        _ => None,
    }
}
