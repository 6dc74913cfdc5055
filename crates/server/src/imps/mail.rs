//! Instant messages between users: taken, kept, told of, fetched, refused, and reported on.
//!
//! ```text
//!   Send ──stored──▶ answered 200 ──▶ every session of the recipient ──arrived──▶ out of the store
//!                                                                        └──▶ report to the sender
//! ```
//!
//! A message for a user is in the store before its sender is answered, and leaves it when a client
//! of the recipient says that it has it. A crash loses nothing that was taken.

mod fetch;
mod forward;
mod report;
mod send;

use std::sync::Arc;

use imps::DateTime;
use imps::csp::{ContentData, MessageInfo, Recipient, Sender, User as CspUser};
use store::{Cursor, Message};

pub(super) use fetch::{fetch, list, reject, set_method};
pub(super) use forward::forward;
pub(crate) use report::expire;
pub(super) use report::{arrived, heard, reported, tell_all};
pub(super) use send::send;

use super::letter::Letter;
use super::session::Session;
use super::user::wv_of_user;
use crate::house::House;

/// How many messages are fetched from the store at a time.
const PAGE: u32 = 8;

/// Fetches messages from the store for a session whose box is empty, up to the first that its
/// client can show.
pub(super) async fn fill(house: &Arc<House>, session: &Arc<Session>) {
    loop {
        let wanted = session.state().outbox.wants_more();
        let Some(after) = wanted else { return };
        if !fill_from(house, session, after).await {
            return;
        }
    }
}

/// One page of them. False: they cannot be had now.
async fn fill_from(house: &Arc<House>, session: &Arc<Session>, after: Cursor) -> bool {
    let to = session.user.address.to_string();
    let from = after.clone();
    let page = house
        .keeper
        .read(move |reader| reader.messages(&to, &from, PAGE))
        .await;
    // They are there still, at the next poll.
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "kept messages could not be read");
        false
    };
    let page = match page {
        Ok(Ok(page)) => page,
        Ok(Err(error)) => return failed(&error),
        Err(error) => return failed(&error),
    };
    let now_ms = house.unix_ms();
    let mut state = session.state();
    let fresh = page.rows.iter().filter(|row| is_fresh(row, now_ms));
    let shown = fresh.filter(|row| state.terms.takes(&row.content_type));
    let letters = shown.map(|row| Arc::new(letter(row))).collect();
    state.outbox.fill(letters, after, page.next);
    true
}

/// Is it still worth delivering?
fn is_fresh(message: &Message, now_ms: i64) -> bool {
    message
        .expires_at_ms
        .is_none_or(|expires_at_ms| now_ms < expires_at_ms)
}

/// A message of the store as its recipient gets it.
fn letter(message: &Message) -> Letter {
    let to = room::Address::new(&message.to);
    let from = room::Address::new(&message.from);
    let content = match str::from_utf8(&message.content) {
        Ok(text) if message.extra.as_slice() != OCTETS => ContentData::Text(text.to_owned()),
        _ => ContentData::Octets(message.content.clone()),
    };
    let size = u32::try_from(message.content.len()).unwrap_or(u32::MAX);
    let mut sender = CspUser::new(wv_of_user(&from));
    sender.friendly_name.clone_from(&message.display);
    let info = MessageInfo {
        id: Some(message.id.clone()),
        content_type: Some(message.content_type.clone()),
        content_encoding: content.encoding().map(str::to_owned),
        content_size: size,
        recipient: Recipient {
            users: vec![CspUser::new(wv_of_user(&to))],
            ..Recipient::default()
        },
        sender: Some(Sender::User(sender)),
        date: date(message.sent_at_ms),
        ..MessageInfo::default()
    };
    Letter {
        info,
        content,
        kept_for: Some(to),
        wanted: None,
    }
}

/// What stands beside a message whose content is octets, and goes as BASE64.
const OCTETS: &[u8] = b"octets";

/// A moment as CSP writes it.
pub(crate) fn date(at_ms: i64) -> Option<DateTime> {
    let at = jiff::Timestamp::from_millisecond(at_ms).ok()?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let small = |value: i8| u8::try_from(value).unwrap_or_default();
    let year = u16::try_from(at.year()).ok()?;
    DateTime::utc(
        (year, small(at.month()), small(at.day())),
        (small(at.hour()), small(at.minute()), small(at.second())),
    )
}
