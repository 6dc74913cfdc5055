//! What the operator has to say to everybody: told when a session begins, and to all when it is
//! said anew.

use std::sync::Arc;

use imps::csp::{
    ContentData, MessageInfo, Recipient, Sender, Status, SystemMessage, SystemMessageRequest,
    SystemMessageUser, User as CspUser,
};
use imps::status::Code;
use imps::{Primitive, Version};

use super::cir;
use super::desk::Turn;
use super::letter::Letter;
use super::mail::date;
use super::outbox::Item;
use super::session::Session;
use crate::config::Policy;
use crate::house::House;

/// Tells a session what there is to tell, if there is anything.
pub(super) fn tell(house: &House, policy: &Policy, session: &Session) {
    let Some(text) = &policy.imps.notice else {
        return;
    };
    let item = match session.version {
        Version::V1_3 => Item::tell(system_message(house, text)),
        // The older versions know messages of users alone: the service is one.
        Version::V1_1 | Version::V1_2 => {
            Item::Letter(Arc::new(letter(house, text, &session.user.wv())))
        }
    };
    match session.put(item, house.world.clock.now()) {
        Ok(true) => cir::ring(house, session),
        Ok(false) => {}
        Err(_) => tracing::info!(user = %session.user.address, "its outbox is full"),
    }
}

/// The rules are different: if the operator has something new to say, everybody is told.
pub(crate) fn changed(house: &House, before: &Policy, now: &Policy) {
    if before.imps.notice == now.imps.notice {
        return;
    }
    for session in house.imps.sessions.all_sessions() {
        tell(house, now, &session);
    }
}

fn system_message(house: &House, text: &str) -> SystemMessageRequest {
    SystemMessageRequest {
        messages: vec![SystemMessage {
            id: house.rng().token(80),
            requires_response: false,
            text: Some(text.to_owned()),
            options: Vec::new(),
            verification: None,
        }],
    }
}

fn letter(house: &House, text: &str, to: &str) -> Letter {
    let service = format!("wv:@{}", house.setup.domain);
    Letter {
        info: MessageInfo {
            id: Some(house.rng().token(80)),
            content_type: Some("text/plain".to_owned()),
            content_size: u32::try_from(text.len()).unwrap_or(u32::MAX),
            sender: Some(Sender::User(CspUser::new(service))),
            recipient: Recipient {
                users: vec![CspUser::new(to)],
                ..Recipient::default()
            },
            date: date(house.unix_ms()),
            ..MessageInfo::default()
        },
        content: ContentData::Text(text.to_owned()),
        kept_for: None,
        wanted: None,
    }
}

/// SystemMessage-User. None of our messages asks for an answer, and whoever gives one is thanked.
pub(super) fn answered(turn: &Turn<'_>, answers: &SystemMessageUser) -> Primitive {
    let user = &turn.session.user.address;
    for one in &answers.responses {
        tracing::info!(%user, message = one.id, chosen = ?one.chosen, "a message of the system is answered");
    }
    Status::new(Code::SUCCESSFUL).into()
}
