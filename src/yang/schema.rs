//! The schema context: models of the FRR in use and our own, and questions to them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Seek},
    os::fd::AsRawFd,
    path::Path as FilePath,
    sync::{Arc, LazyLock},
};

use rustix::fs::{MemfdFlags, memfd_create};
use yang2::{
    context::{Context, ContextFlags, EmbeddedModuleKey, EmbeddedModules},
    data::{Data, DataFormat, DataParserFlags, DataPrinterFlags, DataTree, DataValidationFlags},
};

use super::{
    Models, convert,
    error::YangError,
    index::Index,
    json,
    needs::{Needs, needs},
    quick, slices,
};
use crate::tree::{Path, Tree};

/// FRR's own models that NovaRoute renders into. A module that one of these imports is loaded
/// with it.
const FRR_MODULES: [&str; 11] = [
    "frr-routing",
    "frr-vrf",
    "frr-interface",
    "frr-filter",
    "frr-route-map",
    "frr-bgp-route-map",
    "frr-bgp",
    "frr-bfdd",
    "frr-ospfd",
    "frr-staticd",
    "frr-zebra",
];

/// Modules of ours: what FRR's models lack.
static OWN_MODULES: LazyLock<EmbeddedModules> = LazyLock::new(|| {
    EmbeddedModules::from([
        (
            EmbeddedModuleKey::new("novaroute-frr-bgp", None, None, None),
            include_str!("../../yang/novaroute-frr-bgp.yang"),
        ),
        (
            EmbeddedModuleKey::new("novaroute-frr-ospf", None, None, None),
            include_str!("../../yang/novaroute-frr-ospf.yang"),
        ),
    ])
});

/// The set of defaults that FRR's daemons were started with (`-F`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// `frr defaults traditional`: the models as they are.
    #[default]
    Traditional,
    /// `frr defaults datacenter`: with FRR's own deviations for it.
    Datacenter,
}

impl Profile {
    /// The profile that `frr defaults NAME` names; an unknown one counts as traditional, as
    /// it does in FRR.
    pub fn from_name(name: &str) -> Self {
        match name {
            "datacenter" => Self::Datacenter,
            _ => Self::Traditional,
        }
    }

    fn deviations(self) -> Option<&'static str> {
        match self {
            Self::Traditional => None,
            Self::Datacenter => Some("frr-deviations-bgp-datacenter"),
        }
    }
}

/// The models of one FRR, loaded.
///
/// Loading takes 50 to 90 ms. Not for the async runtime's threads: see [`super::Yang`].
pub struct Schema {
    context: Context,
    profile: Profile,
    index: Arc<Index>,
    /// Modules that can't be loaded, each with why.
    missing: BTreeMap<String, String>,
}

/// Names of ours.
const OWN: [&str; 2] = ["novaroute-frr-bgp", "novaroute-frr-ospf"];

impl Schema {
    /// Loads FRR's models from `dir`, and ours, with the defaults of `profile`.
    ///
    /// # Errors
    /// Which module is lacking or broken: libyang's words, and which file is not there.
    pub fn load(dir: &FilePath, profile: Profile) -> Result<Self, YangError> {
        let schema = Self::load_what_can_be(dir, profile)?;
        match schema.missing.first_key_value() {
            None => Ok(schema),
            Some((module, why)) => Err(failed(dir, module, why.clone())),
        }
    }

    /// Like [`Schema::load`], without the modules that can't be loaded: see [`Models::missing`].
    ///
    /// # Errors
    /// None of FRR's can be loaded.
    pub fn load_what_can_be(dir: &FilePath, profile: Profile) -> Result<Self, YangError> {
        let wanted: Vec<_> =
            FRR_MODULES.into_iter().chain(OWN).chain(profile.deviations()).collect();
        let mut missing = BTreeMap::new();
        // What libyang keeps of a module that it could not load does not matter: the others are loaded anew.
        let context = loop {
            let mut context = empty(dir)?;
            let before = missing.len();
            for module in &wanted {
                if !missing.contains_key(*module)
                    && let Err(error) = context.load_module(module, None, &[])
                {
                    missing.insert((*module).to_owned(), explain(dir, module, &error));
                }
            }
            if missing.len() == before {
                break context;
            }
        };
        if FRR_MODULES.iter().all(|module| missing.contains_key(*module))
            && let Some((module, why)) = missing.pop_first()
        {
            return Err(failed(dir, &module, why));
        }
        let index = Arc::new(Index::of(&context));
        Ok(Self { context, profile, index, missing })
    }

    /// The models' data nodes by name.
    pub(super) fn index(&self) -> Arc<Index> {
        self.index.clone()
    }

    /// The profile whose defaults these are.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Names and revisions of the modules that are implemented, sorted.
    pub fn modules(&self) -> Vec<(String, Option<String>)> {
        let mut modules: Vec<_> = self
            .context
            .modules(true)
            .filter(|module| module.is_implemented())
            .map(|module| (module.name().to_owned(), module.revision().map(str::to_owned)))
            .collect();
        modules.sort();
        modules
    }

    /// Names, types and defaults of the nodes that these trees have, as [`super::Quick`] reads them.
    pub fn names_and_types(&self, trees: &[Tree]) -> String {
        quick::write(&self.index, trees, &|path| self.default_of(path))
    }

    /// Reads instance data, refusing what the models don't know.
    ///
    /// Types are checked and brought into canonical form; `when`, `must`, mandatory nodes and references
    /// are [`Schema::validate`]'s.
    ///
    /// # Errors
    /// libyang's words and path.
    pub fn parse_json(&self, json: &str) -> Result<Tree, YangError> {
        self.parse(json, DataParserFlags::STRICT)
    }

    fn parse(&self, json: &str, flags: DataParserFlags) -> Result<Tree, YangError> {
        let flags = flags | DataParserFlags::NO_VALIDATION | DataParserFlags::NO_STATE;
        let none = DataValidationFlags::empty();
        // libyang reads a C string, and `yang2` hands it over without the NUL at its end.
        let mut text = String::with_capacity(json.len() + 1);
        text.push_str(json);
        text.push('\0');
        let data = DataTree::parse_string(&self.context, text, DataFormat::JSON, flags, none)?;
        Ok(convert::to_tree(&data))
    }

    /// Judges a tree against the models and gives it back in canonical form.
    ///
    /// # Errors
    /// libyang's words and path of the first thing that is wrong.
    pub fn validate(&self, tree: &Tree) -> Result<Tree, YangError> {
        let mut data = convert::from_tree(&self.context, tree)?;
        let canonical = convert::to_tree(&data);
        validate(&mut data)?;
        Ok(canonical)
    }

    /// Validates a tree against the models.
    ///
    /// # Errors
    /// libyang's words and path of the first thing that is wrong.
    pub fn check(&self, tree: &Tree) -> Result<(), YangError> {
        validate(&mut convert::from_tree(&self.context, tree)?)
    }

    /// Writes a tree as JSON (RFC 7951), for people.
    ///
    /// # Errors
    /// libyang's words, where the tree has a node that the models don't know; or there is no memory for the text.
    pub fn print_json(&self, tree: &Tree) -> Result<String, YangError> {
        self.print(tree, DataPrinterFlags::WITH_SIBLINGS)
    }

    fn print(&self, tree: &Tree, flags: DataPrinterFlags) -> Result<String, YangError> {
        let data = convert::from_tree(&self.context, tree)?;
        if data.reference().is_none() {
            return Ok("{}\n".to_owned());
        }
        // Not `print_string`: `yang2` 0.18.1 never frees the text that libyang makes for it.
        let text = memfd_create("yang", MemfdFlags::CLOEXEC).map_err(io::Error::from)?;
        let mut text = File::from(text);
        data.print_file(text.as_raw_fd(), DataFormat::JSON, flags)?;
        text.rewind()?;
        Ok(io::read_to_string(text)?)
    }
}

impl Models for Schema {
    fn modules(&self) -> Vec<(String, Option<String>)> {
        Self::modules(self)
    }

    fn missing(&self) -> &BTreeMap<String, String> {
        &self.missing
    }

    fn has(&self, schema_path: &str) -> bool {
        self.context.find_path(schema_path).is_ok()
    }

    /// Only what the leaf says itself: a default of its type is not seen.
    fn default_of(&self, path: &Path) -> Option<String> {
        let mut schema_path = String::new();
        for step in &path.0 {
            schema_path.push('/');
            schema_path.push_str(&step.name);
        }
        let node = self.context.find_path(&schema_path).ok()?;
        // Asked for a default that is not there, `yang2` follows a null pointer.
        if !node.has_default() {
            return None;
        }
        node.default_value_canonical().map(str::to_owned)
    }

    /// What it took is freed after that: nine tenths of the time.
    fn check_all(&self, trees: &[Arc<Tree>], tell: &mut dyn FnMut(Result<(), YangError>)) {
        let mut valid = Vec::new();
        let mut each = |tree: &Tree| {
            // Of a tree in slices no more than one is held.
            if valid.len() == trees.len() {
                valid.clear();
            }
            let mut data = convert::from_tree(&self.context, tree)?;
            validate(&mut data)?;
            valid.push(data);
            Ok(())
        };
        tell(trees.iter().try_for_each(|tree| slices::judge(tree, &mut each)));
    }

    fn parse_known_json(&self, json: &str) -> Result<Tree, YangError> {
        match json::read(&self.index, json) {
            Some(tree) => Ok(tree),
            None => self.parse(json, DataParserFlags::empty()),
        }
    }

    fn print_compact_json(&self, tree: &Tree) -> Result<String, YangError> {
        match json::write(&self.index, tree) {
            Some(text) => Ok(text),
            None => self.print(tree, DataPrinterFlags::WITH_SIBLINGS | DataPrinterFlags::SHRINK),
        }
    }
}

fn failed(dir: &FilePath, module: &str, message: String) -> YangError {
    YangError::Load { module: module.to_owned(), dir: dir.to_owned(), message }
}

/// A context that looks for modules in a directory, and among ours.
fn empty(dir: &FilePath) -> Result<Context, YangError> {
    let flags = ContextFlags::NO_YANGLIBRARY | ContextFlags::DISABLE_SEARCHDIR_CWD;
    let mut context = Context::new(flags).map_err(|e| failed(dir, "(none)", e.to_string()))?;
    context.set_searchdir(dir).map_err(|e| failed(dir, "(any)", e.to_string()))?;
    context.set_embedded_modules(&OWN_MODULES);
    Ok(context)
}

/// Why a module can't be loaded. libyang's last error names that module alone: so files that are not there are named, and
/// where all are there, each module that it imports is asked for by itself, for its own error.
fn explain(dir: &FilePath, module: &str, error: &yang2::Error) -> String {
    let own = |name: &str| {
        let key =
            EmbeddedModuleKey::new(OWN.into_iter().find(|own| *own == name)?, None, None, None);
        OWN_MODULES.get(&key).copied()
    };
    let Needs { imports, lacking } = needs(dir, module, own);
    let mut words = vec![error.to_string()];
    for import in imports.iter().rev().filter(|_| lacking.is_empty()) {
        let loaded = empty(dir).map(|mut context| {
            context.load_module(import, None, &[]).err().map(|error| error.to_string())
        });
        words.extend(loaded.ok().flatten().map(|said| format!("{import}: {said}")));
    }
    words.extend(lacking);
    words.dedup();
    words.join("; ")
}

fn validate(data: &mut DataTree<'_>) -> Result<(), YangError> {
    if data.reference().is_some() {
        data.validate(DataValidationFlags::PRESENT | DataValidationFlags::NO_STATE)?;
    }
    Ok(())
}
