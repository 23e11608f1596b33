//! Who declared an object, what it renders to, how it is sent, and the last transaction about it.

use super::{Verdict, step};
use crate::{
    api::{Api, declared::authors, history, status::state_of},
    commit::View,
    coverage::TransportState,
    daemon::{Daemon, Forest},
    frr::vty::{redact, table::Table},
    model::IntentKey,
    policy::Lifetime,
    proto::v1,
    protocol::kinds,
    render::render,
    store::Owned,
    tree::Tree,
};

/// The part of the way that is the agent's.
pub(super) fn steps(api: &Api, view: &View, key: &IntentKey) -> Vec<v1::ExplainStep> {
    let Some(owned) = view.store.get(key) else {
        let text = "nobody has declared it";
        return vec![step("declared", "", Verdict::HeldBack("not_declared"), text)];
    };
    let mut steps = vec![declared(view, key, owned), owner(api, owned)];
    steps.extend(rendered(view, owned));
    steps.extend(transports(api, key));
    steps.extend(transaction(view, key));
    let (state, reason) = state_of(view, key);
    steps.push(match state.as_str() {
        "applied" => step("applied", "", Verdict::Ok, "FRR has been seen to have it"),
        state => {
            step("applied", "", Verdict::HeldBack("not_applied"), format!("{state}: {reason}"))
        }
    });
    steps
}

fn declared(view: &View, key: &IntentKey, owned: &Owned) -> v1::ExplainStep {
    let configured = owned.owner.is_admin() && view.configured.contains(key);
    let from = if configured { "in the agent's configuration" } else { "by request" };
    let source = owned.source.as_ref().map(|it| format!(", source {it}")).unwrap_or_default();
    step("declared", &owned.owner, Verdict::Ok, format!("{from}{source}"))
}

fn owner(api: &Api, owned: &Owned) -> v1::ExplainStep {
    let text = match api.deps.directory.lifetime(&owned.owner) {
        Some(Lifetime::Persistent) => "its intents stay until they are withdrawn".to_owned(),
        Some(Lifetime::Connection) => {
            let grace = api.deps.directory.grace_period().as_secs();
            format!("its intents go {grace} s after its last connection")
        }
        None => "the configuration has it no more: its intents go".to_owned(),
    };
    step("owner", &owned.owner, Verdict::Info, text)
}

/// What stands in FRR for it, as lines and as YANG: what is rendered with it and not without.
fn rendered(view: &View, owned: &Owned) -> Vec<v1::ExplainStep> {
    let Some(shapes) = view.shapes else { return Vec::new() };
    let key = owned.intent.key();
    let others = || view.store.but_routes(None).map(|it| &it.intent).filter(|it| it.key() != key);
    let without = render(others(), shapes);
    let with = render(others().chain([&owned.intent]), shapes);
    let mut steps = Vec::new();
    for (daemon, tree) in &with {
        let empty = Tree::new();
        let before = without.get(daemon).unwrap_or(&empty);
        let (paths, lines) = (added_paths(before, tree), added_lines(*daemon, &without, &with));
        if !paths.is_empty() {
            let text = format!("{} of YANG, {} of configuration", paths.len(), lines.len());
            let shown = lines.into_iter().chain(paths).collect();
            let told = step("renders", daemon, Verdict::Info, text);
            steps.push(v1::ExplainStep { lines: shown, ..told });
        }
    }
    steps
}

fn added_paths(before: &Tree, after: &Tree) -> Vec<String> {
    let mut added = Vec::new();
    after.for_each_end(&mut |path, value| {
        if value.is_some_and(|value| before.leaf(path) == Some(value))
            || before.contains(path) && value.is_none()
        {
            return;
        }
        let value = match path.leaf_name() {
            "password" => Some("***"),
            _ => value,
        };
        added.push(value.map_or(path.to_string(), |value| format!("{path} {value}")));
    });
    added
}

fn added_lines(daemon: Daemon, before: &Forest, after: &Forest) -> Vec<String> {
    let Some(table) = Table::of(daemon) else { return Vec::new() };
    let lines = |forest: &Forest| {
        let tree = forest.get(&daemon).cloned().unwrap_or_default();
        table.all_lines(&tree).unwrap_or_default()
    };
    let known: Vec<_> = lines(before).into_iter().map(|it| (it.context, it.text)).collect();
    let added = lines(after).into_iter().map(|it| (it.context, it.text));
    let added = added.filter(|line| !known.contains(line));
    added
        .map(|(context, text)| {
            let way: Vec<&str> = context.iter().map(String::as_str).chain([&*text]).collect();
            redact(&way.join(" / ")).into_owned()
        })
        .collect()
}

fn transports(api: &Api, key: &IntentKey) -> Vec<v1::ExplainStep> {
    let rows = api.deps.coverage.borrow().clone();
    let executors = kinds::of(key.kind()).executors;
    let mut used: Vec<(Daemon, String)> = rows
        .iter()
        .filter(|row| row.state == TransportState::InUse && executors.contains(&row.daemon))
        .map(|row| (row.daemon, row.transport.to_string()))
        .collect();
    used.sort_unstable();
    used.dedup();
    used.into_iter().map(|(daemon, name)| step("transport", daemon, Verdict::Info, name)).collect()
}

fn transaction(view: &View, key: &IntentKey) -> Option<v1::ExplainStep> {
    let last = authors(view, &[*key].into()).remove(key)?;
    let told = history::summary(&last);
    let text = format!("{} of {}: {}", told.origin, told.owner, told.result);
    Some(step("transaction", last.id, Verdict::Info, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Intent, proto::v1::BgpPeer, wire};

    #[test]
    fn what_a_peer_adds_has_no_password() {
        let owner: crate::model::OwnerName = "admin".parse().expect("a name");
        let mut view = View {
            shapes: Some(crate::render::Shapes {
                static_routes: crate::render::StaticShape::Nested,
                coalesce_time: None,
            }),
            ..View::default()
        };
        let bgp = Intent::Bgp(wire::bgp(65000, "10.0.0.1").expect("an instance"));
        let peer = BgpPeer {
            neighbor_address: "10.0.0.2".into(),
            remote_as: 65001,
            password: "hush".into(),
            ..BgpPeer::default()
        };
        let peer = Intent::Peer(Box::new(wire::peer(&peer).expect("a peer")));
        for intent in [bgp, peer.clone()] {
            view.store.apply(&owner, &crate::model::Change::Set(intent));
        }
        let steps = rendered(&view, &Owned::new(owner, peer));
        let [bgpd] = &*steps else { panic!("{steps:?}") };
        assert!(
            bgpd.lines
                .iter()
                .any(|it| it == "router bgp 65000 / neighbor 10.0.0.2 remote-as 65001")
        );
        assert!(bgpd.lines.iter().any(|it| it.ends_with("/password ***")), "{bgpd:?}");
        assert!(!format!("{bgpd:?}").contains("hush"));
        assert!(!bgpd.lines.iter().any(|it| it.contains("router-id")), "the instance is another's");
    }
}
