//! The library's files as modules, and what each of them names.

use std::collections::BTreeMap;

use crate::{
    files::{name, sources, text},
    reader::{self, Named, Names},
};

/// The files of the library, by module path, with what each names. Test modules are left out.
pub struct Library {
    pub modules: BTreeMap<Names, Module>,
}

pub struct Module {
    pub file: String,
    pub named: Named,
}

impl Library {
    pub fn read() -> Self {
        let tests = test_modules();
        let is_test = |file: &str| tests.iter().any(|test| file.starts_with(test.as_str()));
        let mut modules = BTreeMap::new();
        for path in sources() {
            let file = name(&path);
            if !file.starts_with("bin/") && !is_test(&file) {
                let named = reader::read(&text(&path));
                modules.insert(module(&file), Module { file, named });
            }
        }
        Self { modules }
    }

    /// The path from the crate's root, of a path that a module names. `None` is outside of the crate.
    pub fn absolute(&self, module: &[String], path: &[String]) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Names::new(),
            "self" => module.to_vec(),
            "super" => {
                let (_, parent) = module.split_last()?;
                if rest.first().is_some_and(|name| name == "super") {
                    return self.absolute(parent, rest);
                }
                parent.to_vec()
            }
            name => {
                let child: Names = module.iter().chain([first]).cloned().collect();
                if self.modules.contains_key(&child) {
                    child
                } else {
                    let uses = &self.modules.get(module)?.named.uses;
                    let used = uses.iter().find(|it| it.alias == name && it.path[0] != name)?;
                    self.absolute(module, &used.path)?
                }
            }
        };
        base.extend(rest.iter().cloned());
        Some(base)
    }

    /// The module that defines what an absolute path names, behind whatever `use` passes it on.
    /// `None` where the path is a module's.
    pub fn definer(&self, path: &[String]) -> Option<&Names> {
        let depth = (0..path.len()).rev().find(|end| self.modules.contains_key(&path[..*end]))?;
        let (module, named) = self.modules.get_key_value(&path[..depth])?;
        let item = path.get(depth)?;
        let passed = named.named.uses.iter().find(|it| it.alias == *item);
        if let Some(passed) = passed {
            let target = self.absolute(module, &passed.path)?;
            if target != path[..=depth] {
                return self.definer(&target);
            }
        }
        (!self.modules.contains_key(path)).then_some(module)
    }

    /// Every path that a module names, from the crate's root.
    pub fn named_by(&self, module: &[String]) -> impl Iterator<Item = Names> {
        let named = self.modules.get(module).map(|it| &it.named);
        let uses = named.into_iter().flat_map(|named| named.uses.iter().map(|it| &it.path));
        let paths = uses.chain(named.into_iter().flat_map(|named| &named.paths));
        paths.filter_map(|path| self.absolute(module, path))
    }
}

/// `a/mod.rs` and `a.rs` are `a`.
fn module(file: &str) -> Names {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|name| *name != "lib").map(str::to_owned).collect()
}

/// The beginnings of the paths of modules that are declared behind `#[cfg(test)]`.
fn test_modules() -> Vec<String> {
    let mut found = Vec::new();
    for path in sources() {
        let text = text(&path);
        for behind in text.split("#[cfg(test)]\n").skip(1) {
            let mut lines = behind.lines().map(str::trim);
            let first = lines.next().unwrap_or_default();
            let renamed =
                first.strip_prefix("#[path = \"").map(|rest| rest.trim_end_matches("\"]"));
            let declared = if renamed.is_some() { lines.next() } else { Some(first) };
            let declared = declared.and_then(|line| line.strip_suffix(';')?.split("mod ").nth(1));
            let Some(declared) = declared else { continue };
            let file = name(&path);
            let directory = match renamed {
                Some(_) => file.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned(),
                None => module(&file).join("/"),
            };
            let below = renamed.map_or(declared.to_owned(), str::to_owned);
            found.push(match below.ends_with(".rs") {
                true => format!("{directory}/{below}"),
                false => format!("{directory}/{below}.rs"),
            });
            found.push(format!("{directory}/{below}/"));
        }
    }
    found
}
