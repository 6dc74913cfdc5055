//! What became of a message: told to its sender, who may not be there when it happens.

use std::sync::Arc;
use std::time::Duration;

use imps::csp::{DeliveryReportRequest, MessageInfo, Outcome, Recipient, Sender, User as CspUser};
use imps::status::Code;
use store::{Cursor, Delivery, Message, PAGE_ROWS_MAX, Partition, Write};

use super::super::cir;
use super::super::letter::Letter;
use super::super::outbox::Item;
use super::super::receipt::Receipt;
use super::super::session::Session;
use super::super::user::wv_of_user;
use super::date;
use crate::house::House;
use crate::rooms::Order;
use crate::rooms::handset::Order as HandsetOrder;

/// How long a report is kept for a sender who does not come to hear it.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// A client of the recipient has a message.
pub(in crate::imps) async fn arrived(house: &Arc<House>, session: &Arc<Session>, id: &str) {
    let held = {
        let outbox = &mut session.state().outbox;
        let held = outbox.held_one(id);
        outbox.forget(id);
        held
    };
    if let Some(letter) = held {
        return heard(house, session, &letter);
    }
    settle(house, &session.user.address, id, Code::SUCCESSFUL).await;
}

/// A client has what was said in a room, whose sender may want to know.
pub(in crate::imps) fn heard(house: &House, session: &Session, letter: &Letter) {
    if let Some(wanted) = &letter.wanted
        && let Some(room) = house.rooms.find(&wanted.room)
    {
        let wanted = wanted.clone();
        let by = session.user.address.clone();
        room.tell(Order::Handset(HandsetOrder::Heard { wanted, by }));
    }
}

/// A message is done with: it leaves the store, and its sender is told if that was wanted. Once,
/// whoever of the recipient's clients says so first.
pub(super) async fn settle(house: &Arc<House>, to: &room::Address, id: &str, code: Code) {
    let Some(_first) = house.imps.settling.enter(to, id) else {
        return;
    };
    let (key, wanted) = (to.to_string(), id.to_owned());
    let found = house
        .keeper
        .read(move |reader| reader.message(&key, &wanted))
        .await;
    match found {
        Ok(Ok(Some(message))) => finish(house, message, code).await,
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::error!(%error, "a kept message could not be read"),
        Err(error) => tracing::error!(%error, "a kept message could not be read"),
    }
}

/// Takes a message out of the store and puts a report in, in one step.
async fn finish(house: &Arc<House>, message: Message, code: Code) {
    let partition = Partition::of(&message.to);
    let mut writes = vec![Write::RemoveMessage {
        to: message.to.clone(),
        id: message.id.clone(),
    }];
    let report = message.report.then(|| delivery(house, &message, code));
    writes.extend(report.clone().map(Write::PutDelivery));
    if let Err(error) = house.keeper.commit(writes, partition).await {
        // It is delivered once more: the client knows its id.
        return tracing::error!(%error, "a message that arrived is still in the store");
    }
    if let Some(report) = report {
        tell(house, &report);
    }
}

fn delivery(house: &House, message: &Message, code: Code) -> Delivery {
    Delivery {
        to: message.from.clone(),
        message: message.id.clone(),
        recipient: message.to.clone(),
        code: code.number(),
        at_ms: house.unix_ms(),
        extra: message.content_type.as_bytes().to_vec(),
    }
}

/// Tells the sessions of a sender what became of a message.
fn tell(house: &Arc<House>, report: &Delivery) {
    let sender = room::Address::new(&report.to);
    let now = house.world.clock.now();
    for session in house.imps.sessions.of(&sender) {
        if let Ok(true) = session.put(item(report), now) {
            cir::ring(house, &session);
        }
    }
}

fn item(report: &Delivery) -> Item {
    let recipient = room::Address::new(&report.recipient);
    let sender = room::Address::new(&report.to);
    let code = Code::new(report.code);
    let outcome = match code {
        Code::SUCCESSFUL => Outcome::new(code),
        code => Outcome::described(code),
    };
    let content_type = String::from_utf8(report.extra.clone()).ok();
    let told = DeliveryReportRequest {
        outcome,
        delivered: date(report.at_ms),
        info: MessageInfo {
            id: Some(report.message.clone()),
            content_type: content_type.filter(|named| !named.is_empty()),
            recipient: Recipient {
                users: vec![CspUser::new(wv_of_user(&recipient))],
                ..Recipient::default()
            },
            sender: Some(Sender::User(CspUser::new(wv_of_user(&sender)))),
            date: date(report.at_ms),
            ..MessageInfo::default()
        },
    };
    let receipt = Receipt::Reported {
        message: report.message.clone(),
        recipient: report.recipient.clone(),
    };
    Item::Tell(Box::new(told.into()), receipt)
}

/// Tells a session that has just begun all that its user has not heard.
pub(in crate::imps) async fn tell_all(house: &Arc<House>, session: &Arc<Session>) {
    let to = session.user.address.to_string();
    let page = house
        .keeper
        .read(move |reader| reader.deliveries(&to, &Cursor::START, PAGE_ROWS_MAX))
        .await;
    let Ok(Ok(page)) = page else {
        return tracing::error!("reports could not be read");
    };
    let now = house.world.clock.now();
    for report in &page.rows {
        if session.put(item(report), now).is_err() {
            // The rest is told in the next session.
            return;
        }
    }
}

/// A sender has heard a report.
pub(in crate::imps) async fn reported(
    house: &Arc<House>,
    session: &Arc<Session>,
    message: String,
    recipient: String,
) {
    let to = session.user.address.to_string();
    let partition = Partition::of(&to);
    let write = Write::RemoveDelivery {
        to,
        message,
        recipient,
    };
    if let Err(error) = house.keeper.commit(vec![write], partition).await {
        tracing::error!(%error, "a report that was heard is still in the store");
    }
}

/// Messages looked at in one go when the store is searched for those that have expired.
const EXPIRED: u32 = 100;

/// How often that is done at most: the rest waits for the next time.
const ROUNDS: usize = 100;

/// Ends the wait of messages that are not worth delivering any more: their senders are told.
pub(crate) async fn expire(house: &Arc<House>) {
    let now_ms = house.unix_ms();
    // What cannot be taken out of the store now is not tried for ever.
    for _ in 0..ROUNDS {
        let expired = house
            .keeper
            .read(move |reader| reader.expired_messages(now_ms, EXPIRED))
            .await;
        let Ok(Ok(expired)) = expired else {
            return tracing::error!("expired messages could not be read");
        };
        let count = expired.len();
        for message in expired {
            let to = room::Address::new(&message.to);
            settle(house, &to, &message.id, Code::MESSAGE_EXPIRED).await;
            for session in house.imps.sessions.of(&to) {
                session.state().outbox.forget(&message.id);
            }
        }
        if count < usize::try_from(EXPIRED).unwrap_or(usize::MAX) {
            break;
        }
    }
    let kept_ms = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    let purge = Write::PurgeDeliveries {
        before_ms: now_ms.saturating_sub(kept_ms),
    };
    let partition = Partition::of("purge");
    if let Err(error) = house.keeper.commit(vec![purge], partition).await {
        tracing::warn!(%error, "no reports were purged");
    }
}
