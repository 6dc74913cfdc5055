//! An INVITE that came in and is not answered yet, as its procedure holds it.

use bytes::Bytes;
use sip::transaction::ServerId;
use sip::{Name, Request};
use tokio::sync::mpsc;

use crate::core::{Answer, Command, Identity, ShardHandle};
use crate::focus::legs::LegCommand;
use crate::house::House;
use crate::net::Flow;

/// An INVITE waiting for its answer.
pub(crate) struct Call {
    pub(crate) id: ServerId,
    pub(crate) request: Request,
    pub(crate) flow: Flow,
    pub(crate) who: Identity,
    /// The tag of every response to it.
    pub(crate) tag: String,
    pub(crate) shard: ShardHandle,
    pub(crate) events: mpsc::UnboundedReceiver<CallEvent>,
}

/// What happens to a call while its procedure waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CallEvent {
    /// The inviter sent CANCEL.
    Cancelled,
    /// The inviter's connection is gone.
    Lost,
}

impl Call {
    /// Sends a provisional response that names the conference.
    pub(crate) fn ringing(&self, house: &House, identity: &str) {
        let mut draft = house
            .replies
            .draft(&self.request, 180, "Ringing", &self.tag);
        draft.header(Name::RecordRoute, house.record_route(&self.flow));
        draft.header(
            Name::Contact,
            format_args!("<{identity}>{}", super::FEATURES),
        );
        draft.header(Name::Allow, super::ALLOW);
        self.send(180, draft.finish());
    }

    /// Sends a final refusal and says why in the log.
    pub(crate) fn refuse(&self, house: &House, answer: &Answer) {
        tracing::info!(from = %self.who.aor, to = self.request.uri(), "refused: {}", answer.explain());
        self.send(
            answer.status,
            house.replies.answer(&self.request, answer, &self.tag),
        );
    }

    /// Sends a response that is written already.
    pub(crate) fn send(&self, status: u16, response: Bytes) {
        let id = self.id;
        self.shard.tell(Command::Leg(LegCommand::Answer {
            id,
            status,
            response,
        }));
    }
}
