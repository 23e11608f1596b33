//! What a daemon says on its VTY of the modules that it implements. Pure.

use super::Revisions;

/// Reads `show yang module`: `frr-filter  1.1  2019-07-04  I  http://…`. Modules that are only there
/// because others import types of them have no `I` and are left out.
pub fn announced(text: &str) -> Revisions {
    let module = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [name, _, revision, flags, _] = columns[..] else { return None };
        let is_date = revision.len() == 10 && revision.starts_with(|c: char| c.is_ascii_digit());
        (is_date && flags.contains('I')).then(|| (name.to_owned(), revision.to_owned()))
    };
    text.lines().filter_map(module).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implemented_modules_are_read() {
        // Of bgpd 10.3, cut.
        let text = " Flags: I - Implemented, D - Deviated\n\n \
            Module                   Version  Revision    Flags  Namespace\n \
            ---------------------------------------------------------------\n \
            ietf-inet-types          1.0      2013-07-15         urn:ietf:inet\n \
            frr-filter               1.1      2019-07-04  I      http://frrouting.org/yang/filter\n \
            frr-vrf                  1.1      2019-12-06  ID     http://frrouting.org/yang/vrf\n";
        let read: Vec<_> = announced(text).into_iter().collect();
        let expected = [("frr-filter", "2019-07-04"), ("frr-vrf", "2019-12-06")];
        assert_eq!(read, expected.map(|(name, revision)| (name.into(), revision.into())));
    }
}
