//! What a [`Session`] asks of mgmtd and of the daemons behind it: data, and YANG RPCs.

use std::time::Duration;

use super::{
    connection::unexpected,
    error::Error,
    frame::Frame,
    message::{Format, Get, Reply},
    native,
    session::Session,
};

/// State comes from the daemons, which mgmtd waits for.
const GET_DEADLINE: Duration = Duration::from_secs(30);

/// mgmtd itself waits 60 s for the daemon and then says so, which is better than silence.
const RPC_DEADLINE: Duration = Duration::from_secs(65);

impl Session {
    /// Reads data. The answer is one document; `{}` (or nothing, in XML) where there
    /// is no such data.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where the path names nothing in mgmtd's schema.
    pub async fn get(&mut self, get: &Get) -> Result<String, Error> {
        const WHAT: &str = "get";
        let generation = self.generation;
        let reply = self
            .connection
            .request(WHAT, GET_DEADLINE, |id, req_id| {
                Frame::Native(native::get(generation, id, req_id, get))
            })
            .await;
        match reply {
            Ok(Reply::Tree { partial_error: 0, more: false, data }) => Ok(data),
            // Of a list entry that is not there mgmtd says that it can't be found, beside an empty answer.
            Ok(Reply::Tree { more: false, data, .. }) if is_nothing(&data) => Ok(data),
            Ok(other) => {
                self.give_up();
                Err(unexpected(WHAT, &other))
            }
            Err(Error::Refused { request, errno, message, .. }) => {
                Err(Error::Refused { request, path: Some(get.xpath.clone()), errno, message })
            }
            Err(other) => Err(other),
        }
    }

    /// Executes a YANG RPC (RFC 7950 section 7.14) in the daemon that has it. The input
    /// starts with the RPC's own node, and so does the output, in the same format.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where no daemon has this RPC, or with its words. After
    /// [`Error::Timeout`] or [`Error::Closed`] it is unknown whether it was executed.
    pub async fn rpc(&mut self, xpath: &str, format: Format, input: &str) -> Result<String, Error> {
        const WHAT: &str = "execute";
        let frame = |id, req_id| Frame::Native(native::rpc(id, req_id, xpath, format, input));
        match self.connection.request(WHAT, RPC_DEADLINE, frame).await {
            Ok(Reply::Rpc { output }) => Ok(output),
            Ok(other) => {
                self.give_up();
                Err(unexpected(WHAT, &other))
            }
            Err(Error::Refused { request, errno, message, .. }) => {
                Err(Error::Refused { request, path: Some(xpath.to_owned()), errno, message })
            }
            Err(other) => Err(other),
        }
    }
}

/// Whether an answer has no data in it, in either encoding.
pub(crate) fn is_nothing(data: &str) -> bool {
    matches!(data.split_whitespace().take(3).collect::<String>().as_str(), "" | "{}")
}
