//! Configurations read from mgmtd as a whole, and printed another way than they are kept.

use super::{
    ROUNDS,
    locks::{self, Held},
    replace,
};
use crate::frr::frontend::{
    Action, Content, Datastore, Defaults, Edit, Error, Format, Get, Session,
};

/// How a configuration is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) format: Format,
    pub(super) defaults: Defaults,
}

impl Print {
    /// In which configurations are kept: mgmtd adds the defaults that were not set when it
    /// validates, so they could not be had later.
    pub(super) const KEPT: Self = Self { format: Format::Json, defaults: Defaults::All };

    /// What was set.
    pub(super) const PLAIN: Self = Self { format: Format::Json, defaults: Defaults::Trim };
}

/// Prints a kept configuration another way: mgmtd has the schema, so its candidate is
/// made that configuration, read, and made clean again.
pub(super) async fn print(
    session: &mut Session,
    kept: &str,
    how: Print,
    held: Held,
) -> Result<String, Error> {
    locks::take(session, held).await?;
    let printed = printed(session, kept, how).await;
    locks::leave(session, false, held).await;
    printed
}

async fn printed(session: &mut Session, kept: &str, how: Print) -> Result<String, Error> {
    let wanted = parse(kept)?;
    for _ in 0..ROUNDS {
        session.commit(Action::Abort).await?;
        let mut edits = replace::all(&get_running(session).await?)?;
        edits.push(Edit::merge(Format::Json, kept));
        session.edit(&edits).await?;
        let printed = get_all(session, Datastore::Candidate, how).await?;
        // 10.3 may have made the candidate a copy of running; it never comes back from that
        // by itself, so what is right after the reading was right during it.
        let now = get_all(session, Datastore::Candidate, Print::KEPT).await?;
        if parse(&now)? == wanted {
            return Ok(printed);
        }
    }
    Err(Error::Unexpected {
        request: "print",
        got: "a candidate that does not become the kept configuration".into(),
    })
}

/// What runs, without defaults.
pub(super) async fn get_running(session: &mut Session) -> Result<String, Error> {
    get_all(session, Datastore::Running, Print::PLAIN).await
}

pub(super) async fn get_all(
    session: &mut Session,
    datastore: Datastore,
    how: Print,
) -> Result<String, Error> {
    session
        .get(&Get {
            xpath: "/*".into(),
            datastore,
            content: Content::Config,
            defaults: how.defaults,
            format: how.format,
            exact: false,
        })
        .await
}

pub(super) fn parse(json: &str) -> Result<serde_json::Value, Error> {
    serde_json::from_str(json)
        .map_err(|error| Error::Unexpected { request: "get", got: error.to_string() })
}
