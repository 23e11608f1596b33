//! What this FRR is: its version and the YANG modules mgmtd has.

use std::{collections::BTreeMap, io, path::Path, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

use super::path::Namespaces;
use crate::frr::frontend::{Content, Datastore, Defaults, Error, Format, Get, Session};

/// `show version` costs the daemon nothing.
const VERSION_DEADLINE: Duration = Duration::from_secs(2);

/// An answer to `show version` has a few lines; more is not one.
const VERSION_MAX: u64 = 64 * 1024;

/// A module that mgmtd implements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) name: String,
    /// Empty where it is not known: mgmtd does not tell, the module's file does.
    pub(super) organization: String,
    pub(super) revision: String,
}

/// Implemented modules, and the namespaces of all.
#[derive(Debug, Default)]
pub(super) struct Modules {
    pub(super) implemented: Vec<Module>,
    pub(super) namespaces: Namespaces,
}

/// RFC 8525, the part of it that is of use here.
#[derive(Debug, Deserialize)]
struct Document {
    #[serde(rename = "ietf-yang-library:yang-library")]
    library: Library,
}

#[derive(Debug, Deserialize)]
struct Library {
    #[serde(rename = "module-set", default)]
    sets: Vec<ModuleSet>,
}

#[derive(Debug, Deserialize)]
struct ModuleSet {
    #[serde(default)]
    module: Vec<Entry>,
    #[serde(rename = "import-only-module", default)]
    import_only: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    revision: String,
    namespace: String,
}

/// Asks mgmtd for its YANG library.
pub(super) async fn modules(session: &mut Session) -> Result<Modules, Error> {
    let library = session
        .get(&Get {
            xpath: "/ietf-yang-library:yang-library".into(),
            datastore: Datastore::Operational,
            content: Content::State,
            defaults: Defaults::Explicit,
            format: Format::Json,
            exact: false,
        })
        .await?;
    read(&library)
        .map_err(|error| Error::Unexpected { request: "yang library", got: error.to_string() })
}

fn read(library: &str) -> Result<Modules, serde_json::Error> {
    let document: Document = serde_json::from_str(library)?;
    let mut modules = Modules::default();
    let mut seen = BTreeMap::new();
    for set in document.library.sets {
        for entry in set.import_only {
            modules.namespaces.insert(entry.name, entry.namespace);
        }
        for entry in set.module {
            modules.namespaces.insert(entry.name.clone(), entry.namespace);
            seen.insert(entry.name, entry.revision);
        }
    }
    modules.implemented = seen
        .into_iter()
        .map(|(name, revision)| Module { name, revision, ..Module::default() })
        .collect();
    Ok(modules)
}

/// Asks a daemon's VTY for the version of FRR, "10.3".
///
/// Not mgmtd's own VTY: in 10.3, hanging up there resets the candidate that a client
/// may be editing.
pub(super) async fn version(vty: &Path) -> io::Result<String> {
    let ask = async {
        let mut stream = UnixStream::connect(vty).await?;
        stream.write_all(b"show version\0").await?;
        let mut answer = Vec::new();
        let mut limited = stream.take(VERSION_MAX);
        // Ends with three NUL and the return code.
        while !matches!(answer.last_chunk::<4>(), Some([0, 0, 0, _])) {
            if limited.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let text = String::from_utf8_lossy(&answer);
        text.strip_prefix("FRRouting ")
            .and_then(|rest| rest.split_whitespace().next())
            .map(str::to_owned)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no version in the answer"))
    };
    timeout(VERSION_DEADLINE, ask).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yang_library_is_read() {
        let modules = read(
            r#"{"ietf-yang-library:yang-library":{"module-set":[{"name":"complete",
            "module":[{"name":"frr-vrf","revision":"2019-12-06","namespace":"urn:v","location":["x"]}],
            "import-only-module":[{"name":"ietf-inet-types","revision":"2013-07-15","namespace":"urn:i"}]}]}}"#,
        )
        .unwrap();
        assert_eq!(
            modules.implemented,
            [Module { name: "frr-vrf".into(), revision: "2019-12-06".into(), ..Module::default() }]
        );
        assert_eq!(modules.namespaces["ietf-inet-types"], "urn:i");
        assert!(read("{}").is_err());
    }
}
