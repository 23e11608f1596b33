//! Model types into protobuf messages: the way back, for the journal and for what is shown.

use super::{
    bgp_message, peer_message,
    prefix::{advertisement_message, static_route_message},
    session::{bfd_message, bfd_profile_message, ospf_message},
};
use crate::{
    model::{Drain, Intent},
    proto::v1::{self, intent},
};

/// The message that [`super::intent`] reads back to the same intent. Holds the password of a
/// neighbour.
pub fn intent_message(intent: &Intent) -> v1::Intent {
    let kind = match intent {
        Intent::Bgp(global) => intent::Kind::Bgp(bgp_message(global)),
        Intent::Drain(Drain { until_restart }) => {
            intent::Kind::Drain(v1::Drain { until_restart: *until_restart })
        }
        Intent::Peer(peer) => intent::Kind::Peer(peer_message(peer)),
        Intent::Prefix(ad) => intent::Kind::Prefix(advertisement_message(ad)),
        Intent::StaticRoute(route) => intent::Kind::StaticRoute(static_route_message(route)),
        Intent::BfdSession(session) => intent::Kind::BfdSession(bfd_message(session)),
        Intent::BfdProfile(profile) => intent::Kind::BfdProfile(bfd_profile_message(profile)),
        Intent::OspfInterface(interface) => intent::Kind::OspfInterface(ospf_message(interface)),
    };
    v1::Intent { kind: Some(kind) }
}
