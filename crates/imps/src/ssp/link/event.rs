//! What a link tells its owner.

use bytes::Bytes;

use crate::ssp::{Error, Primitive};
use crate::status::Code;

/// A request that has been made. No two of a link are the same.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ticket(pub(super) u64);

/// A body for one POST to the peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transmit {
    /// The message.
    pub body: Bytes,
    /// For the header `x-wv-transactionid`.
    pub transaction_id: String,
    /// For the header `x-wv-sessionid`: the id under which the peer is addressed. There is none
    /// before there is a session.
    pub session_id: Option<String>,
}

/// What has happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// There is a session: requests can be made.
    Up,
    /// The session has ended, or could not be made.
    Down(Down),
    /// The peer asks something, which is to be answered with [`Link::answer`](super::Link::answer).
    Asked {
        /// The id of its transaction.
        transaction_id: String,
        /// What it asks.
        primitive: Primitive,
    },
    /// The peer has answered.
    Answered {
        /// Which request.
        ticket: Ticket,
        /// The answer.
        primitive: Primitive,
    },
    /// There is no answer, and none will come.
    Failed {
        /// To which request.
        ticket: Ticket,
        /// Why.
        why: Failure,
    },
    /// Something from the peer, or from somebody in its name, was not accepted.
    Refused(Refusal),
    /// The peer wants to be dialed at another address. The link has stopped dialing; whether to do
    /// so there is up to the owner.
    Redirected {
        /// The address, as the peer wrote it.
        address: String,
    },
}

/// Why there is no session, or none any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Down {
    /// The owner has closed the link.
    #[error("closed here")]
    Closed,
    /// The peer has been silent for the time to live.
    #[error("the peer has been silent for too long")]
    Expired,
    /// The handshake was not finished in time.
    #[error("the peer did not finish the handshake in time")]
    HandshakeTimeout,
    /// The peer has logged out.
    #[error("the peer has logged out")]
    PeerLeft,
    /// The peer wants to be dialed elsewhere.
    #[error("the peer wants to be dialed elsewhere")]
    Redirected,
    /// The peer does not let us in.
    #[error("the peer refuses the login: {0}")]
    Refused(Code),
    /// Another session with the same peer has taken its place.
    #[error("a new session has taken its place")]
    Replaced,
    /// The peer does not know our secret.
    #[error("the peer does not know the secret that it has to know")]
    WrongDigest,
    /// The peer has another secret than the one it is known by.
    #[error("the peer's secret is not the one that is configured")]
    WrongSecret,
}

/// Why there is no answer to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The answer cannot be read.
    #[error("the answer cannot be read: {0}")]
    BadAnswer(Error),
    /// None came, however often the request was sent.
    #[error("no answer")]
    NoAnswer,
    /// The session has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The last POST could not be made.
    #[error("the peer cannot be reached")]
    Unreachable,
}

/// Why something that came in was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It names another service than that of the peer.
    #[error("it comes from another service")]
    ForeignService,
    /// It belongs to no session there is. The peer may not know yet that we have restarted; dialing
    /// tells it.
    #[error("it belongs to another session")]
    ForeignSession,
    /// The peer has begun a handshake and not finished it; or it was dialed beside the session
    /// there is, and did not answer.
    #[error("a handshake was not finished in time")]
    HandshakeTimeout,
    /// The peer has more requests under way than are accepted, or the link is being closed; the
    /// request was answered with 503.
    #[error("too many requests are without an answer")]
    TooMany,
    /// An id or a secret is longer than [`MAX_ID`](super::MAX_ID) or
    /// [`MAX_SECRET`](super::MAX_SECRET).
    #[error("an id or a secret is too long")]
    TooLong,
    /// The peer has ended a handshake that it began, or one beside the session there is.
    #[error("the peer has ended a handshake: {0}")]
    TurnedAway(Code),
    /// A step that does not follow, or a part of a handshake that is not under way.
    #[error("a step that does not follow")]
    Unexpected,
    /// A request that cannot be read; it was answered so.
    #[error("a request cannot be read: {0}")]
    Unreadable(Error),
    /// The peer does not know our secret.
    #[error("the peer does not know the secret that it has to know")]
    WrongDigest,
    /// The peer has another secret than the one it is known by, or none.
    #[error("the peer's secret is not the one that is configured")]
    WrongSecret,
}

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent {
    /// As many requests as are allowed are under way.
    #[error("too many requests are without an answer")]
    Busy,
    /// There is no session, or it is being closed. The link keeps nothing for later.
    #[error("there is no session")]
    Down,
}

/// The transaction that was to be answered is none of the session's, or has an answer already.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("nobody waits for this answer")]
pub struct NotAsked;
