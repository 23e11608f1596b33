//! An operator's configuration, and which objects it names.

use std::{collections::BTreeSet, fs, path::Path};

use crate::lab::net;

/// An operator's `frr.conf`.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Name of the file, without its extension.
    pub name: String,
    /// What it is: its first line.
    pub what: String,
    /// The file.
    pub text: String,
    /// `frr defaults`, which FRR takes from its command line.
    pub profile: Option<String>,
    /// AS of the instance of the default VRF; 0 where there is none or no number.
    pub local_as: u32,
    /// Neighbours of BGP with their AS, where that is a number.
    pub neighbors: BTreeSet<(String, u32)>,
    /// Networks of BGP.
    pub networks: BTreeSet<String>,
    /// Destinations of static routes.
    pub routes: BTreeSet<String>,
    /// Addresses of BFD sessions.
    pub sessions: BTreeSet<String>,
}

/// Every configuration there is, by name.
pub fn all() -> Vec<Operator> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operators");
    let entries = fs::read_dir(&directory).expect("the operators' configurations");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut all: Vec<Operator> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "conf"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            Operator::read(name, fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl Operator {
    fn read(name: String, text: String) -> Self {
        let first = text.lines().next().unwrap_or_default();
        let what = first.trim_start_matches("! ").to_owned();
        let mut operator = Self {
            name,
            what,
            profile: None,
            local_as: 0,
            neighbors: BTreeSet::new(),
            networks: BTreeSet::new(),
            routes: BTreeSet::new(),
            sessions: BTreeSet::new(),
            text: String::new(),
        };
        let mut neighbors: BTreeSet<&str> = BTreeSet::new();
        let mut ours = false;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match &words[..] {
                ["frr", "defaults", profile] => operator.profile = Some((*profile).to_owned()),
                ["router", "bgp", number, rest @ ..] => {
                    ours = !rest.iter().any(|word| ["vrf", "view"].contains(word));
                    if ours {
                        operator.local_as = as_number(number);
                    }
                }
                ["ip" | "ipv6", "route", prefix, ..] => {
                    operator.routes.insert((*prefix).to_owned());
                }
                ["peer", address, ..] => {
                    operator.sessions.insert((*address).to_owned());
                }
                ["network", prefix, rest @ ..] if !rest.contains(&"area") => {
                    operator.networks.insert((*prefix).to_owned());
                }
                ["neighbor", address, "remote-as", number] if ours => {
                    let entry = ((*address).to_owned(), as_number(number));
                    operator.neighbors.insert(entry);
                    neighbors.insert(address);
                }
                ["neighbor", address, "peer-group", _] if ours && !neighbors.contains(address) => {
                    operator.neighbors.insert(((*address).to_owned(), 0));
                }
                _ => {}
            }
        }
        // Names of groups and interfaces are no neighbours that somebody could declare.
        operator.neighbors.retain(|(address, _)| address.parse::<std::net::IpAddr>().is_ok());
        operator.text = text;
        operator
    }

    /// The AS that a client gives a neighbour where the operator gives it none.
    pub fn usual_as(address: &str) -> u32 {
        match address {
            net::BIRD_V4 | net::BIRD_V6 => net::BIRD_AS,
            _ => net::TOR_AS,
        }
    }
}

/// An AS number in any notation; 0 for a word.
fn as_number(text: &str) -> u32 {
    match text.split_once('.') {
        Some((high, low)) => {
            let part = |text: &str| text.parse::<u32>().unwrap_or_default();
            part(high) * 65536 + part(low)
        }
        None => text.parse().unwrap_or_default(),
    }
}
