//! Modules import what the table of ARCHITECTURE.md lets them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    files::{backticked, root, text},
    library::Library,
};

/// The table of ARCHITECTURE.md: module → what it may import.
fn may_import() -> BTreeMap<String, BTreeSet<String>> {
    let text = text(&root().join("ARCHITECTURE.md"));
    let rows = text.lines().skip_while(|line| !line.starts_with("| module | owns |")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 3, "a row has three cells: {line}");
            let names = |cell: &str| backticked(cell).into_iter().map(str::to_owned).collect();
            let module: Vec<String> = names(cells[0]);
            (module[0].clone(), names(cells[2]).into_iter().collect())
        })
        .collect()
}

#[test]
fn imports_follow_the_table() {
    let may = may_import();
    let library = Library::read();
    let (mut seen, mut wrong) = (0, Vec::new());
    for (module, it) in library.modules.iter().filter(|(module, _)| !module.is_empty()) {
        let top = &module[0];
        let allowed = may.get(top).unwrap_or_else(|| panic!("{top} is not in the table"));
        for path in library.named_by(module) {
            let Some(import) = path.first().filter(|import| *import != top) else { continue };
            seen += 1;
            if !allowed.contains(import) {
                wrong.push(format!("src/{} imports {import}", it.file));
            }
        }
    }
    assert!(seen > 1000, "imports are found: {seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
