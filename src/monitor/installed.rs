//! Whether zebra has installed the static routes that are declared.
//!
//! zebra is asked for each of them by its prefix, which it looks up, and for no table: a node may carry the Internet's.
//! Where none is declared it is asked nothing, and has no connection.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tracing::debug;

use crate::{
    config::FrrConfig,
    frr::vty::{Session, VtyError},
    model::Prefix,
    protocol::statics::state::{is_installed, show_route},
};

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(1);

/// Routes that zebra is asked for in one round: a hundred take it a few milliseconds.
const ASKED: usize = 100;

/// Pause between rounds in times of what the last one took.
const REST: u32 = 50;

/// The longest pause: a round that took long since the machine stood still is no reason to be blind for a minute, and a round
/// asks a bounded number of questions.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// Static routes and whether zebra has installed each. Empty while zebra does not answer.
pub type Installed = Arc<BTreeMap<Prefix, bool>>;

/// The destinations of the static routes that are declared now, in their order.
#[derive(Clone)]
pub struct StaticRoutes(Arc<dyn Fn() -> Vec<Prefix> + Send + Sync>);

impl StaticRoutes {
    /// Those that are declared at each call.
    pub fn new(declared: impl Fn() -> Vec<Prefix> + Send + Sync + 'static) -> Self {
        Self(Arc::new(declared))
    }

    fn declared(&self) -> Vec<Prefix> {
        (self.0)()
    }
}

impl fmt::Debug for StaticRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticRoutes").finish_non_exhaustive()
    }
}

/// Watches until the task is aborted: it holds nothing that would be left behind.
pub(super) async fn watch(frr: FrrConfig, routes: StaticRoutes, publish: watch::Sender<Installed>) {
    let path = frr.socket_dir.join("zebra.vty");
    loop {
        if !routes.declared().is_empty() {
            let error = match Session::connect(&path, frr.connect_timeout).await {
                Ok(session) => survey(session, &routes, &publish).await,
                Err(error) => Err(error),
            };
            if let Err(error) = error {
                debug!(%error, "zebra can't be asked for static routes");
            }
            publish.send_replace(Installed::default());
        }
        sleep(ROUND).await;
    }
}

/// Asks round by round, until no static route is declared.
///
/// # Errors
/// zebra does not answer.
async fn survey(
    mut session: Session,
    routes: &StaticRoutes,
    publish: &watch::Sender<Installed>,
) -> Result<(), VtyError> {
    let mut known = BTreeMap::new();
    let mut next = 0;
    loop {
        let declared = routes.declared();
        if declared.is_empty() {
            return Ok(());
        }
        known.retain(|prefix, _| declared.binary_search(prefix).is_ok());
        let begun = Instant::now();
        // Those that nobody has asked for yet come first, then the others in turn.
        let new = declared.iter().filter(|prefix| !known.contains_key(*prefix));
        let asked = declared.len().min(ASKED);
        let turn = declared.iter().cycle().skip(next % declared.len()).take(asked);
        let round: Vec<Prefix> = new.chain(turn).take(asked).copied().collect();
        next = (next + asked) % declared.len();
        for prefix in round {
            let reply = session.command(&show_route(prefix)).await?;
            known.insert(prefix, is_installed(&reply.text));
        }
        publish.send_replace(Arc::new(known.clone()));
        sleep((begun.elapsed() * REST).clamp(ROUND, LONGEST_REST)).await;
    }
}
