//! libyang with the models of a real FRR: what it refuses and in which words, and that our trees and
//! differences are its own.

mod intents;
mod lab;

use std::collections::BTreeSet;

use intents::any_intents;
use lab::{Lab, LabOptions, resident};
use novaroute::{
    daemon::{Daemon, Forest},
    frr::vty::table::Table,
    model::Change,
    proto::v1::{self, intent::Kind, intent_change, static_route::NextHop},
    render::{Shapes, render},
    tree::{Edit, Node, Tree, apply, diff, reverse},
    wire,
    yang::{Models, Profile, Quick, Schema, YangError},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use yang2::{
    context::{Context, ContextFlags},
    data::{
        DataDiffFlags, DataDiffOp, DataFormat, DataNodeRef, DataParserFlags, DataTree,
        DataValidationFlags,
    },
    schema::SchemaNodeKind,
};

const BGP: &str = "/frr-routing:routing/control-plane-protocols/control-plane-protocol\
    [type='frr-bgp:bgp'][name='bgp'][vrf='default']/frr-bgp:bgp";

fn schema(profile: Profile) -> (Lab, Schema) {
    let lab = Lab::start(LabOptions::default());
    let schema = Schema::load(&lab.yang_dir(), profile).expect("FRR's models");
    (lab, schema)
}

fn bgp(leaves: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::new();
    tree.ensure_presence(&BGP.parse().expect("a path"));
    for (path, value) in leaves {
        tree.set(&format!("{BGP}{path}").parse().expect("a path"), *value);
    }
    tree
}

/// libyang's words and path.
fn refused<T: std::fmt::Debug>(result: Result<T, YangError>) -> (String, String) {
    match result.unwrap_err() {
        YangError::Invalid { message, path } => (message, path.unwrap_or_default()),
        error => panic!("{error}"),
    }
}

#[test]
fn what_the_models_do_not_allow_is_refused_in_libyangs_words_with_the_path() {
    let (_lab, schema) = schema(Profile::Datacenter);
    let local_as = ("/global/local-as", "65000");
    schema.validate(&bgp(&[local_as])).expect("a valid instance");

    // Mandatory.
    let (message, path) = refused(schema.validate(&bgp(&[("/global/router-id", "10.0.0.1")])));
    assert_eq!(message, "Mandatory node \"local-as\" instance does not exist.");
    assert_eq!(path, format!("{BGP}/global"));
    // Types, of leaves and of keys, with the path of what is wrong.
    let (message, path) = refused(schema.validate(&bgp(&[("/global/local-as", "bogus")])));
    assert_eq!(message, "Invalid type uint32 value \"bogus\".");
    assert_eq!(path, format!("{BGP}/global/local-as"));
    let (message, path) =
        refused(schema.validate(&bgp(&[local_as, ("/global/router-id", "10.0.0")])));
    assert!(message.contains("10.0.0"), "{message}");
    assert_eq!(path, format!("{BGP}/global/router-id"));
    let neighbor = "/neighbors/neighbor[remote-address='nowhere']";
    let timers = format!("{neighbor}/timers/keepalive");
    let (message, path) = refused(schema.validate(&bgp(&[local_as, (&timers, "5")])));
    assert!(message.contains("nowhere"), "{message}");
    assert_eq!(path, format!("{BGP}{neighbor}"));
    // A range.
    let neighbor = "/neighbors/neighbor[remote-address='10.0.1.2']";
    let ttl = format!("{neighbor}/ebgp-multihop/multihop-ttl");
    let (message, path) = refused(schema.validate(&bgp(&[local_as, (&ttl, "256")])));
    assert!(message.contains("256"), "{message}");
    assert_eq!(path, format!("{BGP}{ttl}"));
    // Nodes that are not there.
    let (_, path) = refused(schema.validate(&bgp(&[local_as, ("/global/no-such-leaf", "1")])));
    assert_eq!(path, format!("{BGP}/global/no-such-leaf"));
    let (message, path) = refused(schema.validate(&bgp(&[local_as, ("/no-such-module:x", "1")])));
    assert_eq!(message, "no such module");
    assert_eq!(path, format!("{BGP}/no-such-module:x"));
    // `when`, of FRR's and of our own model.
    let profile = format!("{neighbor}/bfd-options/novaroute-frr-bgp:profile");
    let (message, path) = refused(schema.validate(&bgp(&[local_as, (&profile, "P")])));
    assert_eq!(message, "When condition \"../frr-bgp:enable = 'true'\" not satisfied.");
    assert_eq!(path, format!("{BGP}{profile}"));
    let family = format!(
        "{neighbor}/afi-safis/afi-safi[afi-safi-name='frr-routing:ipv6-unicast']\
         /ipv4-unicast/soft-reconfiguration"
    );
    let (message, _) = refused(schema.validate(&bgp(&[local_as, (&family, "true")])));
    assert!(message.starts_with("When condition"), "{message}");
    // A NUL, at which a C string ends.
    let description = format!("{neighbor}/description");
    let (_, path) = refused(schema.validate(&bgp(&[local_as, (&description, "a\0b")])));
    assert_eq!(path, format!("{BGP}{description}"));
}

#[test]
fn parsing_is_strict_where_it_is_asked_for() {
    let (_lab, schema) = schema(Profile::Datacenter);
    let unknown = r#"{"frr-routing:routing": {"nonsense": 1}}"#;
    let (message, path) = refused(schema.parse_json(unknown));
    assert_eq!(message, "Node \"nonsense\" not found as a child of \"routing\" node.");
    assert_eq!(path, "/frr-routing:routing");
    let other = r#"{"not-loaded:x": 1, "frr-routing:routing": {}}"#;
    refused(schema.parse_json(other));
    assert_eq!(schema.parse_known_json(other).unwrap(), Tree::new());
    for broken in ["", "{", "[]", "{\"frr-routing:routing\": 3}"] {
        let result = schema.parse_json(broken);
        assert!(result.is_err(), "{broken:?}: {result:?}");
    }
    // libyang gets a text that ends where it ends, whatever stands behind it in memory.
    let two = "{}{\"frr-routing:routing\": 3}";
    assert_eq!(schema.parse_json(&two[..2]).unwrap(), Tree::new());
}

/// The soak's hour showed an agent that had grown by 10 MB: `yang2` never frees what libyang prints into memory.
#[test]
fn what_is_judged_printed_and_read_leaves_nothing_behind() {
    let (_lab, schema) = schema(Profile::Datacenter);
    let mut valid = bgp(&[("/global/local-as", "65000")]);
    for number in 1..20 {
        let path = format!("{BGP}/neighbors/neighbor[remote-address='10.0.0.{number}']");
        let path = format!("{path}/neighbor-remote-as/remote-as-type").parse().expect("a path");
        valid.set(&path, "external");
    }
    let wrong = bgp(&[("/global/local-as", "bogus")]);
    let round = || {
        schema.check(&valid).expect("valid");
        schema.check(&wrong).expect_err("wrong");
        let json = schema.print_json(&valid).expect("JSON");
        assert_eq!(schema.parse_json(&json).expect("its own JSON"), valid);
        schema.parse_json(&json[..json.len() / 2]).expect_err("half of it");
        json.len() as u64
    };
    for _ in 0..200 {
        round();
    }
    let before = resident(std::process::id());
    let printed: u64 = (0..2000).map(|_| round()).sum();
    let grown = resident(std::process::id()).saturating_sub(before);
    assert!(grown * 1024 < printed / 4, "{grown} kB more after {} kB of text", printed / 1024);
}

#[test]
fn defaults_are_those_of_the_profile() {
    let (lab, datacenter) = schema(Profile::Datacenter);
    let traditional = Schema::load(&lab.yang_dir(), Profile::Traditional).expect("FRR's models");
    let both = |leaf: &str| {
        let path = format!("{BGP}{leaf}").parse().expect("a path");
        [&datacenter, &traditional].map(|schema| schema.default_of(&path))
    };
    let text = |value: &str| Some(value.to_owned());
    assert_eq!(both("/global/ebgp-requires-policy"), [text("false"), text("true")]);
    assert_eq!(both("/global/graceful-restart/restart-time"), [text("120"), text("120")]);
    assert_eq!(both("/global/local-as"), [None, None]);
    assert_eq!(both("/global/no-such-leaf"), [None, None]);
    assert_eq!(datacenter.profile(), Profile::Datacenter);
    let names: Vec<String> = datacenter.modules().into_iter().map(|(name, _)| name).collect();
    for module in ["frr-bgp", "frr-staticd", "frr-bfdd", "novaroute-frr-bgp"] {
        assert!(names.iter().any(|name| name == module), "{names:?}");
    }
    let error = Schema::load(std::path::Path::new("/nonexistent"), Profile::Traditional).err();
    let error = error.expect("no models there").to_string();
    assert!(error.contains("/nonexistent"), "{error}");
}

/// What happens to each leaf and list entry, by libyang's difference of the two trees.
fn libyang_says(old: &DataTree<'_>, new: &DataTree<'_>) -> BTreeSet<String> {
    fn below(op: &str, node: &DataNodeRef<'_, '_>, all: &mut BTreeSet<String>) {
        let schema = node.schema();
        let told = match schema.kind() {
            SchemaNodeKind::Leaf => !schema.is_list_key(),
            SchemaNodeKind::List => true,
            SchemaNodeKind::Container => !schema.is_np_container(),
            _ => false,
        };
        if told {
            all.insert(format!("{op} {}", node.path()));
        }
        node.children().for_each(|child| below(op, &child, all));
    }
    let difference = old.diff(new, DataDiffFlags::empty()).expect("a difference");
    let mut all = BTreeSet::new();
    for (op, node) in difference.iter() {
        match op {
            DataDiffOp::Create => below("create", &node, &mut all),
            DataDiffOp::Delete => below("delete", &node, &mut all),
            DataDiffOp::Replace => drop(all.insert(format!("replace {}", node.path()))),
        }
    }
    all
}

/// The same by our own.
fn we_say(edits: &[Edit]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for edit in edits {
        let (op, node) = match (&edit.old, &edit.new) {
            (None, Some(node)) => ("create", node),
            (Some(node), None) => ("delete", node),
            (_, Some(_)) => {
                all.insert(format!("replace {}", edit.path));
                continue;
            }
            (None, None) => panic!("an edit of nothing: {}", edit.path),
        };
        let mut tree = Tree::new();
        let set = Edit { path: edit.path.clone(), old: None, new: Some(node.clone()) };
        apply(&mut tree, &[set]);
        all.insert(format!("{op} {}", edit.path));
        below(op, &mut edit.path.clone(), &tree, &edit.path, &mut all);
    }
    all
}

/// Leaves and entries of `tree` below `from`.
fn below(
    op: &str,
    _at: &mut novaroute::tree::Path,
    tree: &Tree,
    from: &novaroute::tree::Path,
    all: &mut BTreeSet<String>,
) {
    fn walk(op: &str, path: &novaroute::tree::Path, tree: &Tree, all: &mut BTreeSet<String>) {
        for (name, node) in tree.iter() {
            let at = path.join(novaroute::tree::Step::plain(name.clone()));
            match node {
                Node::Leaf(_) => drop(all.insert(format!("{op} {at}"))),
                Node::LeafList(_) => {}
                Node::Container(inside) => walk(op, &at, inside, all),
                Node::Presence(inside) => {
                    all.insert(format!("{op} {at}"));
                    walk(op, &at, inside, all);
                }
                Node::List(list) => {
                    for (keys, entry) in &list.entries {
                        let at = path.join(list.step(name, keys));
                        all.insert(format!("{op} {at}"));
                        walk(op, &at, entry, all);
                    }
                }
            }
        }
    }
    if let Some(inside) = tree.subtree(from) {
        walk(op, from, inside, all);
    }
}

#[test]
fn our_differences_are_libyangs() {
    let (lab, schema) = schema(Profile::Traditional);
    let shapes = Shapes::of(&schema);
    let mut context = Context::new(ContextFlags::NO_YANGLIBRARY).expect("a context");
    context.set_searchdir(lab.yang_dir()).expect("the directory");
    context.set_searchdir(concat!(env!("CARGO_MANIFEST_DIR"), "/yang")).expect("our directory");
    for (module, _) in schema.modules() {
        context.load_module(&module, None, &[]).expect("a module");
    }
    let load = |tree: &Tree| {
        let flags = DataParserFlags::STRICT | DataParserFlags::NO_VALIDATION;
        let json = schema.print_json(tree).expect("JSON") + "\0";
        let none = DataValidationFlags::empty();
        DataTree::parse_string(&context, &json, DataFormat::JSON, flags, none).expect("a tree")
    };
    let tree = |forest: &Forest, daemon: Daemon| forest.get(&daemon).cloned().unwrap_or_default();
    let mut runner =
        TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(any_intents(), any_intents()), |(before, after)| {
        let (before, after) = (render(&before, shapes), render(&after, shapes));
        for daemon in Daemon::ALL {
            let (old, new) = (tree(&before, daemon), tree(&after, daemon));
            let edits = diff(&old, &new);
            if !old.is_empty() && !new.is_empty() {
                let theirs = libyang_says(&load(&old), &load(&new));
                prop_assert_eq!(we_say(&edits), theirs, "{}", daemon);
                let theirs = libyang_says(&load(&new), &load(&old));
                prop_assert_eq!(we_say(&reverse(&edits)), theirs, "{} reversed", daemon);
            }
            let mut changed = old.clone();
            apply(&mut changed, &edits);
            let json = |tree: &Tree| schema.print_json(tree).expect("JSON");
            prop_assert_eq!(json(&changed), json(&new));
            apply(&mut changed, &reverse(&edits));
            prop_assert_eq!(json(&changed), json(&old));
            // What is written without libyang is what libyang reads, and the other way round.
            let compact = schema.print_compact_json(&new).expect("JSON");
            prop_assert_eq!(schema.parse_json(&compact).expect("our JSON"), new.clone());
            prop_assert_eq!(schema.parse_known_json(&json(&new)).expect("its JSON"), new.clone());
            prop_assert_eq!(schema.parse_json(&json(&new)).expect("its own JSON"), new);
        }
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
}

/// A copy of FRR's models, with links for its files.
fn copy(lab: &Lab) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    for entry in std::fs::read_dir(lab.yang_dir()).expect("FRR's models").flatten() {
        let to = copy.path().join(entry.file_name());
        std::os::unix::fs::symlink(entry.path(), to).expect("a link");
    }
    copy
}

/// Whatever file FRR's package forgets (as `make install` of its master does): the others' models are there, and the file is
/// named.
#[test]
fn a_model_that_lacks_takes_only_what_needs_it() {
    let lab = Lab::start(LabOptions::default());
    let copy = copy(&lab);
    let whole: BTreeSet<String> = Schema::load(copy.path(), Profile::Datacenter)
        .expect("all")
        .modules()
        .into_iter()
        .map(|it| it.0)
        .collect();
    let (mut partly, mut unneeded) = (0, 0);
    let files: Vec<_> = std::fs::read_dir(copy.path()).expect("a directory").flatten().collect();
    for file in files.iter().filter(|file| file.path().extension().is_some_and(|it| it == "yang")) {
        let name = file.file_name().into_string().expect("text");
        let target = std::fs::read_link(file.path()).expect("a link");
        std::fs::remove_file(file.path()).expect("removing");
        let module = name.trim_end_matches(".yang").split('@').next().expect("a name").to_owned();
        match Schema::load_what_can_be(copy.path(), Profile::Datacenter) {
            Ok(schema) if schema.missing().is_empty() => {
                unneeded += 1;
                Schema::load(copy.path(), Profile::Datacenter).expect("nothing is missing");
            }
            Ok(schema) => {
                partly += 1;
                for (missing, why) in schema.missing() {
                    assert!(
                        why.contains(&format!("there is no {module}.yang")),
                        "{missing}: {why}"
                    );
                }
                let left: BTreeSet<String> = schema.modules().into_iter().map(|it| it.0).collect();
                assert!(left.is_subset(&whole), "{left:?}");
                let error = Schema::load(copy.path(), Profile::Datacenter)
                    .err()
                    .expect("strict")
                    .to_string();
                assert!(error.contains(&format!("{module}.yang")), "{error}");
            }
            // Every other one imports it.
            Err(error) => {
                assert!(error.to_string().contains(&format!("{module}.yang")), "{error}");
                assert!(name.starts_with("frr-") || name.starts_with("ietf-"), "{name}");
            }
        }
        std::os::unix::fs::symlink(target, file.path()).expect("a link");
    }
    assert!(partly >= 8 && unneeded >= 1, "{partly} {unneeded}");
}

#[test]
fn a_submodule_that_lacks_is_named() {
    let lab = Lab::start(LabOptions::default());
    let copy = copy(&lab);
    let file = copy.path().join("frr-ospfd.yang");
    let text = std::fs::read_to_string(&file).expect("a model");
    std::fs::remove_file(&file).expect("removing the link");
    let at = text.find("organization").expect("every module has one");
    let (header, rest) = text.split_at(at);
    std::fs::write(&file, format!("{header}include frr-ospfd-gone;\n{rest}")).expect("writing");
    let schema = Schema::load_what_can_be(copy.path(), Profile::Traditional).expect("the others");
    let why = &schema.missing()["frr-ospfd"];
    assert!(why.contains("there is no frr-ospfd-gone.yang, which frr-ospfd needs"), "{why}");
    let ours = &schema.missing()["novaroute-frr-ospf"];
    assert!(ours.contains("frr-ospfd-gone.yang"), "it imports that: {ours}");
    assert_eq!(schema.missing().len(), 2, "{:?}", schema.missing());
    assert!(schema.has(BGP.split('[').next().expect("a path")));
}

/// What the simulation validates with (`tests/simulation`), which runs where there is no FRR. `NOVAROUTE_WRITE_MODELS=1`
/// writes it anew.
#[test]
fn the_simulations_names_and_types_are_those_of_the_models() {
    let (_lab, schema) = schema(Profile::Traditional);
    let tables = Daemon::ALL.into_iter().filter_map(Table::of);
    let rows = tables.clone().flat_map(|table| table.examples(|_, _| "1".to_owned()));
    let mut trees: Vec<Tree> = rows.map(|(_, tree)| tree).collect();
    let routes = [NextHop::Gateway("10.0.0.1".into()), NextHop::Blackhole(true)].map(|next_hop| {
        let (prefix, next_hop) = ("203.0.113.0/24".to_owned(), Some(next_hop));
        let route = v1::StaticRoute { prefix, next_hop, distance: 5, tag: 5 };
        let set = v1::Intent { kind: Some(Kind::StaticRoute(route)) };
        v1::IntentChange { change: Some(intent_change::Change::Set(set)), ..Default::default() }
    });
    for route in routes {
        for change in wire::changes(&[route]).expect("valid") {
            let Change::Set(intent) = change else { continue };
            trees.extend(render([&intent], Shapes::of(&schema)).into_values());
        }
    }
    let text = schema.names_and_types(&trees);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/simulation/models.txt");
    if std::env::var_os("NOVAROUTE_WRITE_MODELS").is_some() {
        std::fs::write(file, &text).expect("written");
    }
    assert_eq!(std::fs::read_to_string(file).expect("readable"), text, "{file}");
    let quick = Quick::read(&text).expect("what was just written");
    for table in tables {
        assert_eq!(table.defaults(&quick), table.defaults(&schema));
    }
    assert_eq!(Shapes::of(&quick), Shapes::of(&schema));
}
