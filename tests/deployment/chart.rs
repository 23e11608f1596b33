//! The chart gives what the manifests give, and takes what a cluster needs.

use serde_json::Value;

use super::*;

#[test]
fn the_chart_gives_what_kustomize_gives() {
    let parsed = |mut objects: Objects| {
        // The same file in another order of keys.
        for object in objects.values_mut().filter(|it| it["data"]["config.json"].is_string()) {
            let text = object["data"]["config.json"].as_str().expect("text");
            object["data"]["config.json"] = serde_json::from_str(text).expect("JSON");
        }
        objects
    };
    let mut base = parsed(render(&["base"]));
    // The chart goes into a namespace that is there.
    assert!(base.remove(&("Namespace".to_owned(), "nova-system".to_owned())).is_some());
    let chart = parsed(render(&["chart"]));
    assert_eq!(base.keys().collect::<Vec<_>>(), chart.keys().collect::<Vec<_>>());
    for (name, object) in &base {
        assert_eq!(object, &chart[name], "{name:?}");
    }
    let production = render(&["production"]);
    let all = render(&ALL_OF_THE_CHART);
    for kind in ["Service", "ServiceMonitor", "PrometheusRule"] {
        assert_eq!(by_kind(&production, kind), by_kind(&all, kind), "{kind}");
    }
    let boards = ("ConfigMap".to_owned(), "novaroute-dashboards".to_owned());
    for board in ["overview.json", "operations.json"] {
        let parsed = |objects: &Objects| -> Value {
            serde_json::from_str(objects[&boards]["data"][board].as_str().expect("text"))
                .expect("JSON")
        };
        assert_eq!(parsed(&production), parsed(&all), "{board}");
    }
}

#[test]
fn the_chart_refuses_wrong_values() {
    for wrong in [
        "--set=agnt.x=1",
        "--set=config.log_level=loud",
        "--set=config.owners.admin.token=inline",
        "--set=config.metrics_address=localhost",
        "--set=agent.image.tag=",
        "--set=drain.seconds=90",
    ] {
        let mut helm = tool("helm");
        helm.args(["template", "novaroute", "deploy/chart/novaroute", wrong]);
        let out = output(&mut helm);
        assert!(!out.status.success(), "{wrong} was taken");
        assert!(String::from_utf8_lossy(&out.stderr).contains("schema"), "{wrong}");
    }
    good(output(tool("helm").args(["lint", "--strict", "deploy/chart/novaroute"])));
}

/// Helm merges maps: an owner of the guide beside those that are meant, with a token that everybody knows, would be a gift.
#[test]
fn the_owners_of_the_chart_are_those_that_are_named_and_no_others() {
    let own = [
        "chart",
        "--set=config.owners.mine.token_file=/etc/novaroute-tokens/mine",
        "--set=config.owners.mine.allowed_prefixes.type=any",
        "--set=tokens.values.mine=s3cret",
        "--set=drain.owner=mine",
    ];
    let (config, _) = load(&render(&own));
    let names: Vec<_> = config.owners.names().map(ToString::to_string).collect();
    assert_eq!(names, ["mine"]);
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
    // What does not fit together is said.
    for (left_out, said) in [
        ("tokens.values.mine", "tokens.values.mine: owner mine has its token in"),
        ("drain.owner", "drain.owner: admin is none of config.owners"),
    ] {
        let args = own[1..].iter().filter(|arg| !arg.contains(left_out));
        let mut helm = tool("helm");
        helm.args(["template", "novaroute", "deploy/chart/novaroute"]).args(args);
        let out = output(&mut helm);
        assert!(!out.status.success(), "{left_out}");
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(error.contains(said), "{left_out}: {error}");
    }
}

#[test]
fn the_chart_takes_names_labels_digests_and_volumes() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let set = [
        "--set=fullnameOverride=second".to_owned(),
        "--set=nameOverride=router".to_owned(),
        "--set=commonLabels.team=net".to_owned(),
        "--set=podLabels.tier=edge".to_owned(),
        format!("--set=agent.image.digest={digest}"),
        "--set=extraVolumes[0].name=ca".to_owned(),
        "--set=extraVolumes[0].configMap.name=ca".to_owned(),
        "--set=agent.extraVolumeMounts[0].name=ca".to_owned(),
        "--set=agent.extraVolumeMounts[0].mountPath=/ca".to_owned(),
    ];
    let args: Vec<&str> =
        ALL_OF_THE_CHART.into_iter().chain(set.iter().map(String::as_str)).collect();
    let objects = render(&args);
    for ((kind, name), object) in &objects {
        assert!(name.starts_with("second"), "{kind}/{name}: two releases would have it");
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["team"], "net", "{kind}/{name}");
        assert_eq!(labels["app.kubernetes.io/name"], "router", "{kind}/{name}");
    }
    let template = &by_kind(&objects, "DaemonSet")["spec"]["template"];
    assert_eq!(template["metadata"]["labels"]["tier"], "edge");
    let selected = &by_kind(&objects, "DaemonSet")["spec"]["selector"]["matchLabels"]["app"];
    assert_eq!(&template["metadata"]["labels"]["app"], selected);
    assert_eq!(&by_kind(&objects, "Service")["spec"]["selector"]["app"], selected);
    let agent = container(&objects, "novaroute-agent");
    let image = agent["image"].as_str().expect("an image");
    assert!(image.ends_with(&format!("novaroute-agent@{digest}")), "{image}");
    let mounts = agent["volumeMounts"].as_array().expect("mounts");
    assert!(mounts.iter().any(|it| it["mountPath"] == "/ca"), "{mounts:?}");
    let named = |kind: &str, name: &str| objects.contains_key(&(kind.to_owned(), name.to_owned()));
    for volume in template["spec"]["volumes"].as_array().expect("volumes") {
        let map = volume["configMap"]["name"].as_str().filter(|it| *it != "ca");
        assert!(map.is_none_or(|name| named("ConfigMap", name)), "{volume}");
        let secret = volume["secret"]["secretName"].as_str();
        assert!(secret.is_none_or(|name| named("Secret", name)), "{volume}");
    }
    // Prometheus' job is the label.
    let rules = by_kind(&objects, "PrometheusRule")["spec"].to_string();
    assert!(
        rules.contains("job=\\\"router\\\"") && !rules.contains("job=\\\"novaroute"),
        "{rules}"
    );
}
