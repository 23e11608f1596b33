//! `GetStatus` for `ospf`.

use serde::Serialize;

use super::{
    Colour, View,
    table::{self, Table, cell, number},
};
use crate::proto::v1;

/// The interfaces in OSPF, by name.
#[derive(Debug, Serialize)]
pub struct OspfInterfaces {
    ospf_interfaces: Vec<Interface>,
}

#[derive(Debug, Serialize)]
struct Interface {
    interface_name: String,
    area_id: String,
    state: String,
    owner: String,
    neighbor_count: u32,
    cost: u32,
    reason: String,
    neighbors: Vec<Neighbor>,
}

#[derive(Debug, Serialize)]
struct Neighbor {
    neighbor_id: String,
    address: String,
    state: String,
}

impl From<Vec<v1::OspfInterfaceStatus>> for OspfInterfaces {
    fn from(interfaces: Vec<v1::OspfInterfaceStatus>) -> Self {
        let neighbor = |neighbor: v1::OspfNeighborStatus| Neighbor {
            neighbor_id: neighbor.neighbor_id,
            address: neighbor.address,
            state: neighbor.state,
        };
        let mut interfaces: Vec<Interface> = interfaces
            .into_iter()
            .map(|interface| Interface {
                interface_name: interface.interface_name,
                area_id: interface.area_id,
                state: interface.state,
                owner: interface.owner,
                neighbor_count: interface.neighbor_count,
                cost: interface.cost,
                reason: interface.reason,
                neighbors: interface.neighbors.into_iter().map(neighbor).collect(),
            })
            .collect();
        interfaces.sort_by(|a, b| a.interface_name.cmp(&b.interface_name));
        Self { ospf_interfaces: interfaces }
    }
}

impl OspfInterfaces {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ospf_interfaces.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ospf_interfaces.is_empty()
    }
}

impl Interface {
    /// Each neighbour with its address and state.
    fn neighbors(&self) -> String {
        let told = |one: &Neighbor| format!("{} ({}) {}", one.neighbor_id, one.address, one.state);
        self.neighbors.iter().map(told).collect::<Vec<_>>().join(", ")
    }
}

impl View for OspfInterfaces {
    fn table(&self, colour: Colour) -> String {
        let columns = ["INTERFACE", "AREA", "STATE", "NEIGHBORS", "COST", "OWNER"];
        let mut table = Table::new(columns, colour);
        for interface in &self.ospf_interfaces {
            table.row([
                cell(&interface.interface_name),
                cell(&interface.area_id),
                table::state(&interface.state),
                number(interface.neighbor_count),
                number(interface.cost),
                cell(&interface.owner),
            ]);
        }
        table.text()
    }

    fn wide(&self, colour: Colour) -> String {
        let columns =
            ["INTERFACE", "AREA", "STATE", "COUNT", "COST", "OWNER", "NEIGHBORS", "REASON"];
        let mut table = Table::new(columns, colour);
        for interface in &self.ospf_interfaces {
            table.row([
                cell(&interface.interface_name),
                cell(&interface.area_id),
                table::state(&interface.state),
                number(interface.neighbor_count),
                number(interface.cost),
                cell(&interface.owner),
                cell(&interface.neighbors()),
                cell(&interface.reason),
            ]);
        }
        table.text()
    }
}
