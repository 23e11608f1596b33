//! Static routes.

use ipnet::IpNet;
use serde::Serialize;

use super::{
    Colour, View,
    table::{self, Table, cell, number},
};
use crate::proto::v1::StaticRouteStatus;

/// The static routes, in the order of their destinations.
#[derive(Debug, Serialize)]
pub struct StaticRoutes {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    static_routes: Vec<StaticRoute>,
}

#[derive(Debug, Serialize)]
struct StaticRoute {
    prefix: String,
    next_hop: String,
    state: String,
    owner: String,
    distance: u32,
    tag: u32,
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
}

impl StaticRoutes {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.static_routes.len()
    }
}

impl From<Vec<StaticRouteStatus>> for StaticRoutes {
    fn from(routes: Vec<StaticRouteStatus>) -> Self {
        let route = |route: StaticRouteStatus| {
            let StaticRouteStatus { prefix, next_hop, state, owner, reason, distance, tag, source } =
                route;
            StaticRoute { prefix, next_hop, state, owner, distance, tag, reason, source }
        };
        let mut static_routes: Vec<StaticRoute> = routes.into_iter().map(route).collect();
        static_routes.sort_by_cached_key(|route| {
            let network = route.prefix.parse::<IpNet>().ok();
            (network.is_none(), network, route.prefix.clone())
        });
        Self { static_routes }
    }
}

impl View for StaticRoutes {
    fn table(&self, colour: Colour) -> String {
        let columns = ["PREFIX", "NEXT HOP", "STATE", "OWNER"];
        let mut table = Table::new(columns, colour);
        for route in &self.static_routes {
            table.row([
                cell(&route.prefix),
                cell(&route.next_hop),
                table::state(&route.state),
                cell(&route.owner),
            ]);
        }
        table.text()
    }

    fn wide(&self, colour: Colour) -> String {
        let columns =
            ["PREFIX", "NEXT HOP", "STATE", "OWNER", "DISTANCE", "TAG", "REASON", "SOURCE"];
        let mut table = Table::new(columns, colour);
        for route in &self.static_routes {
            table.row([
                cell(&route.prefix),
                cell(&route.next_hop),
                table::state(&route.state),
                cell(&route.owner),
                number(route.distance),
                number(route.tag),
                cell(&route.reason),
                cell(&route.source),
            ]);
        }
        table.text()
    }
}
