//! Names, labels and series.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::proto::v1::EventType;

fn owner(name: &str) -> OwnerName {
    name.parse().unwrap()
}

/// A metric with everything counted once.
fn full() -> Metrics {
    let metrics = Metrics::new([owner("a"), owner("b")]);
    let a = owner("a");
    metrics.intent(&a, IntentKind::Peer, Operation::Set);
    metrics.transaction(TransactionResult::Failure, Duration::from_millis(3));
    metrics.policy_violation(&a, ViolationKind::AllowedCidrs);
    metrics.event(EventType::PeerUp);
    metrics.events_dropped(2);
    metrics.monitoring_error(Protocol::Bgp);
    metrics.set_active_peers(&a, 3);
    metrics.set_active_prefixes(&a, PrefixProtocol::Bgp, 4);
    metrics.set_active_bfd_sessions(&a, 5);
    metrics.set_active_ospf_interfaces(&a, 6);
    metrics.set_active_bfd_profiles(&a, 8);
    metrics.set_active_static_routes(&a, 9);
    metrics.set_registered_owners(7);
    metrics.set_frr_connected(true);
    metrics.commit().stage("apply", "vty", Duration::from_millis(2), 5);
    metrics.commit().batch(7, 3);
    metrics.commit().not_confirmed("vty");
    metrics.commit().rolled_back();
    metrics.commit().drift_repaired(4);
    metrics.commit().journal_size(100);
    metrics.commit().stuck(2);
    metrics.snapshot_of(Instant::now());
    let method = GrpcMethod::named("GetStatus").unwrap();
    metrics.grpc_request(method, Duration::from_millis(1), true);
    metrics.grpc_request(method, Duration::from_millis(1), false);
    metrics.task_died(Task::Monitor);
    metrics.reconcile_cycle(Duration::from_secs(1));
    metrics.config_reload(ReloadResult::Failure);
    metrics.refused("memory");
    metrics
}

#[test]
fn names_and_labels_are_those_that_dashboards_use() {
    let text = full().render();
    for line in [
        "novaroute_intents_total{operation=\"set\",owner=\"a\",type=\"peer\"} 1",
        "novaroute_intents_total{operation=\"remove\",owner=\"b\",type=\"prefix\"} 0",
        "novaroute_frr_transactions_total{result=\"failure\"} 1",
        "novaroute_frr_transactions_total{result=\"success\"} 0",
        "novaroute_policy_violations_total{owner=\"a\",reason=\"allowed_cidrs\"} 1",
        "novaroute_events_total{type=\"PEER_UP\"} 1",
        "novaroute_events_dropped_total 2",
        "novaroute_monitoring_errors_total{protocol=\"bgp\"} 1",
        "novaroute_active_peers{owner=\"a\"} 3",
        "novaroute_active_peers{owner=\"b\"} 0",
        "novaroute_active_prefixes{owner=\"a\",protocol=\"bgp\"} 4",
        "novaroute_active_bfd_sessions{owner=\"a\"} 5",
        "novaroute_active_ospf_interfaces{owner=\"a\"} 6",
        "novaroute_active_bfd_profiles{owner=\"a\"} 8",
        "novaroute_active_static_routes{owner=\"a\"} 9",
        concat!("novaroute_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "novaroute_registered_owners 7",
        "novaroute_frr_connected 1",
        "novaroute_grpc_request_duration_seconds_count{method=\"GetStatus\"} 2",
        "novaroute_grpc_requests_abandoned_total{method=\"GetStatus\"} 1",
        "novaroute_grpc_requests_abandoned_total{method=\"Watch\"} 0",
        "novaroute_tasks_died_total{task=\"monitor\"} 1",
        "novaroute_tasks_died_total{task=\"http\"} 0",
        "novaroute_frr_transaction_duration_seconds_count 1",
        "novaroute_reconcile_cycle_duration_seconds_sum 1",
        "novaroute_config_reloads_total{result=\"failure\"} 1",
        "novaroute_config_reloads_total{result=\"success\"} 0",
        "novaroute_config_last_reload_successful 0",
        "novaroute_commit_stage_duration_seconds_count{door=\"vty\",stage=\"apply\"} 1",
        "novaroute_frr_lines_sent_total{door=\"vty\"} 5",
        "novaroute_frr_lines_sent_total{door=\"northbound\"} 0",
        "novaroute_commit_batch_size_sum 7",
        "novaroute_commit_queue_depth 3",
        "novaroute_confirmations_failed_total{door=\"vty\"} 1",
        "novaroute_rollbacks_total 1",
        "novaroute_limits_reached_total{limit=\"memory\"} 1",
        "novaroute_limits_reached_total{limit=\"http\"} 0",
        "novaroute_drift_repaired_total 4",
        "novaroute_journal_size_bytes 100",
        "novaroute_frr_stuck_objects 2",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

/// `increase()` of a series that begins with 1 is 0, and its alert stays silent.
#[test]
fn every_series_is_there_before_it_is_counted() {
    let series = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    };
    let fresh = Metrics::new([owner("a"), owner("b")]);
    fresh.commit().create_stages([("apply", "vty")]);
    let counted = full();
    for kind in ViolationKind::OF_POLICY {
        counted.policy_violation(&owner("b"), kind);
    }
    event_types().for_each(|event| counted.event(event));
    counted.policy_violation(&owner("a"), ViolationKind::NotFound);
    assert_eq!(series(&fresh.render()), series(&counted.render()));
    // An owner that a reload brings has as many.
    let owners = |text: &str, name: &str| text.matches(&format!("owner=\"{name}\"")).count();
    fresh.add_owners([owner("late")]);
    let text = fresh.render();
    assert_eq!(owners(&text, "late"), owners(&text, "a"));
}

/// The whole list: a dashboard may rely on each of them, so that none goes or comes unnoticed.
#[test]
fn these_metrics_and_no_others() {
    let metrics = full();
    metrics.watch_declared(Declared::default);
    let text = metrics.render();
    let mut names: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| format!("{} {kind}", name.strip_prefix("novaroute_").unwrap_or(name)))
        .collect();
    names.sort_unstable();
    let expected = [
        "active_bfd_profiles gauge",
        "active_bfd_sessions gauge",
        "active_ospf_interfaces gauge",
        "active_peers gauge",
        "active_prefixes gauge",
        "active_static_routes gauge",
        "build_info gauge",
        "commit_batch_size histogram",
        "commit_queue_depth gauge",
        "commit_stage_duration_seconds histogram",
        "config_last_reload_successful gauge",
        "config_reloads_total counter",
        "confirmations_failed_total counter",
        "doors_struck_out_total counter",
        "drained gauge",
        "drift_repaired_total counter",
        "events_dropped_total counter",
        "events_total counter",
        "frr_connected gauge",
        "frr_lines_sent_total counter",
        "frr_stuck_objects gauge",
        "frr_transaction_duration_seconds histogram",
        "frr_transactions_total counter",
        "grpc_request_duration_seconds histogram",
        "grpc_requests_abandoned_total counter",
        "intents_total counter",
        "journal_damaged_files gauge",
        "journal_size_bytes gauge",
        "journal_writable gauge",
        "kept_objects gauge",
        "limits_reached_total counter",
        "monitoring_errors_total counter",
        "panics_total counter",
        "policy_violations_total counter",
        "process_cpu_seconds_total counter",
        "process_max_fds gauge",
        "process_open_fds gauge",
        "process_resident_memory_bytes gauge",
        "process_start_time_seconds gauge",
        "process_threads gauge",
        "process_virtual_memory_bytes gauge",
        "reconcile_cycle_duration_seconds histogram",
        "registered_owners gauge",
        "rollbacks_total counter",
        "snapshot_age_seconds gauge",
        "static_routes_not_installed gauge",
        "tasks_died_total counter",
        "yang_revision_mismatches gauge",
    ];
    assert_eq!(names, expected);
}

#[test]
fn an_owner_that_is_not_configured_makes_no_series() {
    let metrics = full();
    let before = metrics.render();
    let stranger = owner("stranger");
    metrics.intent(&stranger, IntentKind::Peer, Operation::Set);
    metrics.policy_violation(&stranger, ViolationKind::NotOwner);
    metrics.set_active_peers(&stranger, 1);
    metrics.set_active_prefixes(&stranger, PrefixProtocol::Bgp, 1);
    let but_the_age = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| !line.contains("snapshot_age") && !line.starts_with("process_"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(but_the_age(&metrics.render()), but_the_age(&before));
    // A reload that names it makes them.
    metrics.add_owners([stranger.clone()]);
    metrics.policy_violation(&stranger, ViolationKind::Quota);
    let line = "novaroute_policy_violations_total{owner=\"stranger\",reason=\"quota\"} 1";
    assert!(metrics.render().contains(line));
    assert!(metrics.render().contains("novaroute_active_peers{owner=\"a\"} 3"));
}
