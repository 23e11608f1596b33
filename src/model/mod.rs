//! What clients declare, as types that exist only valid.
//!
//! Pure: no async, no I/O, no clock. Strings from outside become these types in
//! one place (`parse, don't check`); everything behind them trusts the types.
//!
//! | file | owns |
//! |---|---|
//! | `scalar` | AS numbers, owner names, prefixes, one-line texts, secrets |
//! | `community` | standard, well-known and large BGP communities |
//! | `family` | address families of sessions |
//! | `peer` | BGP neighbours and the instance they belong to |
//! | `peer_options` | what a neighbour can have beside the essential |
//! | `bfd` | BFD timers, profiles and sessions |
//! | `drain` | the drain of the node |
//! | `ospf` | interfaces on which OSPF runs |
//! | `prefix` | advertised prefixes and their path attributes |
//! | `static_route` | routes of staticd |
//! | `intent` | the closed set of intents, their keys and changes |
//! | `configured` | what the configuration itself declares |
//! | `extras` | what a request says of its changes beyond the objects |
//! | `error` | what is wrong with a field |

mod bfd;
mod community;
mod configured;
mod drain;
mod error;
mod extras;
mod family;
mod hops;
mod intent;
mod ospf;
mod peer;
mod peer_options;
mod prefix;
mod scalar;
mod static_route;

pub use bfd::{BfdLimits, BfdParameters, BfdProfile, BfdSession};
pub use community::{Community, LargeCommunity, StandardCommunity};
pub use configured::Configured;
pub use drain::Drain;
pub use error::{FieldError, FieldErrors, ValueError};
pub use extras::{Extras, Source};
pub use family::AddressFamily;
pub use intent::{Change, Intent, IntentKey, IntentKind};
pub use ospf::{AreaId, OspfInterface, OspfTimers};
pub use peer::{BgpGlobal, Peer, PeerType, Timers};
pub use peer_options::{
    CommunityKind, ExchangeOptions, GracefulRestart, LocalAs, LocalAsMode, SessionOptions,
    ShutdownMessage,
};
pub use prefix::{PathAttributes, PrefixAdvertisement, Protocol};
pub use scalar::{
    AsNumber, Description, InterfaceName, OwnerName, Password, Prefix, ProfileName, router_id,
};
pub use static_route::{NextHop, StaticRoute};
