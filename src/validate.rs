//! Validates intents and configurations without an agent: policy, YANG by libyang, command lines.
//!
//! The same code decides here and in the agent. What only a running FRR knows (its own addresses, what
//! others configured) is not checked.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::Path as FilePath,
};

use crate::{
    config::Config,
    daemon::{Daemon, Forest},
    frr::vty::table::Table,
    model::{Change, Configured, FieldError, FieldErrors, Intent, OwnerName, Password},
    policy::{
        Lifetime, OwnerPolicy, Policies, PrefixType, Quotas, Violation, ViolationKind, check_all,
    },
    proto::v1,
    render::{Shapes, render},
    store::Store,
    tree::Tree,
    wire,
    yang::{Profile, Schema, YangError},
};

/// What is wrong with one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which change of the request is to blame, where that is known.
    pub change: Option<usize>,
    /// Which rule it breaks: `field`, `yang`, `command`, or a label of [`ViolationKind`].
    pub rule: &'static str,
    /// What is wrong, in the words of the agent or libyang; never a secret.
    pub message: String,
    /// Data path of what is wrong, where libyang tells.
    pub yang_path: Option<String>,
}

impl Finding {
    /// Whether it says that there is no BGP instance.
    pub fn lacks_instance(&self) -> bool {
        self.rule == ViolationKind::BgpNotConfigured.label()
    }

    fn new(change: Option<usize>, rule: &'static str, message: impl ToString) -> Self {
        Self { change, rule, message: message.to_string(), yang_path: None }
    }
}

/// What intents are checked against: who may do what, and what is there without them.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    policies: Policies,
    configured: Configured,
}

impl Ground {
    /// A node with this configuration.
    pub fn of(config: &Config) -> Self {
        Self { policies: config.owners.policies(), configured: config.configured() }
    }

    /// A node on which this owner may everything.
    pub fn open(owner: &OwnerName) -> Self {
        let everything = OwnerPolicy {
            prefix_type: PrefixType::Any,
            allowed_cidrs: Vec::new(),
            may_configure_bgp: None,
            lifetime: Lifetime::Connection,
            quotas: Quotas::default(),
        };
        let policies = [(owner.clone(), everything)].into_iter().collect();
        Self { policies, configured: Configured::default() }
    }

    /// What the configuration declares.
    fn store(&self) -> Store {
        let mut store = Store::new();
        let admin = OwnerName::ADMIN.parse().expect("admin is a valid owner name");
        let instance = self.configured.bgp.clone().map(Intent::Bgp);
        for intent in instance.into_iter().chain(self.configured.intents()) {
            store.apply(&admin, &Change::Set(intent));
        }
        store
    }
}

/// The models of one FRR, and validation by them.
pub struct Validator {
    schema: Schema,
    shapes: Shapes,
}

impl Validator {
    /// Loads the models of a directory.
    ///
    /// # Errors
    /// Which is lacking or broken.
    pub fn load(yang_dir: &FilePath) -> Result<Self, YangError> {
        let schema = Schema::load(yang_dir, Profile::default())?;
        let shapes = Shapes::of(&schema);
        Ok(Self { schema, shapes })
    }

    /// What FRR would get of one request of this owner; secrets are masked. Whether there is what
    /// the request removes can't be said here, and is not.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn intents(
        &self,
        ground: &Ground,
        owner: &OwnerName,
        messages: &[v1::IntentChange],
    ) -> Result<Forest, Vec<Finding>> {
        let mut findings = Vec::new();
        let read = readable(messages, &mut findings);
        let sets: Vec<(usize, &Change)> = read
            .iter()
            .filter(|(_, change)| matches!(change, Change::Set(_)))
            .map(|(index, change)| (*index, change))
            .collect();
        let alone: Vec<Change> = sets.iter().map(|(_, change)| (*change).clone()).collect();
        let after = check_all(&ground.policies, &ground.store(), owner, &alone);
        let after = after.map_err(|violations| {
            // What could not be read may have been the instance.
            let blind = !findings.is_empty();
            let lacks_bgp = |it: &Violation| blind && it.kind == ViolationKind::BgpNotConfigured;
            let finding = |violation: Violation| {
                let at = sets.iter().find(|(_, change)| change.key() == violation.key);
                let hint = match violation.kind {
                    ViolationKind::BgpNotConfigured => "; or name a configuration that has bgp",
                    _ => "",
                };
                let own = violation.to_caller.map(|words| format!(": {words}"));
                let message = format!("{}{}{hint}", violation.message, own.unwrap_or_default());
                Finding::new(at.map(|(index, _)| *index), violation.kind.label(), message)
            };
            let said = violations.into_iter().filter(|it| !lacks_bgp(it)).map(finding);
            findings.drain(..).chain(said).collect::<Vec<_>>()
        })?;
        let instance = after.bgp().cloned().map(Intent::Bgp);
        let set = |change: &Change| match change {
            Change::Set(intent) => Some(masked(intent.clone())),
            Change::Remove(_) => None,
        };
        let intents: Vec<Intent> = alone.iter().filter_map(set).chain(instance.clone()).collect();
        let whole = self.check(&intents);
        if whole.is_empty() {
            return match findings.is_empty() {
                true => Ok(render(&intents, self.shapes)),
                false => Err(findings),
            };
        }
        // Which of them?
        let wrong = findings.len();
        for (index, change) in &sets {
            let with_instance: Vec<_> = set(change).into_iter().chain(instance.clone()).collect();
            let found = self.check(&with_instance).into_iter();
            findings.extend(found.map(|it| Finding { change: Some(*index), ..it }));
        }
        if findings.len() == wrong {
            findings.extend(whole);
        }
        Err(findings)
    }

    /// What FRR would get of a configuration; secrets are masked.
    ///
    /// # Errors
    /// Everything that libyang has against it.
    pub fn configuration(&self, config: &Config) -> Result<Forest, Vec<Finding>> {
        let declared = config.configured();
        let instance = declared.bgp.clone().map(Intent::Bgp);
        let intents: Vec<_> = instance.into_iter().chain(declared.intents()).map(masked).collect();
        let findings = self.check(&intents);
        if findings.is_empty() { Ok(render(&intents, self.shapes)) } else { Err(findings) }
    }

    /// What libyang, or the table of command lines, has against these intents.
    fn check(&self, intents: &[Intent]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (daemon, tree) in render(intents, self.shapes) {
            match self.schema.validate(&tree) {
                Ok(_) => {}
                Err(YangError::Invalid { message, path }) => {
                    let finding = Finding::new(None, "yang", message);
                    findings.push(Finding { yang_path: path, ..finding });
                }
                Err(other) => findings.push(Finding::new(None, "yang", other)),
            }
            let lines = Table::of(daemon).map(|table| table.all_lines(&tree));
            if let Some(Err(error)) = lines {
                findings.push(Finding::new(None, "command", error));
            }
        }
        findings
    }

    /// Trees as YANG data in JSON (RFC 7951), for each daemon.
    ///
    /// # Errors
    /// libyang's words.
    pub fn yang(&self, forest: &Forest) -> Result<Vec<(Daemon, String)>, YangError> {
        let print = |(daemon, tree): (&Daemon, &Tree)| Ok((*daemon, self.schema.print_json(tree)?));
        forest.iter().map(print).collect()
    }

    /// Trees as lines of FRR's configuration, for each daemon that has a command line of ours; `None` for
    /// one that is configured over its northbound only.
    pub fn cli(&self, forest: &Forest) -> Vec<(Daemon, Option<Vec<String>>)> {
        let lines = |daemon: Daemon, tree| {
            let mut shown: Vec<String> = Vec::new();
            let mut inside: Vec<String> = Vec::new();
            for line in Table::of(daemon)?.lines(tree) {
                let common =
                    inside.iter().zip(&line.context[..]).take_while(|(a, b)| a == b).count();
                for (depth, enter) in line.context.iter().enumerate().skip(common) {
                    shown.push(format!("{}{enter}", " ".repeat(depth)));
                }
                shown.push(format!("{}{}", " ".repeat(line.context.len()), line.text));
                inside = line.context.to_vec();
                if line.opens {
                    inside.push(line.text.to_string());
                }
            }
            Some(shown)
        };
        forest.iter().map(|(daemon, tree)| (*daemon, lines(*daemon, tree))).collect()
    }
}

/// An intent whose password is stars: neither a result nor libyang's words may have it.
fn masked(intent: Intent) -> Intent {
    match intent {
        Intent::Peer(mut peer) => {
            let mask = |_| "***".parse::<Password>().expect("stars are a password");
            peer.password = peer.password.map(mask);
            Intent::Peer(peer)
        }
        other => other,
    }
}

/// The changes that can be read, each with its number; what is wrong with the others is noted.
fn readable(messages: &[v1::IntentChange], findings: &mut Vec<Finding>) -> Vec<(usize, Change)> {
    let mut seen = BTreeMap::new();
    let mut read = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        match parsed(message) {
            Ok(changes) => {
                let Some(change) = changes.into_iter().next() else { continue };
                match seen.entry(change.key()) {
                    Entry::Vacant(place) => {
                        place.insert(index);
                        read.push((index, change));
                    }
                    Entry::Occupied(first) => {
                        let message =
                            format!("is about {} like changes[{}]", first.key(), first.get());
                        findings.push(Finding::new(Some(index), "field", message));
                    }
                }
            }
            Err(errors) => {
                let finding = |FieldError { field, reason }| {
                    let message = match field.as_str() {
                        "" => reason,
                        field => format!("{field}: {reason}"),
                    };
                    Finding::new(Some(index), "field", message)
                };
                findings.extend(of_one(&errors).map(finding));
            }
        }
    }
    if messages.len() > wire::MAX_CHANGES {
        let message = format!(
            "{} changes are more than {} for one request",
            messages.len(),
            wire::MAX_CHANGES
        );
        findings.push(Finding::new(None, "field", message));
    }
    read
}

/// What is wrong with the fields of one change, each named as below the change: `peer.remote_as`.
pub fn wrong_fields(message: &v1::IntentChange) -> Vec<FieldError> {
    parsed(message).err().iter().flat_map(of_one).collect()
}

/// One change, with what is said of it beside its object.
fn parsed(message: &v1::IntentChange) -> Result<Vec<Change>, FieldErrors> {
    let messages = std::slice::from_ref(message);
    let changes = wire::changes(messages)?;
    wire::extras(messages, &changes)?;
    Ok(changes)
}

/// Without the number of the change, which is the only one.
fn of_one(errors: &FieldErrors) -> impl Iterator<Item = FieldError> + '_ {
    errors.iter().map(|FieldError { field, reason }| {
        let field = field.strip_prefix("changes[0]").unwrap_or(field);
        let field = field.trim_start_matches(".set").trim_start_matches(".remove");
        let field = field.trim_start_matches('.').to_owned();
        FieldError { field, reason: reason.clone() }
    })
}
