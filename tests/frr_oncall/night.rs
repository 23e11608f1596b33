//! A night on call: what breaks, the series and the alert that say so, and the one command that names the cause.
//!
//! The page of the book has what it shows (`NOVAROUTE_WRITE_DOCS=1` writes it); the times in it are made equal.

use std::{env, fmt::Write as _, fs, path::Path};

use novaroute::proto::v1::BgpPeer;

use crate::{
    agent::{
        prometheus::{Scrape, all_alerts, scrape},
        *,
    },
    disk::Disk,
    lab::{Lab, LabOptions, Router, net, wait_for},
    series::wait_series,
};

const PAGE: &str = "docs/src/night.md";

const TOR_UP: &str = "novaroute_peer_up{peer=\"10.0.1.2\"}";
const TOR_LOST: &str = "novaroute_peer_flaps_total{peer=\"10.0.1.2\"}";
const BFD_UP: &str = "novaroute_bfd_session_up{peer=\"10.0.1.2\"}";
const SENT: &str = "novaroute_peer_prefixes_advertised{family=\"ipv4-unicast\",peer=\"10.0.1.2\"}";
const NOT_ADVERTISED: &str = "novaroute_prefixes_not_advertised{owner=\"admin\",protocol=\"bgp\"}";
const INSTALLED: &str = "novaroute_static_route_installed{prefix=\"203.0.113.0/24\"}";

/// What a person on call meets.
struct Trouble {
    title: &'static str,
    /// What happened, for the page.
    story: &'static str,
    /// What says so, and the value that it has then.
    series: (&'static str, f64),
    /// The alert that fires on it; none where this end cannot know.
    alert: Option<&'static str>,
    /// What is typed.
    command: &'static str,
    /// What it says of the cause, or of the candidates.
    says: &'static [&'static str],
}

/// The night as it goes on, and the page that comes of it.
struct Night<'a> {
    lab: &'a Lab,
    agent: &'a Agent<'a>,
    admin: &'a Client,
    well: Scrape,
    page: String,
}

impl Night<'_> {
    /// Waits for the series and the command's words, and has the alert judged.
    #[track_caller]
    fn meets(&mut self, trouble: &Trouble) {
        let Trouble { title, story, series, alert, command, says } = trouble;
        let scrape = wait_series(self.agent, &[*series]);
        let fires = all_alerts(&[self.well.clone(), scrape]);
        match alert {
            // Other alerts may say what follows from it.
            Some(alert) => assert!(fires.iter().any(|it| it == alert), "{title}: {fires:?}"),
            None => assert_eq!(fires, Vec::<String>::new(), "{title}"),
        }
        let said = wait_for(title, SOON, || {
            let said = self.types(command);
            let missing = says.iter().find(|words| !said.contains(**words));
            missing.map_or(Ok(said.clone()), |words| Err(format!("no {words:?} in\n{said}")))
        });
        let (name, value) = series;
        let alert = alert.map_or("none: this end cannot know".to_owned(), |alert| {
            format!("[{alert}](runbook.md#{})", alert.to_lowercase())
        });
        write!(
            self.page,
            "\n## {title}\n\n{story}\n\n| series | alert |\n|---|---|\n| `{name}` is {value} | {alert} |\n\n\
             ```\n$ {command}\n{}```\n",
            timeless(&said)
        )
        .expect("a text");
    }

    /// What a command prints; `novaroutectl` and `vtysh` are there.
    fn types(&self, command: &str) -> String {
        if let Some(shown) = command.strip_prefix("vtysh -c '").and_then(|it| it.strip_suffix('\''))
        {
            return self.lab.vtysh(Router::Node, &[shown]);
        }
        let args: Vec<&str> = command.split(' ').skip(1).collect();
        let out = self.agent.ctl(&args);
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        // As a node has it, not a lab.
        let sockets = self.lab.socket_dir(Router::Node).display().to_string();
        let disk = self.lab.run_dir().join("disk/state").display().to_string();
        said.replace(&sockets, "/run/frr").replace(&disk, "/run/novaroute")
    }

    /// Waits until all is well again: the next trouble begins there.
    #[track_caller]
    fn is_over(&mut self) {
        let all = [(TOR_UP, 1.0), (NOT_ADVERTISED, 0.0), (INSTALLED, 1.0)];
        self.well = wait_series(self.agent, &all);
    }
}

/// The text with one length for all times that pass: `5s`, and `00:00:05`.
fn timeless(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words = line.split(' ').map(|word| {
            let (bare, comma) = word.strip_suffix(',').map_or((word, ""), |bare| (bare, ","));
            let number = bare.trim_end_matches(['s', 'm', 'h']);
            let counts = number.len() + 1 == bare.len() || bare.ends_with("ms");
            if counts && !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit()) {
                return format!("5s{comma}");
            }
            let clock = bare.len() == 8 && bare.bytes().filter(|it| *it == b':').count() == 2;
            if clock { format!("00:00:05{comma}") } else { word.to_owned() }
        });
        let line = words.collect::<Vec<_>>().join(" ");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn each_trouble_of_a_night_has_its_series_its_alert_and_the_command_that_names_it() {
    let lab = Lab::start(LabOptions::default());
    let disk = Disk::mount(lab.run_dir().join("disk"));
    let agent = Agent::start_with(&lab, |config| {
        config["state_dir"] = disk.directory().to_str().expect("a path of text").into();
    });
    let admin = agent.client("admin");
    admin.register().unwrap();
    admin.configure_bgp(net::NODE_AS, "10.0.0.1").unwrap();
    admin.apply_peer(tor()).unwrap();
    admin.advertise("192.0.2.0/24").unwrap();
    admin.apply(vec![change::via("203.0.113.0/24", net::BIRD_V4)]).unwrap();
    let well = wait_series(&agent, &[(TOR_UP, 1.0), (NOT_ADVERTISED, 0.0), (INSTALLED, 1.0)]);
    assert_eq!(all_alerts(std::slice::from_ref(&well)), Vec::<String>::new());
    let page = "# A night on call\n\nA test plays this night on a real FRR with real peers (`tests/frr_oncall`): for each trouble the \
                series that shows it,\nthe alert that fires on it, judged by Prometheus' own program, and the one command that names the \
                cause, or the candidates where the\ncause is at the far end. Times are made equal.\n";
    let mut night = Night { lab: &lab, agent: &agent, admin: &admin, well, page: page.to_owned() };
    sessions(&mut night);
    routes(&mut night);
    daemons_and_disk(&mut night, &disk);
    token(&mut night);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if env::var_os("NOVAROUTE_WRITE_DOCS").is_some() {
        fs::write(&path, &night.page).expect("writing the page");
    }
    // Ages differ from night to night: the page has each trouble with its alert.
    let book = fs::read_to_string(&path).expect("the page");
    for line in night.page.lines().filter(|line| line.starts_with("## ") || line.starts_with("| `"))
    {
        assert!(
            book.contains(line),
            "{PAGE} is stale, run the test with NOVAROUTE_WRITE_DOCS=1: {line}"
        );
    }
}

fn sessions(night: &mut Night<'_>) {
    let admin = night.admin;
    admin.apply_peer(peer(net::TOR_V4, 65009)).unwrap();
    night.meets(&Trouble {
        title: "The wrong remote AS",
        story: "The peer is declared with AS 65009 and is in AS 65001.",
        series: (TOR_UP, 0.0),
        alert: Some("NovaRoutePeerDown"),
        command: "novaroutectl peers 10.0.1.2",
        says: &["sent: OPEN Message Error/Bad Peer AS (2/2)", "in another AS than 65009"],
    });
    admin.apply_peer(BgpPeer { password: "hush".into(), ..tor() }).unwrap();
    night.meets(&Trouble {
        title: "A password on one side",
        story: "This node has a password for the peer, and the peer has none: the kernels drop each other's packets, and nothing is heard.",
        series: (TOR_UP, 0.0),
        alert: Some("NovaRoutePeerDown"),
        command: "novaroutectl peers 10.0.1.2",
        says: &["One of", "a password is set on one side alone"],
    });
    admin.apply_peer(tor()).unwrap();
    night.is_over();
    admin.apply_peer(BgpPeer { bfd_enabled: true, ..tor() }).unwrap();
    night.meets(&Trouble {
        title: "BFD off at the far end",
        story: "The peer is declared with BFD; the far end does not run it.",
        series: (BFD_UP, 0.0),
        alert: Some("NovaRouteBfdDown"),
        command: "novaroutectl bfd -o wide",
        says: &["peer", "the far end has sent nothing: it has no BFD here"],
    });
    admin.apply_peer(tor()).unwrap();
    night.is_over();
    night.lab.link_down(Router::Tor);
    night.meets(&Trouble {
        title: "The interface is down",
        story: "The cable to the peer is cut.",
        series: (TOR_UP, 0.0),
        alert: Some("NovaRoutePeerDown"),
        command: "novaroutectl peers 10.0.1.2",
        says: &["Cause", "interface"],
    });
    night.lab.link_up(Router::Tor);
    night.is_over();
}

fn routes(night: &mut Night<'_>) {
    let at_tor = |lines: &[&str]| {
        let all = [&["configure terminal"], lines, &["end"]].concat();
        night.lab.vtysh(Router::Tor, &all);
    };
    let neighbor = ["router bgp 65001", "address-family ipv4 unicast"];
    at_tor(&["route-map NOTHING deny 10"]);
    at_tor(&[neighbor[0], neighbor[1], "neighbor 10.0.1.1 route-map NOTHING in"]);
    night.meets(&Trouble {
        title: "A filter at the peer",
        story: "The peer takes the session and filters the route. From here all is well, which is what the command shows: the prefix is \
                sent, so the cause is behind the peer's session.",
        series: (SENT, 1.0),
        alert: None,
        command: "novaroutectl peers 10.0.1.2",
        says: &["Established", "1 sent, ipv4_unicast"],
    });
    let all =
        [&["configure terminal"], &neighbor[..], &["neighbor 10.0.1.1 route-map PERMIT in", "end"]];
    night.lab.vtysh(Router::Tor, &all.concat());
    night.lab.link_down(Router::Bird);
    night.meets(&Trouble {
        title: "The next hop is gone",
        story: "The interface behind which a static route's next hop is goes down. What is declared is still in FRR; the kernel has it no \
                more.",
        series: (INSTALLED, 0.0),
        alert: Some("NovaRouteStaticRouteNotInstalled"),
        command: "vtysh -c 'show ip nht'",
        says: &["10.0.2.2", "unresolved"],
    });
    night.lab.link_up(Router::Bird);
    night.is_over();
}

fn daemons_and_disk(night: &mut Night<'_>, disk: &Disk) {
    night.lab.kill(Router::Node, "bgpd");
    night.meets(&Trouble {
        title: "bgpd is killed",
        story: "Alerts of its sessions are held back: this one is about all of them.",
        series: ("novaroute_frr_connected", 0.0),
        alert: Some("NovaRouteFrrDisconnected"),
        command: "novaroutectl status",
        says: &["bgpd", "down", "connect"],
    });
    night.lab.restart(Router::Node, "bgpd");
    night.is_over();
    disk.fill();
    // More than what the file's last page has room for.
    let many = (0..2000).map(|n| change::prefix(&format!("10.{}.{}.0/24", n / 200, n % 200)));
    let refused = night.admin.apply(many.collect());
    assert!(refused.is_err(), "there is no room for it");
    night.meets(&Trouble {
        title: "The disk is full",
        story: "What adds is refused; what runs goes on, and what takes away is taken.",
        series: ("novaroute_journal_writable", 0.0),
        alert: Some("NovaRouteJournalNotWritable"),
        command: "novaroutectl status",
        says: &["journal: "],
    });
    disk.free();
    wait_for("room again", SOON, || night.admin.advertise("198.51.100.0/24"));
    wait_series(night.agent, &[("novaroute_journal_writable", 1.0)]);
    night.is_over();
}

fn token(night: &mut Night<'_>) {
    let lost = scrape(night.agent)[TOR_LOST];
    let reloaded = night.agent.reload(|config| {
        config["owners"]["edge"]["token"] = "another-token-of-edge".into();
    });
    assert!(reloaded);
    night.meets(&Trouble {
        title: "A token is rotated",
        story: "The owner's token is another from the reload on. No session is touched; a client with the old one is refused, and the \
                agent's log names its process.",
        series: (TOR_UP, 1.0),
        alert: None,
        command: "novaroutectl register --owner edge --token edge-token",
        says: &["token"],
    });
    assert_eq!(scrape(night.agent)[TOR_LOST], lost, "no session was lost for it");
}
