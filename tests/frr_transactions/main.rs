//! Transactions on real FRR: plans, confirmations, rollbacks, and an agent that dies at the worst
//! moment. Needs the feature `failpoints`, as `make test` sets it.
//!
//! | file | shows |
//! |---|---|
//! | `service` | plan, dry run, confirm, rollback, history |
//! | `undo` | … by the rules of any change |
//! | `crash` | the agent dies at every step of a commit |
//! | `afterwards` | … where a transaction is confirmed or rolled back |
//! | `ends` | … at its start and its end |
//! | `door` | … between a commit through FRR's own gRPC and its proof |
//! | `supervision` | a task of the agent that panics |
//! | `adoption` | a restarted agent touches nothing |

#[path = "../agent/mod.rs"]
mod agent;
#[path = "../lab/mod.rs"]
mod lab;

mod adoption;
mod afterwards;
mod crash;
mod door;
mod ends;
mod service;
mod slices;
mod supervision;
mod undo;

use agent::Client;
use novaroute::proto::v1::{self, IntentChange};
use tonic::Status;

/// Applies changes that have to be confirmed within `seconds`; 0 means that they need not be.
fn apply_within(
    client: &Client,
    changes: Vec<IntentChange>,
    seconds: u32,
) -> Result<v1::ApplyResponse, Status> {
    let request = v1::ApplyRequest {
        owner: client.owner.clone(),
        token: client.token.clone(),
        changes,
        dry_run: false,
        confirm_timeout: seconds,
        ..Default::default()
    };
    let mut transactions = client.transactions();
    client.block_on(transactions.apply(request)).map(tonic::Response::into_inner)
}

/// The remembered transactions, newest first.
fn history(client: &Client) -> Vec<v1::Transaction> {
    let mut transactions = client.transactions();
    let list = transactions.list(v1::ListTransactionsRequest::default());
    client.block_on(list).expect("the list").into_inner().transactions
}
