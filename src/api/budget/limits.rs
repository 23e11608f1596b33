//! What may be taken, and the answer where that is not enough.

use tonic::Status;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What may be taken, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// By all callers together that never showed a token.
    pub guests: usize,
    /// By all owners together.
    pub owners: usize,
    /// By one request of a caller that never showed a token.
    pub guest_request: usize,
    /// What each byte of a large element of a request can take when it is decoded.
    pub per_byte: usize,
}

impl Limits {
    /// For an agent that may use so much memory: a sixteenth for guests and a quarter for owners. So much is over
    /// when all intents that it takes are brought into FRR.
    pub fn of(memory: Option<u64>) -> Self {
        let memory = memory.and_then(|memory| usize::try_from(memory).ok()).unwrap_or(usize::MAX);
        Self {
            guests: (memory / 16).clamp(4 * MIB, 64 * MIB),
            owners: (memory / 4).clamp(16 * MIB, 512 * MIB),
            // The largest request without a token in it names a few types of events.
            guest_request: 64 * KIB,
            // Two bytes are an empty string in a list, which takes 24.
            per_byte: 12,
        }
    }
}

/// Why a call or connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The budget is used up.
    Memory,
    /// A request did not come to its end in time.
    Deadline,
    /// A request without a token is larger than such may be.
    Size,
    /// An owner has as many connections as it may have.
    Connections,
    /// There are as many event streams as there may be.
    Streams,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Memory, Self::Deadline, Self::Size, Self::Connections, Self::Streams];

    /// As a label of a metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Deadline => "deadline",
            Self::Size => "size",
            Self::Connections => "connections",
            Self::Streams => "streams",
        }
    }

    /// The answer to a call.
    pub(super) fn status(self) -> Status {
        match self {
            Self::Memory => Status::resource_exhausted(
                "too much is under way for this caller: end calls or read their answers, then try again",
            ),
            Self::Deadline => {
                Status::deadline_exceeded("the request did not come to its end in time")
            }
            Self::Size => Status::resource_exhausted(
                "the request is too large for a caller without a token: call Register on this connection first",
            ),
            Self::Connections => Status::resource_exhausted(
                "the owner has too many connections: close some, or use one for several calls",
            ),
            Self::Streams => Status::resource_exhausted("too many event streams: end some"),
        }
    }
}

/// Told of each refusal.
pub type ObserveRefusal = Box<dyn Fn(Refusal) + Send + Sync>;
