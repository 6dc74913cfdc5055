//! Passing a message on that waits: it goes to others, from whoever passes it on.

use imps::csp::{ForwardMessageRequest, ForwardMessageResponse, MessageInfo, Status};
use imps::status::Code;
use imps::{Primitive, Version};

use super::super::Refused;
use super::super::desk::Turn;
use super::fetch::{find, forget};
use super::report::settle;
use super::send::{check_sender, submit};

/// ForwardMessage-Request.
pub(in crate::imps) async fn forward(
    turn: &Turn<'_>,
    request: ForwardMessageRequest,
) -> Result<Primitive, Refused> {
    check_sender(turn, request.sender.as_ref())?;
    let letter = find(turn, &request.message).await?;
    let info = MessageInfo {
        recipient: request.recipient,
        content_type: letter.info.content_type.clone(),
        content_name: letter.info.content_name.clone(),
        font: letter.info.font.clone(),
        ..MessageInfo::default()
    };
    let submitted = submit(turn, &info, letter.content.clone(), false).await?;
    // With the others first: a crash in between leaves it in two places, and never in none.
    let own = &turn.session.user.address;
    settle(turn.house, own, letter.id(), Code::MESSAGE_FORWARDED).await;
    forget(turn, letter.id());
    let outcome = submitted.outcome;
    // The newer answer has no room for whom it did not reach.
    if turn.session.version == Version::V1_3 && outcome.details.is_empty() {
        let message = submitted.message;
        return Ok(ForwardMessageResponse { message }.into());
    }
    Ok(Status::from(outcome).into())
}
