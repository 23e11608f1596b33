//! The pod: volumes, root file systems and processes, by the rendered manifest.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::lab::{Lab, Router, net, wait_for};

/// What the downward API says: the node's address.
pub const NODE_ADDRESS: &str = net::NODE_TOR_V4;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// A pod on `node`; dropping it ends its processes.
pub struct Pod<'lab> {
    lab: &'lab Lab,
    spec: Value,
    objects: Vec<Value>,
    dir: PathBuf,
    running: BTreeMap<String, Child>,
    starts: u32,
}

impl<'lab> Pod<'lab> {
    /// Renders the manifests and makes volumes and images; starts nothing.
    pub fn new(lab: &'lab Lab) -> Self {
        let objects: Vec<Value> = deploy(&["render", "base"]);
        let set = objects.iter().find(|it| it["kind"] == "DaemonSet").expect("a DaemonSet");
        let spec = set["spec"]["template"]["spec"].clone();
        assert_eq!(spec["hostNetwork"], json!(true), "the pod is in the node's namespace");
        let dir = lab.run_dir().join("pod");
        let pod = Self { lab, spec, objects, dir, running: BTreeMap::new(), starts: 0 };
        pod.make_volumes();
        pod.make_images();
        pod
    }

    fn volume(&self, name: &str) -> PathBuf {
        self.dir.join("volumes").join(name)
    }

    /// What the kubelet does: directories and files with their modes, and the pod's group.
    fn make_volumes(&self) {
        let group = self.spec["securityContext"]["fsGroup"].as_u64().expect("fsGroup");
        let group = u32::try_from(group).expect("a group");
        for volume in self.spec["volumes"].as_array().expect("volumes") {
            let at = self.volume(volume["name"].as_str().expect("a name"));
            fs::create_dir_all(&at).expect("a volume");
            if volume.get("emptyDir").is_some() {
                chown(&at, Some(0), Some(group)).expect("chown");
                mode(&at, 0o2777);
            } else if let Some(host) = volume.get("hostPath") {
                assert_eq!(host["type"], "DirectoryOrCreate");
            } else if let Some(map) = volume.get("configMap") {
                let data = &self.object("ConfigMap", &map["name"])["data"];
                files(&at, data, group, map["defaultMode"].as_u64().unwrap_or(0o644));
            } else if let Some(secret) = volume.get("secret") {
                let data = &self.object("Secret", &secret["secretName"])["stringData"];
                files(&at, data, group, secret["defaultMode"].as_u64().unwrap_or(0o644));
            } else {
                panic!("a kind of volume that is not carried out here: {volume}");
            }
        }
    }

    fn object(&self, kind: &str, name: &Value) -> &Value {
        let found =
            self.objects.iter().find(|it| it["kind"] == kind && it["metadata"]["name"] == *name);
        found.unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    /// The images' own steps; FRR's is laid over the lab's FRR instead of FRR's published image.
    fn make_images(&self) {
        let agent: Value = deploy(&["dockerfile", &format!("{HERE}/Dockerfile")]);
        let frr: Value = deploy(&["dockerfile", &format!("{HERE}/deploy/frr/Dockerfile")]);
        let binaries =
            Path::new(env!("CARGO_BIN_EXE_novaroute-agent")).parent().expect("a directory");
        let agent_root = self.dir.join("agent");
        let mut assemble = Command::new(format!("{HERE}/deploy/agent/rootfs.sh"));
        assemble.arg(&agent_root).arg(binaries).arg(self.lab.yang_dir());
        for number in ["FRR_UID", "FRR_GID", "FRRVTY_GID"] {
            assemble.env(number, agent["args"][number].as_str().expect("an ARG"));
        }
        run(&mut assemble);

        let layer = self.dir.join("frr");
        let base = self.lab.frr_root();
        fs::create_dir_all(layer.join("etc")).expect("a directory");
        // The accounts as FRR's image has them: deploy/frr/Dockerfile holds that.
        let number = |name: &str| frr["args"][name].as_str().expect("an ARG").to_owned();
        let (uid, gid, vty) = (number("FRR_UID"), number("FRR_GID"), number("FRRVTY_GID"));
        for (file, account, ids) in [
            ("etc/passwd", "frr", format!("{uid}:{gid}")),
            ("etc/group", "frr", gid.clone()),
            ("etc/group", "frrvty", vty),
        ] {
            let changed = layer.join(file);
            let from = if changed.exists() { changed.clone() } else { base.join(file) };
            let text = fs::read_to_string(from).expect("accounts");
            let ids_there = ids.split(':').count();
            let line = |line: &str| {
                let fields: Vec<_> = line.split(':').collect();
                if fields[0] != account {
                    return format!("{line}\n");
                }
                format!("{account}:x:{ids}:{}\n", fields[2 + ids_there..].join(":"))
            };
            fs::write(changed, text.lines().map(line).collect::<String>()).expect("accounts");
        }
        for directory in frr["directories"].as_array().expect("directories") {
            fs::create_dir_all(layer.join(&text(directory)[1..])).expect("a directory");
        }
        for copy in frr["copies"].as_array().expect("copies") {
            let to = layer.join(&text(&copy["to"])[1..]);
            fs::create_dir_all(&to).expect("a directory");
            for source in copy["sources"].as_array().expect("sources") {
                let from = Path::new(HERE).join("deploy/frr").join(text(source));
                let to = to.join(from.file_name().expect("a file"));
                fs::copy(&from, &to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
                mode(&to, u32::from_str_radix(text(&copy["chmod"]), 8).expect("a mode"));
            }
        }
        let image = |of: &Value, layers: Value, groups: Value| {
            let (user, group) = text(&of["user"]).split_once(':').expect("UID:GID");
            let number = |text: &str| text.parse::<u32>().expect("a number");
            json!({
                "layers": layers, "entrypoint": of["entrypoint"], "command": of["command"],
                "user": number(user), "group": number(group), "groups": groups,
            })
        };
        let mountpoint = |name: &str| {
            let at = self.dir.join("mnt").join(name);
            fs::create_dir_all(&at).expect("a mountpoint");
            at
        };
        let mut images = serde_json::Map::new();
        for container in self.containers() {
            let name = text(&container["image"]);
            let made = if name.contains("novaroute-frr:") {
                image(&frr, json!([layer, base]), json!([]))
            } else {
                image(&agent, json!([agent_root]), json!([102]))
            };
            images.insert(name.to_owned(), made);
        }
        let volumes = self.spec["volumes"].as_array().expect("volumes").iter();
        let volumes: serde_json::Map<_, _> = volumes
            .map(|it| (text(&it["name"]).to_owned(), json!(self.volume(text(&it["name"])))))
            .collect();
        for container in self.containers() {
            let name = text(&container["name"]);
            let state = json!({
                "images": images, "volumes": volumes, "mountpoint": mountpoint(name),
                "downward": {"status.hostIP": NODE_ADDRESS, "spec.nodeName": "node1"},
            });
            let file = self.dir.join(format!("{name}.state.json"));
            fs::write(file, state.to_string()).expect("a file");
        }
    }

    fn containers(&self) -> impl Iterator<Item = &Value> {
        let lists = ["initContainers", "containers"].map(|list| self.spec[list].as_array());
        lists.into_iter().flatten().flatten()
    }

    fn container(&self, name: &str) -> &Value {
        self.containers().find(|it| it["name"] == name).expect("a container of the manifest")
    }

    /// The capabilities that the manifest adds.
    pub fn capabilities(&self, name: &str) -> Vec<String> {
        let add = &self.container(name)["securityContext"]["capabilities"]["add"];
        add.as_array().into_iter().flatten().map(|it| text(it).to_owned()).collect()
    }

    fn command(&self, name: &str, spec: &Value) -> Command {
        let file = self.dir.join(format!("{name}.pod.json"));
        fs::write(&file, spec.to_string()).expect("a file");
        let mut command = self.lab.command(Router::Node, "unshare");
        command.args([
            "--mount",
            "--pid",
            "--fork",
            "--uts",
            "--kill-child",
            "--propagation",
            "private",
        ]);
        command.arg(format!("{HERE}/tests/pod/container.py")).arg(file).arg(name);
        command.arg(self.dir.join(format!("{name}.state.json"))).stdin(Stdio::null());
        command
    }

    /// Runs the init containers, one after another, each to its end.
    pub fn run_init(&self) {
        for container in self.spec["initContainers"].as_array().expect("init containers") {
            run(&mut self.command(text(&container["name"]), &self.spec));
        }
    }

    /// Starts a container.
    pub fn start(&mut self, name: &str) {
        self.launch(name, &self.spec.clone());
    }

    /// Starts a container without a capability that the manifest gives.
    pub fn start_without(&mut self, name: &str, capability: &str) {
        let mut spec = self.spec.clone();
        let containers = spec["containers"].as_array_mut().expect("containers");
        let container = containers.iter_mut().find(|it| it["name"] == name).expect("it");
        let add =
            container["securityContext"]["capabilities"]["add"].as_array_mut().expect("a list");
        add.retain(|it| it != capability);
        self.launch(name, &spec);
    }

    fn launch(&mut self, name: &str, spec: &Value) {
        self.starts += 1;
        let log = File::create(self.log_file(name)).expect("a log");
        let mut command = self.command(name, spec);
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let child = command.spawn().expect("starting a container");
        assert!(self.running.insert(name.to_owned(), child).is_none(), "{name} runs already");
    }

    /// In the lab's directory, whose logs are shown when a test fails.
    fn log_file(&self, name: &str) -> PathBuf {
        self.lab.run_dir().join(format!("pod-{name}-{}.log", self.starts))
    }

    /// All that the container started last has written, which has this name.
    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.log_file(name)).unwrap_or_default()
    }

    /// The container's process 1, by its number outside.
    pub fn main_process(&self, name: &str) -> u32 {
        let outer = self.running[name].id();
        let children = format!("/proc/{outer}/task/{outer}/children");
        wait_for("the container's first process", Duration::from_secs(10), || {
            let children = fs::read_to_string(&children).unwrap_or_default();
            children.split_whitespace().next().and_then(|pid| pid.parse().ok()).ok_or("none yet")
        })
    }

    /// A daemon of FRR's in the pod.
    pub fn daemon(&self, name: &str) -> Option<u32> {
        let out =
            Command::new("ip").args(["netns", "pids", &self.lab.namespace(Router::Node)]).output();
        let pids = String::from_utf8(out.expect("running ip").stdout).expect("text");
        let named = |pid: &&str| {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            comm.trim_end() == name && !state.contains(") Z ")
        };
        pids.split_whitespace().find(named).and_then(|pid| pid.parse().ok())
    }

    /// SIGTERM, and the exit code when it has ended within the grace period.
    pub fn stop(&mut self, name: &str, grace: Duration) -> Option<i32> {
        kill(self.main_process(name), "TERM");
        let mut child = self.running.remove(name).expect("a running container");
        let status = wait_for(&format!("the end of {name}"), grace, || {
            child.try_wait().expect("waiting").ok_or("it runs")
        });
        status.code()
    }

    /// What the kubelet runs before it stops the container: the manifest's preStop command, as the container's
    /// user and in its file system.
    pub fn pre_stop(&self, name: &str) -> Output {
        let container = self.container(name);
        let hook = container["lifecycle"]["preStop"]["exec"]["command"].as_array().expect("a hook");
        let id = |which: &str| container["securityContext"][which].to_string();
        let mut enter = Command::new("nsenter");
        enter.arg("--target").arg(self.main_process(name).to_string());
        enter.args(["--mount", "--root", "--net", "--wd=/"]);
        enter.args(["--setuid", &id("runAsUser"), "--setgid", &id("runAsGroup"), "--"]);
        enter.args(hook.iter().map(text));
        enter.output().expect("running nsenter")
    }

    /// SIGKILL to the whole container.
    pub fn kill(&mut self, name: &str) {
        let mut child = self.running.remove(name).expect("a running container");
        child.kill().expect("killing");
        child.wait().expect("waiting");
    }

    /// Waits for the readiness probe of the manifest.
    pub fn wait_ready(&self, patience: Duration) {
        let agent = self.container("novaroute-agent");
        let probe = &agent["readinessProbe"]["httpGet"];
        let ports = agent["ports"].as_array().expect("ports");
        let port = ports.iter().find(|it| it["name"] == probe["port"]).expect("the probe's port");
        let url =
            format!("http://{NODE_ADDRESS}:{}{}", port["containerPort"], text(&probe["path"]));
        wait_for(&url, patience, || {
            let out = self.lab.exec(Router::Node, &["curl", "-sS", "-f", "-m", "5", &url]);
            let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
            if out.status.success() { Ok(()) } else { Err(said) }
        });
    }

    /// The YANG models in FRR's image.
    pub fn models_of_frr(&self) -> PathBuf {
        self.lab.yang_dir()
    }

    /// The token of an owner, as the Secret has it.
    pub fn token(&self, owner: &str) -> String {
        fs::read_to_string(self.volume("tokens").join(owner)).expect("a token")
    }

    fn ctl_command(&self, program: &mut Command) -> Output {
        program.arg("--socket").arg(self.volume("run").join("novaroute.sock"));
        program.output().expect("running novaroutectl")
    }

    /// `novaroutectl` on the node, as root.
    pub fn ctl(&self, args: &[&str]) -> Output {
        self.ctl_command(Command::new(env!("CARGO_BIN_EXE_novaroutectl")).args(args))
    }

    /// `novaroutectl` on the node, as another user.
    pub fn ctl_as(&self, user: u32, group: u32, args: &[&str]) -> Output {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={user}"))
            .arg(format!("--regid={group}"))
            .arg("--clear-groups");
        command.arg(self.dir.join("agent/usr/local/bin/novaroutectl")).args(args);
        self.ctl_command(&mut command)
    }
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What the kernel says of a process.
pub struct Status {
    pub pid: u32,
    pub user: u32,
    pub group: u32,
    pub groups: Vec<u32>,
    pub permitted: u64,
    pub bounding: u64,
    pub no_new_privileges: bool,
    pub root_is_read_only: bool,
}

impl Status {
    /// Of the process with this number.
    pub fn of(pid: u32) -> Self {
        let read =
            |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).expect("a process");
        let status = read("status");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_else(|| panic!("no {name}")).trim().to_owned()
        };
        let numbers = |name: &str| -> Vec<u32> {
            field(name).split_whitespace().map(|it| it.parse().expect("a number")).collect()
        };
        let set = |name: &str| u64::from_str_radix(&field(name), 16).expect("a set");
        // Effective and saved user too: whoever keeps one of them can come back to it.
        let same = |ids: Vec<u32>| {
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            ids[0]
        };
        let mounts = read("mountinfo");
        let root = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some("/"));
        let options = root.expect("a root").split(' ').nth(5).expect("options");
        Self {
            pid,
            user: same(numbers("Uid")),
            group: same(numbers("Gid")),
            groups: numbers("Groups"),
            permitted: set("CapPrm"),
            bounding: set("CapBnd"),
            no_new_privileges: field("NoNewPrivs") == "1",
            root_is_read_only: options.split(',').any(|it| it == "ro"),
        }
    }
}

/// Sends a signal.
pub fn kill(pid: u32, signal: &str) {
    run(Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()));
}

/// What `tests/deploy/deploy.py` answers.
fn deploy<T: serde::de::DeserializeOwned>(args: &[&str]) -> T {
    let tools = run(&mut Command::new(format!("{HERE}/tests/deploy/tools.sh")));
    let mut command = Command::new(Path::new(tools.trim()).join("python"));
    command.arg(format!("{HERE}/tests/deploy/deploy.py")).args(args);
    serde_json::from_str(&run(&mut command)).expect("JSON")
}

/// Runs a command that has to succeed.
fn run(command: &mut Command) -> String {
    let out = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {}\n{said}", out.status);
    String::from_utf8(out.stdout).expect("text")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
}

/// Files of a ConfigMap or Secret, root's, with the pod's group.
fn files(at: &Path, data: &Value, group: u32, bits: u64) {
    for (name, content) in data.as_object().expect("data") {
        let file = at.join(name);
        fs::write(&file, text(content)).expect("a file");
        chown(&file, Some(0), Some(group)).expect("chown");
        mode(&file, u32::try_from(bits).expect("a mode"));
    }
}
