//! What goes into and comes out of the transaction layer.

use bytes::Bytes;

use super::table::Place;
use crate::{Method, Request, Response};

/// Names a request that came in, until it is over.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerId(pub(super) Place);

/// Names a request that was sent, until it is over.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(pub(super) Place);

/// Bytes to send, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Output<F> {
    /// Where to.
    pub flow: F,
    /// One whole message.
    pub bytes: Bytes,
}

/// A request to send.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// Its method, as in its start line.
    pub method: Method,
    /// The branch of its topmost Via: with the cookie, and never used before.
    pub branch: &'a str,
    /// The whole message.
    pub bytes: Bytes,
}

/// What the transaction user is told.
#[derive(Clone, Debug)]
pub enum Event<F> {
    /// An ACK to a 2xx. It belongs to a dialog, not to a transaction.
    Ack {
        /// The ACK.
        request: Request,
        /// Where it came from.
        flow: F,
    },
    /// An INVITE is no longer wanted. The CANCEL has been answered with 200; the INVITE is to be
    /// answered with 487, unless a final response is under way.
    Cancelled {
        /// The INVITE.
        id: ServerId,
        /// The CANCEL, which may say why in a Reason header.
        request: Request,
    },
    /// No final response will come. The transaction is over.
    Failed {
        /// The request.
        id: ClientId,
        /// What happened.
        why: Failure,
    },
    /// A request that no transaction could be made for, since there are too many. It is to be
    /// answered with 503, without a transaction.
    Overload {
        /// The request.
        request: Request,
        /// Where it came from.
        flow: F,
    },
    /// A new request, to be answered with [`super::Transactions::respond`].
    Request {
        /// Its name from now on.
        id: ServerId,
        /// The request.
        request: Request,
        /// Where it came from.
        flow: F,
    },
    /// A response to a request of ours: every provisional one, the first final one, and of an
    /// INVITE every 2xx, of which each (and each repetition) wants an ACK.
    Response {
        /// The request.
        id: ClientId,
        /// The response.
        response: Response,
    },
    /// A response to nothing. It has been counted; there is nothing to do (RFC 6026 section 7.2).
    Stray {
        /// The response.
        response: Response,
        /// Where it came from.
        flow: F,
    },
    /// The peer did not acknowledge our refusal of its INVITE (timer H). The transaction is over.
    Unacknowledged {
        /// The INVITE.
        id: ServerId,
    },
}

/// Why no final response came. For the user both are as good as a response: RFC 3261 section
/// 8.1.3.1 makes them 408 and 503.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Failure {
    /// Nobody answered in time.
    Timeout,
    /// The request could not be sent, or its flow is gone.
    Transport,
}

impl Failure {
    /// The status to treat the failure as (RFC 3261 section 8.1.3.1).
    pub const fn status(self) -> u16 {
        match self {
            Self::Timeout => 408,
            Self::Transport => 503,
        }
    }
}

/// How many transactions there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Census {
    /// INVITEs sent.
    pub invite_clients: Count,
    /// INVITEs received.
    pub invite_servers: Count,
    /// Other requests sent, CANCELs among them.
    pub other_clients: Count,
    /// Other requests received.
    pub other_servers: Count,
    /// Responses without a transaction, since the beginning.
    pub strays: u64,
    /// Requests without a Via that can be read, dropped since the beginning: nobody knows where
    /// to answer them.
    pub unreadable: u64,
}

/// Transactions of one kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// Without a final response.
    pub active: usize,
    /// With one, waiting for what may be repeated.
    pub finished: usize,
}

impl Count {
    pub(super) const fn add(&mut self, finished: bool) {
        if finished {
            self.finished += 1;
        } else {
            self.active += 1;
        }
    }
}
