//! `apply` and `plan`: files of intents, all of it or nothing.

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;

use super::{
    Terminal,
    client::Client,
    credentials::Credentials,
    error::CtlError,
    file::{self, Intents},
    global::{DEFAULT_SOCKET, Global},
    now,
    output::{ApplyResult, Deadline, Look, Plan, View},
    refusal::About,
    text, write,
};
use crate::proto::v1::{
    ApplyRequest, ApplyResponse, GetTransactionRequest, IntentChange, Outcome, PlanRequest,
};

/// The format of files, as `--help` tells it.
const FORMAT: &str = "\
Files are YAML or JSON: a list of intents, or `intents` and `remove`; several documents make one \
transaction. Fields are those of novaroute.proto:

  intents:
    - bgp: {local_as: 65000, router_id: 10.0.0.1}
    - peer: {neighbor_address: 10.0.0.2, remote_as: 65001,
             address_families: [ipv4-unicast]}
    - prefix: {prefix: 192.0.2.0/24, protocol: bgp,
               attributes: {communities: [65000:1]}}
    - static_route: {prefix: 198.51.100.0/24, gateway: 10.0.0.3}
    - bfd_session: {peer_address: 10.0.0.2, min_rx_ms: 100, min_tx_ms: 100}
    - ospf_interface: {interface_name: eth0, area_id: 0.0.0.0}
      source: racks/7
  remove:
    - peer: 10.0.0.9
    - prefix: {prefix: 203.0.113.0/24, protocol: bgp}
    - static_route: 198.51.100.0/25
    - bfd_session: 10.0.0.9
    - ospf_interface: eth1

`source` is where an intent is from, in your own words: it is shown again. The password `unchanged` is the one that the peer has. To remove what is not there is fine.";

/// What the agent is asked to do, and in whose name.
#[derive(Debug, Args)]
struct Asked {
    /// File of intents; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Withdraw all that the owner has and the file has not, but for the node's BGP instance and drain
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    credentials: Credentials,
}

/// `apply`
#[derive(Debug, Args)]
#[command(after_help = FORMAT)]
pub struct Apply {
    #[command(flatten)]
    asked: Asked,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Show what will be done, then do it
    #[arg(long)]
    diff: bool,
    /// Roll back by itself after this long, such as 60s or 5m, unless `confirm` is called
    #[arg(long, value_name = "DURATION", value_parser = seconds, conflicts_with = "dry_run")]
    confirm: Option<u32>,
    /// Replace what others configured in FRR in the place of a change, and remove what is removed with their lines in it
    /// (admin)
    #[arg(long)]
    take_over: bool,
}

/// `plan`
#[derive(Debug, Args)]
#[command(after_help = FORMAT)]
pub struct PlanFile {
    #[command(flatten)]
    asked: Asked,
    /// Plan as `apply --take-over` would do it (admin)
    #[arg(long)]
    take_over: bool,
}

/// A command's intents on the way to the agent.
struct Errand {
    owner: String,
    token: String,
    intents: Intents,
    prune: bool,
    agent: Client,
}

impl Asked {
    /// Reads what the agent needs before it is looked for.
    async fn errand(&self, global: &Global) -> Result<Errand, CtlError> {
        Ok(Errand {
            owner: self.credentials.owner.clone(),
            token: self.credentials.token()?,
            intents: if self.prune { file::read_all } else { file::read }(&self.file)?,
            prune: self.prune,
            agent: Client::connect(global).await?,
        })
    }
}

impl PlanFile {
    /// Asks for the plan.
    pub async fn run(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<String, CtlError> {
        let errand = self.asked.errand(global).await?;
        Ok(look.show(&errand.plan(terminal, self.take_over).await?))
    }
}

impl Apply {
    /// Applies the file, or says what that would do.
    pub async fn run(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<String, CtlError> {
        let errand = self.asked.errand(global).await?;
        if self.dry_run {
            let response = errand.apply(terminal, true, 0, self.take_over).await?;
            let plan = Plan::from(response.plan.unwrap_or_default());
            return Ok(look.show(&plan.of(&errand.owner)));
        }
        let plan = match self.diff {
            true => Some(errand.plan(terminal, self.take_over).await?),
            false => None,
        };
        if let (Some(plan), true) = (&plan, look.format.is_for_people()) {
            // Before the change is sent: a change that hangs has been seen.
            write(terminal.out, &(plan.table(look.colour) + "\n"))?;
        }
        let asked = now().time;
        let response =
            errand.apply(terminal, false, self.confirm.unwrap_or_default(), self.take_over).await?;
        let id = response.transaction_id.as_str();
        let deadline = match self.confirm {
            Some(_) if response.outcome() == Outcome::Unchanged => None,
            Some(seconds) => {
                // The agent knows better; without its word, the earliest it can be.
                let told = errand.confirm_by(id).await;
                let by = told.unwrap_or(asked.as_millisecond() + i64::from(seconds) * 1000);
                (by != 0).then(|| Deadline {
                    confirm_by_unix_ms: by,
                    command: self.confirm_command(global, id),
                    now: now(),
                })
            }
            None => None,
        };
        let changes = errand.intents.changes.len();
        let line = match errand.prune {
            true => {
                let intents = text::count(changes, "intent", "intents");
                format!("transaction {id}: {} has the {intents} of the file", errand.owner)
            }
            false => format!("transaction {id}: {}", text::count(changes, "change", "changes")),
        };
        let result = ApplyResult::new(line, response).of(&errand.owner);
        Ok(look.show(&result.with_plan(plan).with_deadline(deadline)))
    }

    /// What confirms the transaction, as it is typed; a token is not repeated.
    fn confirm_command(&self, global: &Global, id: &str) -> String {
        let mut command = format!("novaroutectl confirm {id}");
        if global.socket.as_os_str() != DEFAULT_SOCKET {
            command.push_str(&format!(" --socket {}", global.socket.display()));
        }
        command.push_str(&self.asked.credentials.typed());
        command
    }
}

impl Errand {
    fn changes(&self) -> Vec<IntentChange> {
        self.intents.changes.clone()
    }

    /// A refusal about the changes of the file, in its terms.
    fn blame(&self, error: CtlError) -> CtlError {
        error.about(About::File(Box::new(self.intents.places.clone())))
    }

    async fn plan(&self, terminal: &mut Terminal<'_>, take_over: bool) -> Result<Plan, CtlError> {
        let request = PlanRequest {
            owner: self.owner.clone(),
            token: self.token.clone(),
            changes: self.changes(),
            take_over,
            replace: self.prune,
            ignore_absent: true,
        };
        let mut client = self.agent.transactions();
        let call = client.plan(self.agent.request(request));
        let answer = self.agent.answer_noting(&mut terminal.notes, "the plan", call).await;
        Ok(Plan::from(answer.map_err(|error| self.blame(error))?).of(&self.owner))
    }

    async fn apply(
        &self,
        terminal: &mut Terminal<'_>,
        dry_run: bool,
        confirm_timeout: u32,
        take_over: bool,
    ) -> Result<ApplyResponse, CtlError> {
        let request = ApplyRequest {
            owner: self.owner.clone(),
            token: self.token.clone(),
            changes: self.changes(),
            dry_run,
            confirm_timeout,
            take_over,
            replace: self.prune,
            ignore_absent: true,
        };
        let changes = text::count(request.changes.len(), "change", "changes");
        let awaited =
            if dry_run { "the plan".to_owned() } else { format!("FRR to take {changes}") };
        let mut client = self.agent.transactions();
        let call = client.apply(self.agent.request(request));
        let answer = self.agent.answer_noting(&mut terminal.notes, &awaited, call).await;
        answer.map_err(|error| self.blame(error))
    }

    /// Milliseconds since 1970-01-01 UTC by which a transaction has to be confirmed, 0 where
    /// it need not; none where the agent does not say.
    async fn confirm_by(&self, id: &str) -> Option<i64> {
        let request = GetTransactionRequest { transaction_id: id.to_owned() };
        let mut client = self.agent.transactions();
        let answer = self.agent.answer(client.get(self.agent.request(request))).await;
        answer.ok().map(|transaction| transaction.confirm_by_unix_ms)
    }
}

/// Whole seconds of a duration such as `60s`, `5m` or `1h30m`.
fn seconds(typed: &str) -> Result<u32, String> {
    let duration: SignedDuration =
        typed.parse().map_err(|_| "not a duration such as 60s, 5m or 1h30m".to_owned())?;
    match u32::try_from(duration.as_secs()) {
        Ok(seconds @ 1..) if duration.subsec_nanos() == 0 => Ok(seconds),
        _ => Err("has to be whole seconds, at least 1s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (typed, expected) in [("60s", 60), ("5m", 300), ("1h30m", 5400), ("2 minutes", 120)] {
            assert_eq!(seconds(typed), Ok(expected), "{typed}");
        }
        for typed in ["", "60", "0s", "-5s", "1.5s", "soon", "99999999999s"] {
            assert!(seconds(typed).is_err(), "{typed}");
        }
    }
}
