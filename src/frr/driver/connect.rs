//! The drivers of a real FRR.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use super::Driver;
use crate::{
    daemon::Daemon,
    frr::{
        gateway::Gateway,
        mgmtd::MgmtdDriver,
        transport::{DaemonDriver, GrpcTransport},
    },
    yang::{Yang, YangError},
};

/// What leads to FRR.
#[derive(Debug)]
pub struct Connection<'a> {
    /// Where FRR's sockets are.
    pub socket_dir: &'a Path,
    /// Time to connect in.
    pub connect_timeout: Duration,
    /// The gateway to mgmtd.
    pub gateway: &'a Gateway,
    /// Daemons' own gRPC.
    pub transports: &'a BTreeMap<Daemon, GrpcTransport>,
    /// Where it is remembered which of them lies.
    pub state_dir: &'a Path,
}

/// The drivers of all daemons. They connect when they are first used: nothing of FRR has to run yet.
///
/// # Errors
/// The thread of libyang is gone.
pub async fn drivers(
    connection: &Connection<'_>,
    yang: &Yang,
) -> Result<Vec<Box<dyn Driver>>, YangError> {
    let Connection { socket_dir, connect_timeout, gateway, transports, state_dir } = *connection;
    let mut drivers: Vec<Box<dyn Driver>> = Vec::new();
    for daemon in Daemon::ALL {
        let transport = transports.get(&daemon).cloned();
        let socket = Arc::new(socket_dir.join(format!("{daemon}.vty")));
        let vty = DaemonDriver::new(daemon, socket, connect_timeout, yang.clone());
        drivers.push(match vty {
            Some(mut driver) => {
                driver.load_defaults().await?;
                transport.into_iter().for_each(|transport| driver.set_transport(transport));
                Box::new(driver)
            }
            None => {
                let mut driver =
                    MgmtdDriver::new(gateway.clone(), socket_dir, connect_timeout, yang.clone());
                transport.into_iter().for_each(|transport| driver.set_transport(transport));
                driver.remember_in(state_dir);
                Box::new(driver)
            }
        });
    }
    Ok(drivers)
}
