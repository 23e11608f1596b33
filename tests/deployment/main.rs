//! Holds deploy/ against Kubernetes, Prometheus and the program: manifests, chart, alerts, dashboards, images.
//!
//! The programs that judge come from `tests/deploy/tools.sh`.

mod chart;
mod monitoring;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use clap::Parser;
use novaroute::{
    config::{Config, DEFAULT_CONFIG, DEFAULT_YANG_DIR, Surroundings},
    ctl::Cli,
};
use serde_json::{Value, json};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The oldest version whose schemas the package carries (the guide says 1.24), and the newest.
const KUBERNETES: [&str; 2] = ["1.25", "1.37"];

fn tool(name: &str) -> Command {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    let tools = TOOLS.get_or_init(|| {
        let out = output(&mut Command::new(format!("{HERE}/tests/deploy/tools.sh")));
        PathBuf::from(good(out).trim())
    });
    let mut command = Command::new(tools.join(name));
    command.current_dir(HERE);
    command
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

#[track_caller]
fn good(out: Output) -> String {
    let said = [out.stdout.as_slice(), &out.stderr].concat();
    assert!(out.status.success(), "{}: {}", out.status, String::from_utf8_lossy(&said));
    String::from_utf8(out.stdout).expect("text")
}

fn deploy(args: &[&str]) -> Value {
    let out = output(tool("python").arg("tests/deploy/deploy.py").args(args));
    serde_json::from_str(&good(out)).expect("JSON")
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(HERE).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

type Objects = BTreeMap<(String, String), Value>;

fn render(args: &[&str]) -> Objects {
    let list = deploy(&[&["render"], args].concat());
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let named = |it: &Value| ((text(&it["kind"]), text(&it["metadata"]["name"])), it.clone());
    list.as_array().expect("a list").iter().map(named).collect()
}

/// Everything on: what the chart can make.
const ALL_OF_THE_CHART: [&str; 4] = [
    "chart",
    "--set=monitoring.serviceMonitor=true",
    "--set=monitoring.alerts=true",
    "--set=monitoring.dashboards=true",
];

fn by_kind<'a>(objects: &'a Objects, kind: &str) -> &'a Value {
    let found = objects.iter().find(|((it, _), _)| it == kind);
    found.unwrap_or_else(|| panic!("no {kind}")).1
}

/// A DaemonSet's container.
fn container<'a>(objects: &'a Objects, name: &str) -> &'a Value {
    let spec = &by_kind(objects, "DaemonSet")["spec"]["template"]["spec"];
    let lists =
        ["initContainers", "containers"].map(|list| spec[list].as_array().expect("containers"));
    lists.into_iter().flatten().find(|it| it["name"] == name).expect("the container")
}

#[test]
fn kubernetes_own_schemas_accept_everything() {
    for what in [&["base"][..], &["production"], &ALL_OF_THE_CHART] {
        let list: Vec<Value> = render(what).into_values().collect();
        for version in KUBERNETES {
            let mut judge = tool("python");
            judge.args(["tests/deploy/deploy.py", "validate", version]);
            judge.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = judge.spawn().expect("running python");
            let input = child.stdin.take().expect("its input");
            serde_json::to_writer(input, &list).expect("writing");
            let said = good(child.wait_with_output().expect("waiting"));
            let said: Value = serde_json::from_str(&said).expect("JSON");
            assert_eq!(said["wrong"], json!([]), "{what:?} in Kubernetes {version}");
            let mut unknown = said["unknown"].as_array().expect("a list").iter();
            // The Prometheus operator's own kinds; promtool judges the rules.
            let monitoring =
                json!(["PrometheusRule/novaroute-agent", "ServiceMonitor/novaroute-agent"]);
            assert!(unknown.all(|it| monitoring.as_array().expect("it").contains(it)), "{said}");
            assert!(said["validated"].as_array().expect("a list").len() >= 5, "{said}");
        }
    }
}

#[test]
fn the_schemas_would_refuse_a_wrong_manifest() {
    let mut set = by_kind(&render(&["base"]), "DaemonSet").clone();
    set["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = json!({});
    let mut judge = tool("python");
    judge.args(["tests/deploy/deploy.py", "validate", KUBERNETES[1]]);
    judge.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = judge.spawn().expect("running python");
    serde_json::to_writer(child.stdin.take().expect("its input"), &[set]).expect("writing");
    let said = good(child.wait_with_output().expect("waiting"));
    assert!(said.contains("readinesProbe"), "{said}");
}

#[test]
fn linters_find_nothing() {
    good(output(tool("yamllint").args(["--strict", "deploy", "tests/deploy"])));
    good(output(tool("hadolint").args(["Dockerfile", "deploy/frr/Dockerfile"])));
}

/// The agent's own reader takes the file, its tokens in files of the Secret.
fn load(objects: &Objects) -> (Config, Value) {
    let agent = container(objects, "novaroute-agent");
    let maps = objects.values().find(|it| it["data"]["config.json"].is_string()).expect("a file");
    let text = maps["data"]["config.json"].as_str().expect("text");
    let secret = by_kind(objects, "Secret");
    let mounts = agent["volumeMounts"].as_array().expect("mounts");
    let at =
        mounts.iter().find(|it| it["name"] == "tokens").expect("the tokens")["mountPath"].as_str();
    let env = |name: &str| {
        let found = agent["env"].as_array().expect("env").iter().find(|it| it["name"] == name)?;
        Some(match found["valueFrom"]["fieldRef"]["fieldPath"].as_str()? {
            "status.hostIP" => "10.1.2.3".to_owned(),
            "spec.nodeName" => "node-7".to_owned(),
            other => panic!("{other}"),
        })
    };
    let around = Surroundings {
        env: &env,
        read_file: &|path| {
            let name = path.strip_prefix(at.expect("a path")).map_err(io::Error::other)?;
            let name = name.to_str().expect("text");
            let there = ["stringData", "data"].iter().find_map(|it| secret[it][name].as_str());
            there.map(str::to_owned).ok_or(io::ErrorKind::NotFound.into())
        },
        ..nowhere()
    };
    let config = Config::parse(text, &around).expect("the agent takes it");
    (config, serde_json::from_str(text).expect("JSON"))
}

fn nowhere() -> Surroundings<'static> {
    Surroundings {
        env: &|_| None,
        read_file: &|_| Err(io::ErrorKind::NotFound.into()),
        default_route_address: &|| Err(io::ErrorKind::NotFound.into()),
    }
}

#[test]
fn the_agent_takes_the_configuration_which_is_the_guides() {
    let (config, text) = load(&render(&["base"]));
    assert_eq!(config.warnings().len(), 3, "example tokens are warned of");
    assert_eq!(config.bgp.router_id, Some([10, 1, 2, 3].into()), "of the node's address");
    let mut guide: Value =
        serde_json::from_str(&read("tests/fixtures/guide-config.json")).expect("JSON");
    guide["bgp"] = json!({"auto_router_id": true});
    for (name, owner) in guide["owners"].as_object_mut().expect("owners") {
        let owner = owner.as_object_mut().expect("an owner");
        owner.remove("token");
        owner.insert("token_file".to_owned(), json!(format!("/etc/novaroute-tokens/{name}")));
    }
    // Without the key every owner might change the node's AS, and drain it.
    guide["owners"]["novaedge"]["may_configure_bgp"] = json!(true);
    assert_eq!(text, guide);
    let (production, _) = load(&render(&["production"]));
    assert!(production.warnings().is_empty(), "no example token is left");
    load(&render(&["chart"]));
}

/// The guide has novaedge call ConfigureBGP. Whoever may do that may change the node's AS and drain it.
#[test]
fn novaedge_and_admin_alone_may_configure_bgp() {
    for what in [&["base"][..], &["production"], &ALL_OF_THE_CHART] {
        let (config, _) = load(&render(what));
        let policies = config.owners.policies();
        let may: Vec<_> = config
            .owners
            .names()
            .filter(|name| policies.may_configure_bgp(name))
            .map(ToString::to_string)
            .collect();
        assert_eq!(may, ["admin", "novaedge"], "{what:?}");
        assert!(config.owners.names().count() > may.len(), "somebody else is there");
    }
}

#[test]
fn production_has_no_example_and_rolls_no_pod_for_a_token() {
    let objects = render(&["production"]);
    assert!(!format!("{objects:?}").contains("CHANGE-ME"));
    let spec = &by_kind(&objects, "DaemonSet")["spec"]["template"]["spec"];
    let volume = |name: &str| {
        let volumes = spec["volumes"].as_array().expect("volumes");
        volumes.iter().find(|it| it["name"] == name).expect("the volume").clone()
    };
    // The same names whatever is in them, so that nothing of the pods' template changes with them.
    for (kind, name, expected) in [
        ("ConfigMap", &volume("config")["configMap"]["name"], "novaroute-agent-config"),
        ("Secret", &volume("tokens")["secret"]["secretName"], "novaroute-owner-tokens"),
    ] {
        assert_eq!(name, expected);
        assert!(objects.contains_key(&(kind.to_owned(), expected.to_owned())), "{name}");
    }
    let annotations =
        &by_kind(&objects, "DaemonSet")["spec"]["template"]["metadata"]["annotations"];
    assert!(!annotations.to_string().contains("checksum"), "{annotations}");
    // A file that is mounted by itself is never swapped.
    for mount in container(&objects, "novaroute-agent")["volumeMounts"].as_array().expect("mounts")
    {
        assert!(mount.get("subPath").is_none(), "{mount}");
    }
    for name in ["novaroute-agent", "frr"] {
        let container = container(&objects, name);
        assert!(!container["image"].as_str().expect("an image").ends_with(":latest"), "{name}");
        assert!(container["resources"]["limits"].get("cpu").is_none(), "{name} would be throttled");
    }
    // Without token files there is nothing to apply.
    let out = output(tool("kubectl").args(["kustomize", "deploy/overlays/production"]));
    assert!(!out.status.success(), "it was built without tokens");
}

#[test]
fn ports_paths_arguments_and_variables_are_the_programs() {
    let sources = monitoring::sources("src").concat();
    for objects in [render(&["base"]), render(&["production"]), render(&["chart"])] {
        let (config, text) = load(&objects);
        let agent = container(&objects, "novaroute-agent");
        let frr = container(&objects, "frr");
        let port =
            text["metrics_address"].as_str().expect("text").trim_start_matches(':').to_owned();
        assert_eq!(agent["ports"][0]["containerPort"].to_string(), port);
        let pod = &by_kind(&objects, "DaemonSet")["spec"]["template"];
        let annotations = &pod["metadata"]["annotations"];
        assert_eq!(annotations["prometheus.io/port"], json!(port));
        for path in [
            &agent["livenessProbe"]["httpGet"]["path"],
            &agent["readinessProbe"]["httpGet"]["path"],
            &annotations["prometheus.io/path"],
        ] {
            assert!(sources.contains(&path.to_string()), "nobody serves {path}");
        }
        assert_eq!(agent["args"], json!([format!("--config={DEFAULT_CONFIG}")]));
        for variable in agent["env"].as_array().expect("env") {
            assert!(sources.contains(&variable["name"].to_string()), "nobody reads {variable}");
        }
        let mounts = |of: &Value| -> BTreeMap<String, String> {
            let mounts = of["volumeMounts"].as_array().expect("mounts").iter();
            let text = |it: &Value| it.as_str().expect("text").to_owned();
            mounts.map(|it| (text(&it["mountPath"]), text(&it["name"]))).collect()
        };
        let (agents, frrs) = (mounts(agent), mounts(frr));
        let parent =
            |path: &Path| path.parent().expect("a directory").to_str().expect("text").to_owned();
        assert_eq!(agents[&parent(&config.listen_socket)], "run");
        assert_eq!(agents[&parent(&config.state_dir)], "run", "the journal outlives the pod");
        assert_eq!(agents[&parent(Path::new(DEFAULT_CONFIG))], "config");
        assert_eq!(agents[DEFAULT_YANG_DIR], "yang");
        assert_eq!(config.frr.yang_dir, Path::new(DEFAULT_YANG_DIR));
        let sockets = config.frr.socket_dir.to_str().expect("text");
        assert_eq!((&*agents[sockets], &*frrs[sockets]), ("frr-sock", "frr-sock"));
        // The init container gives both what they need.
        let prepare = container(&objects, "prepare");
        assert_eq!(prepare["image"], frr["image"], "the models are those of the FRR beside");
        let arguments = prepare["command"].as_array().expect("a command");
        let given: Vec<_> = arguments[1..]
            .iter()
            .map(|at| mounts(prepare)[at.as_str().expect("text")].clone())
            .collect();
        assert_eq!(given, ["run", "frr-sock", "yang"]);
        let grace = pod["spec"]["terminationGracePeriodSeconds"].as_u64().expect("a number");
        assert!(grace >= 60);
        // The hook is a command of novaroutectl's, and its token is there; FRR outlives it.
        let hook = |of: &Value| -> Vec<String> {
            let words = of["lifecycle"]["preStop"]["exec"]["command"].as_array().expect("a hook");
            words.iter().map(|word| word.as_str().expect("text").to_owned()).collect()
        };
        let drain = hook(agent);
        Cli::try_parse_from(&drain).unwrap_or_else(|error| panic!("{drain:?}: {error}"));
        assert!(
            drain.contains(&"drain".to_owned()) && drain.contains(&"--until-restart".to_owned())
        );
        let token = drain.iter().find_map(|word| word.strip_prefix("--token-file="));
        let owner = drain.iter().find_map(|word| word.strip_prefix("--owner=")).expect("an owner");
        let file = text["owners"][owner]["token_file"].as_str();
        assert!(token.is_some() && token == file, "the token of {owner}: {token:?}");
        let runs_on = hook(frr);
        assert_eq!(runs_on[0], "sleep");
        let seconds: u64 = runs_on[1].parse().expect("seconds");
        assert!((5..grace - 10).contains(&seconds), "{seconds}");
    }
}

#[test]
fn images_and_manifests_agree_on_numbers_and_files() {
    let objects = render(&["base"]);
    let agent = deploy(&["dockerfile", "Dockerfile"]);
    let frr = deploy(&["dockerfile", "deploy/frr/Dockerfile"]);
    for number in ["FRR_UID", "FRR_GID", "FRRVTY_GID"] {
        assert_eq!(agent["args"][number], frr["args"][number], "{number}");
    }
    let arg = |name: &str| -> u64 {
        frr["args"][name].as_str().expect("text").parse().expect("a number")
    };
    let security = &container(&objects, "novaroute-agent")["securityContext"];
    assert_eq!(security["runAsUser"], json!(arg("FRR_UID")));
    assert_eq!(security["runAsGroup"], json!(arg("FRR_GID")));
    assert_eq!(agent["user"], json!(format!("{}:{}", arg("FRR_UID"), arg("FRR_GID"))));
    let pod = &by_kind(&objects, "DaemonSet")["spec"]["template"]["spec"]["securityContext"];
    assert_eq!(pod["fsGroup"], json!(arg("FRR_GID")));
    assert_eq!(pod["supplementalGroups"], json!([arg("FRRVTY_GID")]));
    let image = container(&objects, "frr")["image"].as_str().expect("an image");
    assert!(image.ends_with(frr["args"]["FRR_VERSION"].as_str().expect("a version")), "{image}");
    // The agent may nothing, everywhere.
    assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}));
    for name in ["novaroute-agent", "frr", "prepare"] {
        let security = &container(&objects, name)["securityContext"];
        assert_eq!(security["readOnlyRootFilesystem"], json!(true), "{name}");
        assert_eq!(security["capabilities"]["drop"], json!(["ALL"]), "{name}");
    }
    assert!(read("Dockerfile").contains("EXPOSE 9102"));
    // What runs in FRR's image is what it has.
    for program in [&container(&objects, "prepare")["command"][0], &frr["entrypoint"][0]] {
        let file = program.as_str().expect("text").rsplit('/').next().expect("a name");
        assert!(Path::new(HERE).join("deploy/frr").join(file).exists(), "{program}");
    }
    let bootstrap =
        &objects[&("ConfigMap".to_owned(), "novaroute-frr-bootstrap".to_owned())]["data"];
    for (file, text) in bootstrap.as_object().expect("files") {
        assert_eq!(text, &json!(read(&format!("deploy/frr/etc/{file}"))), "{file}");
    }
}

/// The action's step, with an engine that only notes what it is asked and runs the program that the image has.
#[test]
fn the_action_judges_files_and_its_report_is_sarif() {
    let action = read("deploy/action/action.yml");
    let script = read("deploy/action/validate.sh");
    assert!(action.contains("validate.sh"));
    // Each input reaches the script under the name it has there.
    for (input, variable) in [
        ("files", "FILES"),
        ("config", "CONFIG"),
        ("owner", "OWNER"),
        ("yang-dir", "YANG_DIR"),
        ("report", "REPORT"),
        ("image", "IMAGE"),
    ] {
        assert!(action.contains(&format!("\n  {input}:\n")), "{input}");
        assert!(action.contains(&format!("{variable}: ${{{{ inputs.{input} }}}}")), "{input}");
        assert!(
            script.contains(&format!("${{{variable}:")) || script.contains(&format!("${variable}"))
        );
    }
    let dir = tempfile::tempdir().expect("a directory");
    let engine = dir.path().join("engine");
    // What stands behind the image's name are the program's own arguments.
    let stub = format!(
        "#!/bin/bash\nset -e\nprintf '%s\\n' \"$*\" >>{}\nwhile [ \"$1\" != the-image ]; do shift; done\nshift\nexec {} \"$@\"\n",
        dir.path().join("asked").display(),
        env!("CARGO_BIN_EXE_novaroutectl"),
    );
    fs::write(&engine, stub).expect("writing");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&engine, mode).expect("a mode");
    // The models of the lab's FRR, relative as in a repository.
    let cache = good(output(
        Command::new("bash").args(["-c", ". tests/lab/common.sh && frr_root"]).current_dir(HERE),
    ));
    std::os::unix::fs::symlink(
        Path::new(cache.trim()).join("usr/share/yang"),
        dir.path().join("yang"),
    )
    .expect("a link");
    fs::write(dir.path().join("good.yaml"), "intents:\n  - bgp: {local_as: 65000}\n")
        .expect("writing");
    fs::write(dir.path().join("bad.yaml"), "intents:\n  - bgp: {local_as: 0}\n  - peer: {}\n")
        .expect("writing");
    let run = |files: &str| {
        let mut step = Command::new(format!("{HERE}/deploy/action/validate.sh"));
        step.current_dir(dir.path()).env("ENGINE", &engine).env("IMAGE", "the-image");
        output(step.env("FILES", files).env("YANG_DIR", "yang").env("REPORT", "out.sarif"))
    };
    let judged = || {
        let log = fs::read(dir.path().join("out.sarif")).expect("a report");
        let results = serde_json::from_slice::<Value>(&log).expect("JSON");
        (judge_sarif(&log), results["runs"][0]["results"].as_array().expect("results").len())
    };
    good(run("good.yaml"));
    assert_eq!(judged(), (json!([]), 0));
    let out = run("good.yaml bad.yaml");
    assert_eq!(out.status.code(), Some(5), "{out:?}");
    let (wrong, results) = judged();
    assert_eq!(wrong, json!([]));
    assert!(results >= 2, "{results}");
    let asked = fs::read_to_string(dir.path().join("asked")).expect("what was asked");
    assert!(asked.lines().all(|it| it.contains("--network none") && it.contains(":/work:ro")));
    // The judge is one.
    let wrong = judge_sarif(br#"{"version": "2.1.0", "runs": [{"results": []}]}"#);
    assert!(wrong.to_string().contains("tool"), "{wrong}");
}

/// What SARIF's schema finds wrong with a log.
fn judge_sarif(log: &[u8]) -> Value {
    let mut judge = tool("python");
    judge.args(["tests/deploy/deploy.py", "sarif"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = judge.spawn().expect("running python");
    std::io::Write::write_all(&mut child.stdin.take().expect("its input"), log).expect("writing");
    let said = good(child.wait_with_output().expect("waiting"));
    serde_json::from_str(&said).expect("JSON")
}
