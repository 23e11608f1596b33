//! Instance data of YANG models as a plain value.
//!
//! Pure: no async, no I/O, no clock, and no libyang. A [`Tree`] knows names, keys and
//! values; what they mean is the schema's business (`crate::yang`), which also
//! turns trees into JSON and back and judges whether they are valid.
//!
//! Conventions, all as in RFC 7951: a name carries its module where that differs from
//! its parent's (`frr-routing:routing`, `frr-bgp:bgp`, `global`); identities carry theirs
//! always (`frr-bgp:bgp`); values are in canonical form. List keys stand in the
//! key of the entry and not among its children.
//!
//! | file | owns |
//! |---|---|
//! | `path` | names, steps and paths, with XPath quoting |
//! | `node` | the tree itself: look up, set, remove, merge |
//! | `diff` | two trees → edits, edits → reverse, three-way merge |
//! | `spelling` | one spelling of an address |

mod diff;
mod node;
mod path;
mod spelling;

pub use diff::{Edit, advance, apply, diff, reverse, three_way, without};
pub use node::{List, Node, Tree};
pub use path::{Keys, Name, Path, PathError, Step, Target};
pub use spelling::{as_number, is_same_address, plain_address, plain_line};
