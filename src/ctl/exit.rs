//! Exit codes: one per kind of failure, so that a script knows what to do about it.

use std::fmt::Write;

use tonic::Code;

/// How `novaroutectl` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// None of the other kinds.
    Other = 1,
    /// The command line is wrong; clap's own code too.
    Usage = 2,
    /// Nothing answers on the socket, or it may not be opened.
    CannotConnect = 3,
    /// Unknown owner or wrong token.
    Unauthenticated = 4,
    /// The agent found wrong fields.
    InvalidArgument = 5,
    /// Policy forbids it, or another owner has it.
    Denied = 6,
    /// This owner does not have it.
    NotFound = 7,
    /// Something has to be done first, such as configuring BGP.
    FailedPrecondition = 8,
    /// FRR refused; everything was undone.
    RefusedByFrr = 9,
    /// No answer in time, connection lost, or queue or quota full.
    Unavailable = 10,
}

impl Exit {
    /// Every way to end, in the order of the codes.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Other,
        Self::Usage,
        Self::CannotConnect,
        Self::Unauthenticated,
        Self::InvalidArgument,
        Self::Denied,
        Self::NotFound,
        Self::FailedPrecondition,
        Self::RefusedByFrr,
        Self::Unavailable,
    ];

    /// The process exit code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What the code means, in the words of `--help`.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Other => "any other failure",
            Self::Usage => "wrong usage",
            Self::CannotConnect => "cannot connect to the agent",
            Self::Unauthenticated => "unknown owner or wrong token",
            Self::InvalidArgument => "invalid argument",
            Self::Denied => "denied by policy, or another owner has it",
            Self::NotFound => "not found",
            Self::FailedPrecondition => "something has to be done first (configure-bgp)",
            Self::RefusedByFrr => "refused by FRR; everything was undone",
            Self::Unavailable => "unavailable, timed out, or queue or quota full",
        }
    }

    /// The table of codes that `--help` ends with.
    pub(super) fn help() -> String {
        let mut text = String::from("Exit codes:");
        for exit in Self::ALL {
            // Writing to a String does not fail.
            let _ = write!(text, "\n  {:>2}  {}", exit.code(), exit.meaning());
        }
        text
    }
}

impl From<Code> for Exit {
    fn from(code: Code) -> Self {
        match code {
            Code::Ok => Self::Ok,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::InvalidArgument | Code::OutOfRange => Self::InvalidArgument,
            Code::PermissionDenied | Code::AlreadyExists => Self::Denied,
            Code::NotFound => Self::NotFound,
            Code::FailedPrecondition => Self::FailedPrecondition,
            Code::Aborted => Self::RefusedByFrr,
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Cancelled => Self::Unavailable,
            Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_code_has_its_exit_code() {
        let expected = [
            (Code::Ok, 0),
            (Code::Cancelled, 10),
            (Code::Unknown, 1),
            (Code::InvalidArgument, 5),
            (Code::DeadlineExceeded, 10),
            (Code::NotFound, 7),
            (Code::AlreadyExists, 6),
            (Code::PermissionDenied, 6),
            (Code::ResourceExhausted, 10),
            (Code::FailedPrecondition, 8),
            (Code::Aborted, 9),
            (Code::OutOfRange, 5),
            (Code::Unimplemented, 1),
            (Code::Internal, 1),
            (Code::Unavailable, 10),
            (Code::DataLoss, 1),
            (Code::Unauthenticated, 4),
        ];
        for (index, (code, exit)) in expected.into_iter().enumerate() {
            assert_eq!(code as usize, index, "table is complete and in order");
            assert_eq!(Exit::from(code).code(), exit, "{code:?}");
        }
    }

    #[test]
    fn codes_count_up_from_zero() {
        for (index, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), index);
        }
    }
}
