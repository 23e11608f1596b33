//! libyang decides what is valid. The only user of the `yang2` crate.
//!
//! | file | owns |
//! |---|---|
//! | `error` | why a model or a tree is not valid, in libyang's words |
//! | `schema` | the context with the models of the FRR in use, and questions to it |
//! | `convert` | `Tree` ⇄ libyang's data tree |
//! | `index` | the models' data nodes by name |
//! | `json` | `Tree` ⇄ JSON by that index, without libyang where that is plain |
//! | `models` | what everybody else asks of loaded models |
//! | `needs` | files that a model needs and that are not there |
//! | `quick` | names and types alone, in memory: for simulations |
//! | `slices` | a tree of many entries in slices; pure |
//! | `thread` | the thread on which libyang lives, and the handle to it |
//!
//! Knows nothing of intents or daemons.

mod convert;
mod error;
mod index;
mod json;
mod models;
mod needs;
mod quick;
mod schema;
mod slices;
mod thread;

pub use error::YangError;
pub use models::Models;
pub use quick::Quick;
pub use schema::{Profile, Schema};
pub use thread::Yang;
