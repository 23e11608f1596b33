//! What `Explain` answers: the way of one object from who declared it to neighbours and kernel.
//!
//! | file | owns |
//! |---|---|
//! | `mod` | what is asked of FRR, and the way in its order |
//! | `declared` | who declared it, what it renders to, the last transaction about it |
//! | `bgp` | bgpd's JSON of a prefix and of neighbours → steps; pure |
//! | `peer` | bgpd's JSON of one neighbour → steps, and what the far end may have wrong; pure |
//! | `rib` | zebra's JSON and the kernel's tables → steps; pure |

mod bgp;
mod declared;
mod peer;
mod rib;

use std::net::IpAddr;

use serde_json::Value;
use tonic::Status;

use super::{Api, codes};
use crate::{
    commit::View,
    model::{FieldErrors, Intent, IntentKey, Peer, Prefix, Protocol, ValueError},
    monitor::FrrStatus,
    proto::v1,
    protocol::statics::state::show_route,
};

/// Kernel's tables of routes.
const KERNEL: [&str; 2] = ["/proc/net/route", "/proc/net/ipv6_route"];

/// How good a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    /// With the cause in the contract's words.
    HeldBack(&'static str),
    Info,
}

/// A step of the way.
fn step(
    step: &str,
    subject: impl ToString,
    verdict: Verdict,
    text: impl Into<String>,
) -> v1::ExplainStep {
    let (result, cause) = match verdict {
        Verdict::Ok => ("ok", ""),
        Verdict::HeldBack(cause) => ("held back", cause),
        Verdict::Info => ("info", ""),
    };
    v1::ExplainStep {
        step: step.to_owned(),
        subject: subject.to_string(),
        result: result.to_owned(),
        cause: cause.to_owned(),
        text: text.into(),
        lines: Vec::new(),
    }
}

/// Explains what a request names.
///
/// # Errors
/// INVALID_ARGUMENT: it names nothing.
pub(super) async fn explain(
    api: &Api,
    request: v1::ExplainRequest,
) -> Result<v1::Explanation, Status> {
    let (view, frr) = (api.deps.commit.view(), api.deps.status.latest());
    let key = target(&request, &view).map_err(|errors| codes::invalid(&errors))?;
    let mut steps = declared::steps(api, &view, &key);
    let mut candidates = Vec::new();
    let goal = match key {
        IntentKey::Peer(address) => {
            peer_steps(api, &view, address, &mut steps, &mut candidates).await;
            "the session is established"
        }
        IntentKey::Prefix(Protocol::Ospf, prefix) => {
            steps.extend(rib_steps(api, prefix, false).await);
            steps.extend(ospf_steps(&frr, prefix));
            "ospfd announces it to a neighbour"
        }
        IntentKey::StaticRoute(prefix) => {
            steps.extend(rib_steps(api, prefix, true).await);
            "zebra prefers it and the kernel has it"
        }
        IntentKey::Prefix(Protocol::Bgp, prefix) => {
            steps.extend(prefix_steps(api, &view, &frr, prefix).await);
            steps.extend(rib_steps(api, prefix, false).await);
            "every neighbour whose session carries its family is sent it"
        }
        _ => "",
    };
    let reached = steps.iter().all(|step| step.result != "held back");
    let object = key.to_string();
    Ok(v1::Explanation { object, goal: goal.to_owned(), reached, steps, candidates })
}

/// What a request names.
fn target(request: &v1::ExplainRequest, view: &View) -> Result<IntentKey, FieldErrors> {
    let mut errors = FieldErrors::new();
    if !request.target.contains('/') {
        let address = errors.take("target", Peer::parse_address(&request.target));
        if !request.kind.is_empty() {
            errors.push("kind", "is for a prefix");
        }
        return errors.finish(address.map(IntentKey::Peer));
    }
    let prefix: Option<Prefix> = errors.take("target", request.target.parse());
    let of = |prefix| {
        [
            ("bgp", IntentKey::Prefix(Protocol::Bgp, prefix)),
            ("ospf", IntentKey::Prefix(Protocol::Ospf, prefix)),
            ("static", IntentKey::StaticRoute(prefix)),
        ]
    };
    let key = prefix.map(|prefix| match request.kind.as_str() {
        "" => {
            let declared = of(prefix).into_iter().find(|(_, key)| view.store.get(key).is_some());
            Ok(declared.map_or(of(prefix)[0].1, |(_, key)| key))
        }
        kind => {
            let named = of(prefix).into_iter().find(|(name, _)| *name == kind);
            named.map(|(_, key)| key).ok_or(ValueError::new("is not bgp, ospf or static"))
        }
    });
    let key = key.and_then(|key| errors.take("kind", key));
    errors.finish(key)
}

/// What bgpd makes of a prefix, and to which neighbours it goes.
async fn prefix_steps(
    api: &Api,
    view: &View,
    frr: &FrrStatus,
    prefix: Prefix,
) -> Vec<v1::ExplainStep> {
    let family = if prefix.is_ipv4() { "ipv4" } else { "ipv6" };
    let peers: Vec<&Peer> = view.store.peers().map(|(_, peer)| peer).collect();
    let mut commands = vec![format!("show bgp {family} unicast {prefix} json")];
    commands.extend(peers.iter().map(|it| format!("show bgp neighbors {} json", it.address)));
    let mut answers = match api.deps.status.looks().ask("bgpd", &commands).await {
        Ok(answers) => answers.into_iter().map(|text| json(&text)),
        Err(why) => return vec![step("best path", "bgpd", Verdict::HeldBack("daemon_away"), why)],
    };
    let table = bgp::Table::new(answers.next().unwrap_or_default(), prefix);
    let mut steps = vec![table.best_path()];
    for (peer, mut shown) in peers.iter().zip(answers) {
        let neighbor = shown.get_mut(peer.address.to_string()).map(Value::take);
        steps.push(table.neighbour(peer, &neighbor.unwrap_or_default()));
    }
    if peers.is_empty() {
        let others = frr.neighbors.len();
        let text = match others {
            0 => "no peer is declared, and FRR has none".to_owned(),
            others => format!("no peer is declared; FRR has {others} that others configured"),
        };
        steps.push(step("neighbour", "", Verdict::HeldBack("no_neighbour"), text));
    }
    steps
}

/// What bgpd makes of a peer.
async fn peer_steps(
    api: &Api,
    view: &View,
    address: IpAddr,
    steps: &mut Vec<v1::ExplainStep>,
    candidates: &mut Vec<String>,
) {
    let commands = [format!("show bgp neighbors {address} json")];
    let shown = match api.deps.status.looks().ask("bgpd", &commands).await {
        Ok(answers) => json(answers.first().map_or("", |text| text)),
        Err(why) => {
            steps.push(step("session", "bgpd", Verdict::HeldBack("daemon_away"), why));
            return;
        }
    };
    let shown = shown.get(address.to_string()).cloned().unwrap_or_default();
    let declared = view.store.get(&IntentKey::Peer(address)).map(|owned| &owned.intent);
    let declared = match declared {
        Some(Intent::Peer(peer)) => Some(&**peer),
        _ => None,
    };
    steps.extend(peer::steps(address, declared, &shown));
    candidates.extend(peer::candidates(address, declared, &shown));
}

/// What zebra and the kernel have; of a static route that decides.
async fn rib_steps(api: &Api, prefix: Prefix, decides: bool) -> Vec<v1::ExplainStep> {
    let commands = [show_route(prefix)];
    let mut steps = match api.deps.status.looks().ask("zebra", &commands).await {
        Ok(answers) => {
            vec![rib::rib(&json(answers.first().map_or("", |text| text)), prefix, decides)]
        }
        Err(why) => vec![step("rib", "zebra", rib::verdict(decides, "daemon_away"), why)],
    };
    let table = KERNEL[usize::from(!prefix.is_ipv4())];
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(table));
    if let Ok(Ok(text)) = read.await {
        steps.push(rib::kernel(&text, prefix, decides));
    }
    steps
}

/// Whether ospfd announces a prefix, and to whom.
fn ospf_steps(frr: &FrrStatus, prefix: Prefix) -> Vec<v1::ExplainStep> {
    let announced = match frr.advertised.contains(Protocol::Ospf, &prefix) {
        true => step("ospf", "ospfd", Verdict::Ok, "its LSA is in the database"),
        false => step("ospf", "ospfd", Verdict::HeldBack("not_in_table"), "no LSA of it is there"),
    };
    let interfaces = frr.ospf_interfaces.values();
    let full = interfaces.flat_map(|it| it.neighbors.values()).filter(|it| it.is_full()).count();
    let neighbours = match full {
        0 => step("neighbour", "", Verdict::HeldBack("no_session"), "no OSPF neighbour is full"),
        full => {
            step("neighbour", "", Verdict::Ok, format!("OSPF neighbours that are full: {full}"))
        }
    };
    vec![announced, neighbours]
}

/// JSON of a daemon; nothing where it is none.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
