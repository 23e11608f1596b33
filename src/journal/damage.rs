//! A damaged file is kept: nothing of it is overwritten, and it is said for as long as it is there.

use std::{io, path::Path};

use super::{
    disk::Disk,
    replay::{self, Damage},
};

/// How names of files that are kept begin; a number follows.
const KEPT: &str = "journal.damaged-";

/// Places of damage that are named.
const NAMED: usize = 4;

/// Gives the file another name that stays, and returns it. One that is kept already, with the same bytes, is not kept twice.
///
/// # Errors
/// The disk refused: the file must not be overwritten.
pub(super) fn set_aside(disk: &mut dyn Disk, file: &str, bytes: &[u8]) -> io::Result<String> {
    let names = disk.names()?;
    for name in names.iter().filter(|name| name.starts_with(KEPT)) {
        if disk.read(name)?.as_deref() == Some(bytes) {
            disk.sync()?;
            return Ok(name.clone());
        }
    }
    let free = |number: &u32| !names.contains(&format!("{KEPT}{number}"));
    let number = (1..).find(free).unwrap_or(u32::MAX);
    let name = format!("{KEPT}{number}");
    if disk.link(file, &name).is_err() {
        // A file system without second names, perhaps.
        let copied = disk.open(&name, true).and_then(|mut copy| {
            copy.write(0, bytes)?;
            copy.sync()
        });
        if let Err(error) = copied {
            let _ = disk.remove(&name);
            return Err(error);
        }
    }
    disk.sync()?;
    Ok(name)
}

/// The files that are kept, each with what is lost of it. What is `known` of one is not read again.
///
/// # Errors
/// The directory can't be read.
pub(super) fn kept(
    disk: &mut dyn Disk,
    dir: &Path,
    known: &[(String, String)],
) -> io::Result<Vec<(String, String)>> {
    let mut names = disk.names()?;
    names.retain(|name| name.starts_with(KEPT));
    names.sort_unstable();
    let mut kept = Vec::new();
    for name in names {
        let what = match known.iter().find(|(of, _)| *of == name) {
            Some((_, what)) => what.clone(),
            None => {
                let bytes = disk.read(&name)?.unwrap_or_default();
                let damage = replay::replay(&bytes).map(|replayed| replayed.damage);
                say(&dir.join(&name), &damage.unwrap_or_default())
            }
        };
        kept.push((name, what));
    }
    Ok(kept)
}

/// What is lost of a file, in one line.
pub(super) fn say(path: &Path, damage: &[Damage]) -> String {
    let place =
        |Damage { at, length, what }: &Damage| format!("offset {at}, {length} bytes: {what}");
    let mut places: Vec<_> = damage.iter().take(NAMED).map(place).collect();
    if damage.len() > NAMED {
        places.push(format!("and {} places more", damage.len() - NAMED));
    }
    format!(
        "{} was damaged, and what stood there is lost ({}); declare it anew, then move the file away",
        path.display(),
        places.join("; ")
    )
}
