//! What happens to somebody with a phone, and which line speaks of it.

use client::{Event, Refused, SessionId};

use super::super::{Act, Call};
use super::long;
use crate::stage::domain;

/// The address of a user.
pub(super) fn address(name: &str) -> String {
    if name.contains(':') {
        return name.to_owned();
    }
    format!("sip:{name}@{}", domain(name))
}

/// The session that a line has to name to speak of this.
pub(super) fn is_about(event: &Event) -> Option<SessionId> {
    match event {
        Event::Replaced { by, .. } => Some(*by),
        event => event.session(),
    }
}

/// Whether it is the refusal that a line speaks of.
pub(super) fn is_refusal(refused: &Refused, status: u16, warning: Option<&String>) -> bool {
    refused.status == status && (warning.is_none() || refused.warning.as_ref() == warning)
}

/// Whether a line speaks of this.
pub(super) fn fits(act: &Act, event: &Event) -> bool {
    match (act, event) {
        (Act::Back, Event::Registered { .. }) => true,
        (Act::Invited { by }, Event::Invited { from, .. }) => {
            by.as_ref().is_none_or(|by| *from == address(by))
        }
        (Act::Rings, Event::Ringing { .. }) => true,
        (Act::In, Event::MediaUp { .. }) => true,
        (Act::Out, Event::SessionEnded { .. }) => true,
        (Act::Sip(Call::GoesOn), Event::Replaced { .. }) => true,
        (Act::Refused { status, warning }, Event::Refused { refused, .. }) => {
            is_refusal(refused, *status, warning.as_ref())
        }
        (Act::Hears { text, from }, Event::Message(heard)) => {
            heard.text == *text && heard.from == address(from)
        }
        (Act::HearsLong { kilobytes, from }, Event::Message(heard)) => {
            heard.text == long(*kilobytes) && heard.from == address(from)
        }
        (
            Act::Sees { whom, presence },
            Event::Joined { person, .. }
            | Event::Alerting { person, .. }
            | Event::Left { person, .. },
        ) => {
            let is_whom = match whom.as_str() {
                "self" => person.is_own,
                whom => person.entity == address(whom) && !person.is_own,
            };
            is_whom && person.presence == *presence
        }
        _ => false,
    }
}
