//! One table from what mgmtd said to the status codes of `frr.Northbound`. Pure.

use std::error::Error as _;

use tonic::{Code, Status};

use crate::frr::frontend::Error;

/// "No such file or directory".
const ENOENT: i32 = 2;
/// "Invalid argument".
const EINVAL: i32 = 22;
/// "Cannot allocate memory".
const ENOMEM: i32 = 12;
/// "Device or resource busy".
const EBUSY: i32 = 16;

/// mgmtd's words where a daemon ended in the middle of a commit (`mgmtd/mgmt_txn.c`): no word of that daemon about the data.
const BACKEND_WENT: &str = "Backend daemon disconnected";

/// The status for a failed request.
///
/// | what | code |
/// |---|---|
/// | locked by another session | UNAVAILABLE |
/// | mgmtd or a daemon refused the data | INVALID_ARGUMENT |
/// | mgmtd has no memory | RESOURCE_EXHAUSTED |
/// | mgmtd is not there, or went before anything was applied | UNAVAILABLE |
/// | no daemon has the YANG RPC, or its input is wrong | INVALID_ARGUMENT |
/// | mgmtd, or a daemon, went while it applied or executed: the outcome is not known | UNKNOWN |
/// | mgmtd did not answer in time | DEADLINE_EXCEEDED |
/// | a message too large for mgmtd | RESOURCE_EXHAUSTED |
/// | anything else | INTERNAL |
pub(super) fn status(error: &Error) -> Status {
    use crate::frr::frontend::FrameError;
    let code = match error {
        Error::Locked { .. } | Error::Connect { .. } => Code::Unavailable,
        Error::Refused { errno: Some(ENOMEM), .. } => Code::ResourceExhausted,
        Error::Refused { errno: Some(EBUSY), .. } => Code::Unavailable,
        Error::Refused { request: "apply", message, .. } if message.contains(BACKEND_WENT) => {
            Code::Unknown
        }
        Error::Refused { message, .. } if message.contains(BACKEND_WENT) => Code::Unavailable,
        Error::Refused { request: "edit" | "validate" | "apply" | "get", .. } => {
            Code::InvalidArgument
        }
        // No such RPC, its input is wrong, or the daemon does not do it.
        Error::Refused { request: "execute", errno: Some(ENOENT | EINVAL), .. } => {
            Code::InvalidArgument
        }
        Error::Closed { request: "apply" | "execute" } => Code::Unknown,
        Error::Closed { .. } => Code::Unavailable,
        Error::Timeout { .. } => Code::DeadlineExceeded,
        Error::Frame(FrameError::Length { .. }) => Code::ResourceExhausted,
        Error::Frame(FrameError::Io(_)) => Code::Unavailable,
        Error::Refused { .. }
        | Error::Unexpected { .. }
        | Error::Frame(_)
        | Error::Message(_)
        | Error::TransactionOpen => Code::Internal,
    };
    let mut message = match error {
        Error::Refused { path: Some(path), message, .. } => format!("{path}: {}", message.trim()),
        Error::Refused { message, .. } => message.trim().to_owned(),
        other => other.to_string(),
    };
    if let Some(source) = error.source() {
        message = format!("{message}: {source}");
    }
    Status::new(code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frr_words_reach_the_client_and_the_code_tells_what_to_do() {
        let refused = |request, errno, path: Option<&str>| Error::Refused {
            request,
            path: path.map(Into::into),
            errno,
            message: "Data missing\n".into(),
        };
        let of = |error: &Error| (status(error).code(), status(error).message().to_owned());
        assert_eq!(
            of(&refused("edit", Some(2), Some("/a:b"))),
            (Code::InvalidArgument, "/a:b: Data missing".into())
        );
        assert_eq!(of(&refused("validate", None, None)).0, Code::InvalidArgument);
        assert_eq!(of(&refused("apply", Some(ENOMEM), None)).0, Code::ResourceExhausted);
        assert_eq!(of(&refused("apply", Some(EBUSY), None)).0, Code::Unavailable);
        assert_eq!(of(&refused("abort", None, None)).0, Code::Internal);
        let went = |request| Error::Refused {
            request,
            path: None,
            errno: None,
            message: "Backend daemon disconnected while processing commit!".into(),
        };
        assert_eq!(of(&went("apply")).0, Code::Unknown);
        assert_eq!(of(&went("validate")).0, Code::Unavailable);
        assert_eq!(of(&Error::Closed { request: "apply" }).0, Code::Unknown);
        assert_eq!(of(&Error::Closed { request: "lock" }).0, Code::Unavailable);
    }
}
