//! What the peer asks, one thing after the other, so that what it says comes in the order in which
//! it was said.

use std::sync::Arc;

use imps::ssp::Primitive;
use imps::status::Code;
use tokio::sync::mpsc;

use super::link::Gate;
use super::{inward, provider};
use crate::house::House;

/// A request of the peer's.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) transaction_id: String,
    pub(super) primitive: Primitive,
}

/// Answers what is asked, until the link ends.
pub(super) async fn run(house: Arc<House>, gate: Arc<Gate>, mut requests: mpsc::Receiver<Asked>) {
    while let Some(Asked {
        transaction_id,
        primitive,
    }) = requests.recv().await
    {
        let name = primitive.name();
        let answer = answer(&house, &gate, primitive).await;
        if let Some(outcome) = answer
            .outcome()
            .filter(|outcome| !outcome.code.is_success())
        {
            let why = outcome.description.as_deref().unwrap_or_default();
            tracing::info!(peer = gate.domain, request = name, code = %outcome.code, why, "refused");
        }
        gate.answer(&transaction_id, answer);
    }
}

/// Too much is asked at once.
pub(super) fn busy() -> Primitive {
    Primitive::status(Code::SERVICE_UNAVAILABLE)
}

async fn answer(house: &Arc<House>, gate: &Arc<Gate>, primitive: Primitive) -> Primitive {
    let done = match primitive {
        Primitive::SendMessageRequest(message) if inward::is_of_group(gate, &message) => {
            inward::message(house, gate, message)
        }
        Primitive::InviteRequest(invitation) if provider::is_into_ours(house, &invitation) => {
            provider::invite(house, gate, invitation).await
        }
        Primitive::InviteRequest(invitation) => inward::invite(house, gate, invitation).await,
        Primitive::CancelInviteRequest(cancel) => match inward::cancel(house, gate, &cancel) {
            Err(refused) if refused.code == Code::INVALID_INVITATION => {
                provider::cancel_invite(house, gate, cancel).await
            }
            done => done,
        },
        Primitive::InviteResponse(said) => provider::invitation_answered(house, gate, said).await,
        Primitive::GroupChangeNotice(notice) => inward::notice(house, gate, notice),
        Primitive::LeaveGroupIndication(told) => inward::put_out(house, gate, told),
        Primitive::DeliveryStatusReport(report) => inward::report(house, gate, report),
        Primitive::ExtendConversationResponse(told) => inward::extended(house, gate, told),
        Primitive::PresenceNotification(told) => inward::presence(house, gate, told),
        request => provider::carry_out(house, gate, request).await,
    };
    done.unwrap_or_else(|refused| Primitive::Status(refused.outcome()))
}
