//! What follows when a client has answered what it was told.

use std::sync::Arc;

use imps::Primitive;
use imps::status::Code;
use room::{Event, PersonId};

use super::outbox::Item;
use super::session::Session;
use crate::house::House;
use crate::rooms::{Order, RoomHandle};

/// What the answer to something told means.
#[derive(Clone, Debug)]
pub(crate) enum Receipt {
    /// Nothing.
    None,
    /// The client was invited into a room. If it says that it cannot come, this session is none
    /// that can bring the person in.
    Invited { room: RoomHandle, who: PersonId },
    /// The sender of a message was told what became of it, and has heard it.
    Reported {
        /// The message.
        message: String,
        /// Whom the message was for: an address.
        recipient: String,
    },
}

/// The client has answered `item`.
pub(super) async fn answered(
    house: &Arc<House>,
    session: &Arc<Session>,
    item: Item,
    answer: &Primitive,
) {
    let code = code(answer);
    match item {
        Item::Tell(_, Receipt::Invited { room, who }) if code.is_success() => {
            room.tell(Order::Event(Event::Ringing { who }));
        }
        Item::Tell(_, Receipt::Invited { room, who }) => {
            let session = Arc::clone(session);
            room.tell(Order::Declined { who, session, code });
        }
        Item::Tell(_, Receipt::Reported { message, recipient }) if code.is_success() => {
            super::mail::reported(house, session, message, recipient).await;
        }
        Item::Letter(letter) if letter.kept_for.is_some() => {
            // Announced, or refused: it stays in the store until it is fetched or refused there.
            if let Primitive::MessageDelivered(_) = answer {
                super::mail::arrived(house, session, letter.id()).await;
            }
        }
        Item::Letter(letter) => {
            if let Primitive::MessageDelivered(_) = answer {
                super::mail::heard(house, session, &letter);
            }
        }
        Item::Notice(_) | Item::Presence(_) | Item::Tell(..) => {}
    }
}

/// What an answer says: that of a primitive without a result is good.
fn code(answer: &Primitive) -> Code {
    match answer {
        Primitive::Status(status) => status.outcome.code,
        _ => Code::SUCCESSFUL,
    }
}
