//! Texts of the configuration: `${VAR}`, paths, and the files of mounted Secrets. Pure: environment and files are handed in.

use std::path::{Path, PathBuf};

use super::{Surroundings, json::without_mark};
use crate::model::ValueError;

/// Content of the file of a mounted Secret.
pub(super) fn mounted_secret(path: &str, around: &Surroundings<'_>) -> Result<String, ValueError> {
    let path = absolute_path(path)?;
    let text = (around.read_file)(&path)
        .map_err(|error| ValueError::new(format!("can't read {}: {error}", path.display())))?;
    // Editors and `echo` end a file with a newline, and some editors begin it with a byte-order mark.
    Ok(without_mark(&text).trim_end_matches(['\n', '\r']).to_owned())
}

/// Replaces every `${VAR}`. Neither the text nor a value stands in an error: it may be a token.
pub(super) fn expand(text: &str, around: &Surroundings<'_>) -> Result<String, ValueError> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, variable)) = rest.split_once("${") {
        let (name, after) = variable
            .split_once('}')
            .ok_or_else(|| ValueError::new("has a '${' without its '}'"))?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(ValueError::new("has a '${…}' without the name of a variable"));
        }
        let value = (around.env)(name).ok_or_else(|| {
            ValueError::new(format!("the environment variable {name} is not set"))
        })?;
        expanded.push_str(before);
        expanded.push_str(&value);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// A path that does not depend on where the agent was started.
pub(super) fn absolute_path(text: &str) -> Result<PathBuf, ValueError> {
    let path = Path::new(text);
    if !path.is_absolute() || text.contains('\0') {
        return Err(ValueError::new("is not an absolute path"));
    }
    Ok(path.to_owned())
}
