//! The four machines under two roofs: requests received, requests sent.

use std::time::Instant;

use bytes::Bytes;

use super::client_invite::{ClientInvite, Lapse, Reaction};
use super::client_other::ClientOther;
use super::kept::Tails;
use super::server_invite::ServerInvite;
use super::server_other::ServerOther;
use super::{Output, Timers};
use crate::Response;

/// A request received.
#[derive(Debug)]
pub(super) enum Server<F> {
    Invite(ServerInvite<F>),
    Other(ServerOther<F>),
}

/// A request sent.
#[derive(Debug)]
pub(super) enum Client<F> {
    /// A CANCEL of the layer's own: nobody is told what becomes of it.
    Cancel(ClientOther<F>),
    Invite(ClientInvite<F>),
    Other(ClientOther<F>),
}

impl<F: Clone> Server<F> {
    pub(super) fn repeated(&self, flow: F, out: &mut Vec<Output<F>>) {
        match self {
            Self::Invite(invite) => invite.repeated(flow, out),
            Self::Other(other) => other.repeated(flow, out),
        }
    }

    pub(super) fn respond(
        &mut self,
        status: u16,
        response: Bytes,
        now: Instant,
        timers: &Timers,
        tails: &mut Tails,
        out: &mut Vec<Output<F>>,
    ) -> bool {
        match self {
            Self::Invite(invite) => invite.respond(status, response, now, timers, out),
            Self::Other(other) => other.respond(status, response, now, timers, tails, out),
        }
    }

    pub(super) fn acknowledged(&mut self, now: Instant, timers: &Timers) -> bool {
        match self {
            Self::Invite(invite) => invite.acknowledged(now, timers),
            Self::Other(_) => true,
        }
    }

    pub(super) fn cancelled(&mut self) -> bool {
        match self {
            Self::Invite(invite) => invite.cancelled(),
            Self::Other(_) => false,
        }
    }

    pub(super) fn last_response(&self) -> Option<Bytes> {
        match self {
            Self::Invite(invite) => invite.last_response(),
            Self::Other(_) => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(invite) => invite.deadline(),
            Self::Other(other) => other.deadline(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Invite(invite) => invite.is_over(),
            Self::Other(other) => other.is_over(),
        }
    }

    pub(super) fn kept(&self) -> usize {
        match self {
            Self::Invite(invite) => invite.kept(),
            Self::Other(other) => other.kept(),
        }
    }
}

impl<F: Clone> Client<F> {
    pub(super) fn response(
        &mut self,
        response: &Response,
        now: Instant,
        timers: &Timers,
        out: &mut Vec<Output<F>>,
    ) -> Reaction<F> {
        match self {
            Self::Invite(invite) => invite.response(response, now, timers, out),
            Self::Other(other) => Reaction {
                pass: other.response(response.status(), now, timers),
                cancel: None,
            },
            Self::Cancel(cancel) => {
                cancel.response(response.status(), now, timers);
                Reaction {
                    pass: false,
                    cancel: None,
                }
            }
        }
    }

    pub(super) fn timeout(
        &mut self,
        now: Instant,
        timers: &Timers,
        out: &mut Vec<Output<F>>,
    ) -> Lapse<F> {
        match self {
            Self::Invite(invite) => invite.timeout(now, timers, out),
            Self::Other(other) => match other.timeout(now, timers, out) {
                true => Lapse::Failed,
                false => Lapse::Nothing,
            },
            Self::Cancel(cancel) => {
                cancel.timeout(now, timers, out);
                Lapse::Nothing
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(invite) => invite.deadline(),
            Self::Cancel(other) | Self::Other(other) => other.deadline(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Invite(invite) => invite.is_over(),
            Self::Cancel(other) | Self::Other(other) => other.is_over(),
        }
    }

    /// The flow, while a final response is awaited.
    pub(super) fn awaiting(&self) -> Option<&F> {
        match self {
            Self::Invite(invite) => invite.awaiting(),
            Self::Cancel(other) | Self::Other(other) => other.awaiting(),
        }
    }
}
