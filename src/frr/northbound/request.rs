//! Edits of a tree → what a northbound is asked.

use super::Edits;
use crate::{
    tree::{Edit, Tree, apply},
    yang::{Yang, YangError},
};

/// The edits as a northbound takes them.
///
/// # Errors
/// A node that the models don't know, in libyang's words.
pub async fn request(edits: &[Edit], yang: &Yang) -> Result<Edits, YangError> {
    let delete: Vec<String> =
        edits.iter().filter(|edit| edit.new.is_none()).map(|edit| edit.path.to_string()).collect();
    let mut merge = Tree::new();
    apply(&mut merge, edits.iter().filter(|edit| edit.new.is_some()));
    if merge.is_empty() {
        return Ok(Edits { delete, merge: None });
    }
    let merge = Some(yang.print_compact_json(merge).await?);
    Ok(Edits { delete, merge })
}
