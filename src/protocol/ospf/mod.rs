//! OSPF, executed by ospfd; the anchors of its prefixes are staticd's.
//!
//! | file | owns |
//! |---|---|
//! | `interface` | what interfaces and prefixes render to |
//! | `lines` | the lines of ospfd's configuration |
//! | `state` | ospfd's JSON to interfaces, neighbours and external routes |

mod interface;
mod lines;
pub(crate) mod state;

pub(crate) use interface::{interface, prefix};
pub(super) use lines::lines;

use super::object::{self, Object, Place};
use crate::{
    model::IntentKey,
    tree::{Node, Path},
};

/// What object of OSPF a node is.
pub(super) fn object(at: &Place, node: &Node) -> Option<Object> {
    match (&*at.step.name, node) {
        ("control-plane-protocol", Node::List(_)) => {
            let ospf = at.step.keys().any(|(_, value)| value == "frr-ospfd:ospf");
            ospf.then_some(Object::Process)
        }
        ("redistribute", Node::List(_)) => Some(Object::Redistribute),
        (_, Node::Leaf(_)) if at.module == "frr-interface:lib" => Some(Object::Interface),
        _ => None,
    }
}

/// What declares an object of OSPF.
pub(super) fn declared_by(at: &Place, path: &Path) -> Option<IntentKey> {
    if at.module != "frr-interface:lib" {
        return None;
    }
    let interface = path.0.iter().find(|step| &*step.name == "interface")?;
    Some(IntentKey::OspfInterface(object::key(interface, "name")?.parse().ok()?))
}
