//! Locks and commits as FRR up to 10.3 wants them: protobuf. Pure.
//!
//! Never send one of these with a session that mgmtd does not know: 10.3 looks the
//! session up and uses the result unseen.

use bytes::Bytes;
use prost::Message as _;

use super::{
    error::MessageError,
    message::{Action, Datastore, Message, Reply},
};
use crate::proto::mgmtd::{
    DatastoreId, FeCommitConfigReq, FeLockDsReq, FeMessage, fe_message::Message as Body,
};

fn number(datastore: Datastore) -> i32 {
    let id = match datastore {
        Datastore::Running => DatastoreId::RunningDs,
        Datastore::Candidate => DatastoreId::CandidateDs,
        Datastore::Operational => DatastoreId::OperationalDs,
    };
    i32::from(id)
}

fn encode(body: Body) -> Bytes {
    FeMessage {
        message: Some(body),
    }
    .encode_to_vec()
    .into()
}

pub(super) fn lock(session: u64, req_id: u64, datastore: Datastore, lock: bool) -> Bytes {
    encode(Body::LockdsReq(FeLockDsReq {
        session_id: session,
        req_id,
        ds_id: number(datastore),
        lock,
    }))
}

pub(super) fn commit(session: u64, req_id: u64, action: Action) -> Bytes {
    encode(Body::CommcfgReq(FeCommitConfigReq {
        session_id: session,
        src_ds_id: number(Datastore::Candidate),
        dst_ds_id: number(Datastore::Running),
        req_id,
        validate_only: action == Action::Validate,
        abort: action == Action::Abort,
    }))
}

pub(super) fn parse(body: &[u8]) -> Result<Message, MessageError> {
    let refused = |message: Option<String>| Reply::Error {
        errno: None,
        message: message.unwrap_or_default(),
    };
    Ok(match FeMessage::decode(body)?.message {
        Some(Body::LockdsReply(reply)) => Message {
            session: reply.session_id,
            req_id: reply.req_id,
            reply: if reply.success {
                Reply::Lock
            } else {
                refused(reply.error_if_any)
            },
        },
        Some(Body::CommcfgReply(reply)) => Message {
            session: reply.session_id,
            req_id: reply.req_id,
            reply: if reply.success {
                Reply::Commit {
                    info: reply.error_if_any,
                }
            } else {
                refused(reply.error_if_any)
            },
        },
        // Requests, and messages of mgmtd that this client never asks for.
        _ => Message {
            session: 0,
            req_id: 0,
            reply: Reply::Other(0),
        },
    })
}
