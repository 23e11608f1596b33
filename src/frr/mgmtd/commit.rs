//! A commit of mgmtd's, through its own gRPC or the frontend socket, and taking it back.

use std::time::Duration;

use tracing::debug;

use super::{
    MgmtdDriver, MgmtdError,
    edits::{STATICD, holds},
    request,
};
use crate::{
    failpoint,
    frr::northbound::{Answer, Error},
    tree::{Edit, Tree, reverse},
};

/// How long it has to show what mgmtd's own gRPC committed. Where that is too short the frontend socket does
/// what is lacking, so nothing is lost by little patience.
const DOOR_PROOF: Duration = Duration::from_secs(1);

impl MgmtdDriver {
    /// Asks mgmtd whether it would accept the edits. Changes nothing.
    ///
    /// # Errors
    /// FRR's or libyang's words.
    pub(super) async fn validate_edits(&self, edits: &[Edit]) -> Result<(), MgmtdError> {
        Ok(self.northbound.validate(request(edits, &self.yang).await?).await?)
    }

    /// Commits the edits in one transaction of mgmtd: through its own gRPC where that is of use, else, and
    /// where that had no effect, through the frontend socket.
    ///
    /// # Errors
    /// FRR's or libyang's words.
    pub(super) async fn commit(&mut self, edits: &[Edit]) -> Result<Answer, MgmtdError> {
        if let Some(outcome) = self.commit_through_transport(edits).await? {
            return Ok(outcome);
        }
        self.commit_until_it_stands(edits).await
    }

    /// `None` where the edits are still to be made, and mgmtd does not claim to have them.
    async fn commit_through_transport(
        &mut self,
        edits: &[Edit],
    ) -> Result<Option<Answer>, MgmtdError> {
        let Some(transport) = self.transport.clone() else { return Ok(None) };
        if edits.is_empty() || !transport.ready().await {
            return Ok(None);
        }
        let request = request(edits, &self.yang).await?;
        (self.in_step, self.shown) = (false, None);
        let answer = transport.commit(request).await;
        failpoint::hit("transport-committed");
        let proof = if answer.is_ok() { DOOR_PROOF } else { Duration::ZERO };
        let lacking = self.lacking(edits, proof).await?;
        match (&answer, lacking.first()) {
            (Ok(outcome), None) => return Ok(Some(*outcome)),
            (Ok(outcome), Some(first)) => {
                let (_, daemon) = STATICD;
                let path = &first.path;
                let why = format!("answered that {outcome}, and {daemon} does not show it: {path}");
                if let (Some(memory), Some(started)) = (&self.memory, self.started) {
                    memory.note(transport.address(), started, &why).await;
                }
                transport.quarantine(why).await;
            }
            // The other transport's words count.
            (Err(error @ Error::Refused { .. }), _) => debug!(%error, "mgmtd's own gRPC"),
            (Err(error), _) => transport.failed(error).await,
        }
        // mgmtd may claim to have it, and nothing is to be changed for it then. To take away what a daemon
        // does not run, and to give it what it runs, does no harm there.
        self.commit_until_it_stands(&reverse(&lacking)).await?;
        Ok(None)
    }

    /// Takes back those of the edits that mgmtd has, as was just read, and reads that back.
    ///
    /// # Errors
    /// FRR's or libyang's words, or what the executing daemon still shows.
    pub(super) async fn take_back(&mut self, edits: &[Edit], now: &Tree) -> Result<(), MgmtdError> {
        let made: Vec<Edit> = edits.iter().filter(|edit| holds(now, edit)).cloned().collect();
        if made.is_empty() {
            return Ok(());
        }
        let back = reverse(&made);
        self.commit(&back).await?;
        let left = self.read_back(&back).await?.into_iter().next();
        left.map_or(Ok(()), |not_shown| Err(MgmtdError::NotApplied(Box::new(not_shown))))
    }
}
