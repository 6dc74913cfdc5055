//! Speaking in a group.

use imps::csp::{ContentData, Group, MessageInfo, Outcome, Recipient, SendMessageResponse, Sender};
use imps::status::Code;
use room::{Nick, Refusal};
use tokio::sync::oneshot;

use super::super::Refused;
use super::super::desk::Turn;
use super::super::mail::date;
use super::super::session::Seat;
use super::super::user::group_uri;
use crate::rooms::Order;
use crate::rooms::handset::{Order as HandsetOrder, Speak};

/// SendMessage-Request to a group, or to one in it.
pub(in crate::imps) async fn speak(
    turn: &Turn<'_>,
    info: &MessageInfo,
    content: ContentData,
    group: &Group,
    report: bool,
) -> Result<SendMessageResponse, Refused> {
    let (named, to) = match group {
        Group::Id(group) => (group.as_str(), None),
        Group::ScreenName(name) => (name.group.as_str(), Some(Nick::new(&name.name))),
    };
    // The group of a screen name may be left to that of the sender.
    let named = match (named, &info.sender) {
        ("", Some(Sender::Group(Group::ScreenName(own)))) => own.group.as_str(),
        (named, _) => named,
    };
    if named.trim().is_empty() {
        return Err(Code::MISSING_GROUP.into());
    }
    let uri = group_uri(turn.house, named)?;
    // IMPS-9.1.11-S27: what is said to the group is said by one who is in it.
    let Some(Seat { leg, room }) = turn.session.seat(&uri) else {
        super::find(turn.house, &uri).await?;
        return Err(Code::NOT_JOINED.into());
    };
    let id = turn.house.rng().token(80);
    let size = u32::try_from(content.as_bytes().len()).unwrap_or(u32::MAX);
    let info = MessageInfo {
        id: Some(id.clone()),
        content_type: info.content_type.clone(),
        content_encoding: content.encoding().map(str::to_owned),
        content_size: size,
        content_name: info.content_name.clone(),
        recipient: Recipient::default(),
        date: date(turn.house.unix_ms()),
        font: info.font.clone(),
        validity_s: info.validity_s,
        ..MessageInfo::default()
    };
    let (answer, answered) = oneshot::channel();
    let speak = Speak {
        leg,
        to,
        info,
        content,
        report,
        answer,
    };
    room.tell(Order::Handset(HandsetOrder::Speak(Box::new(speak))));
    answered.await.unwrap_or(Err(Refusal::Closed))?;
    Ok(SendMessageResponse {
        outcome: Outcome::new(Code::SUCCESSFUL),
        message: Some(id),
    })
}
