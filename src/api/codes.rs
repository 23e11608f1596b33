//! The one table from what went wrong to gRPC status codes.

use tonic::{Code, Status};

use crate::{
    commit::CommitError,
    model::FieldErrors,
    policy::{Violation, ViolationKind},
};

/// Longest message of a status in bytes. It travels in a header, and clients (grpcio
/// among them) refuse more than 8 KiB of headers.
const MAX_MESSAGE: usize = 4096;

/// The code of a broken rule.
fn violation_code(kind: ViolationKind) -> Code {
    match kind {
        ViolationKind::PrefixType
        | ViolationKind::AllowedCidrs
        | ViolationKind::NotOwner
        | ViolationKind::MayNotConfigureBgp => Code::PermissionDenied,
        ViolationKind::PrefixConflict | ViolationKind::ClaimConflict => Code::AlreadyExists,
        ViolationKind::BgpNotConfigured | ViolationKind::BfdProfileNeeded => {
            Code::FailedPrecondition
        }
        ViolationKind::PeerType => Code::InvalidArgument,
        ViolationKind::NotFound => Code::NotFound,
        ViolationKind::Quota => Code::ResourceExhausted,
    }
}

/// The code of a request that changed nothing; with several violations, that of the first.
fn commit_code(error: &CommitError) -> Code {
    match error {
        CommitError::Policy(violations) => {
            let first = violations.first().map(|Violation { kind, .. }| *kind);
            first.map_or(Code::Internal, violation_code)
        }
        CommitError::Refused { .. } => Code::Aborted,
        CommitError::NotUndone { .. } => Code::Internal,
        CommitError::NoSuchTransaction { .. } => Code::NotFound,
        CommitError::NotYours { .. } | CommitError::MayNotTakeOver { .. } => Code::PermissionDenied,
        CommitError::ChangedSince { .. } | CommitError::NoPassword { .. } => {
            Code::FailedPrecondition
        }
        CommitError::Busy { .. } | CommitError::NotDurable { .. } => Code::ResourceExhausted,
        CommitError::Stopped => Code::Unavailable,
    }
}

/// The answer to a request that changed nothing.
pub(super) fn refused(error: &CommitError) -> Status {
    Status::new(commit_code(error), bounded(error.to_string()))
}

/// The answer to a request with wrong fields.
pub(super) fn invalid(errors: &FieldErrors) -> Status {
    Status::invalid_argument(bounded(errors.to_string()))
}

/// The answer where a configuration can't be put in force.
pub(super) fn not_in_force(message: String) -> Status {
    Status::failed_precondition(bounded(message))
}

/// Cuts a message that no header has room for, at a character's end.
fn bounded(message: String) -> String {
    if message.len() <= MAX_MESSAGE {
        return message;
    }
    let mut cut = MAX_MESSAGE;
    while !message.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{} ... ({} bytes more)", &message[..cut], message.len() - cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::IntentKey;

    fn policy(kinds: &[ViolationKind]) -> CommitError {
        let violation = |kind: &ViolationKind| Violation {
            kind: *kind,
            key: IntentKey::Bgp,
            existing_owner: None,
            message: "no".into(),
            to_caller: None,
        };
        CommitError::Policy(kinds.iter().map(violation).collect())
    }

    #[test]
    fn the_table() {
        use ViolationKind::*;
        let refused_by_frr = CommitError::Refused { message: "% Unknown command".into() };
        let not_undone = CommitError::NotUndone { message: "a".into(), undo: "b".into() };
        for (error, code) in [
            (policy(&[PrefixType]), Code::PermissionDenied),
            (policy(&[AllowedCidrs]), Code::PermissionDenied),
            (policy(&[NotOwner]), Code::PermissionDenied),
            (policy(&[MayNotConfigureBgp]), Code::PermissionDenied),
            (policy(&[PrefixConflict]), Code::AlreadyExists),
            (policy(&[ClaimConflict]), Code::AlreadyExists),
            (policy(&[BgpNotConfigured]), Code::FailedPrecondition),
            (policy(&[PeerType]), Code::InvalidArgument),
            (policy(&[NotFound]), Code::NotFound),
            (policy(&[Quota]), Code::ResourceExhausted),
            (policy(&[NotFound, PrefixType]), Code::NotFound),
            (refused_by_frr, Code::Aborted),
            (not_undone, Code::Internal),
            (CommitError::Busy { waiting: 1 }, Code::ResourceExhausted),
            (CommitError::Stopped, Code::Unavailable),
        ] {
            let status = refused(&error);
            assert_eq!(status.code(), code, "{error}");
            assert_eq!(status.message(), error.to_string());
        }
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let long = refused(&CommitError::Refused { message: "ü".repeat(5000) });
        assert!(long.message().len() < MAX_MESSAGE + 64);
        assert!(long.message().ends_with("bytes more)"));
    }
}
