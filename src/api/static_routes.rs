//! What `GetStatus` answers of static routes.

use super::status::{declared, state_of};
use crate::{
    commit::View,
    model::{Intent, IntentKey, OwnerName, StaticRoute},
    proto::v1,
    store::Owned,
};

/// The static routes of one owner, or of all.
pub(super) fn route_statuses<'a>(
    view: &'a View,
    owner: Option<&'a OwnerName>,
) -> impl Iterator<Item = v1::StaticRouteStatus> + 'a {
    declared(view, owner).filter_map(|owned| match &owned.intent {
        Intent::StaticRoute(route) => Some(route_status(route, owned, view)),
        _ => None,
    })
}

fn route_status(route: &StaticRoute, owned: &Owned, view: &View) -> v1::StaticRouteStatus {
    let (state, reason) = state_of(view, &IntentKey::StaticRoute(route.prefix));
    v1::StaticRouteStatus {
        prefix: route.prefix.to_string(),
        next_hop: route.next_hop.to_string(),
        state,
        owner: owned.owner.to_string(),
        reason,
        distance: route.distance.get().into(),
        tag: route.tag,
        source: owned.source_text(),
    }
}
