//! What a device says, as sessions of IMPS hear it.

use std::sync::Arc;

use bytes::Bytes;
use imps::csp::{ContentData, MessageInfo, Recipient};
use msrp::cpim::Cpim;
use room::LegId;
use xdm::imdn;

use super::speaking::Said;
use super::words::{self, Words};
use super::{Place, RoomTask};
use crate::imps::{Wanted, date};
use crate::rooms::speech::{Crossed, Whole};

/// What a client shows while somebody writes: handsets have no place for it.
const COMPOSING: &str = "application/im-iscomposing+xml";

impl RoomTask {
    /// A device has said something that sessions of IMPS hear.
    pub(in crate::rooms::task) fn cross(&mut self, crossed: Crossed) {
        let Crossed {
            from,
            to,
            is_private,
            said,
        } = crossed;
        match said {
            Whole::Message(cpim) => self.cross_message(from, &to, is_private, &cpim),
            Whole::TooLong(octets) => {
                let words = Words::text(words::too_long(octets));
                self.tell_words(from, &to, is_private, &words, &words, Heading::default());
            }
        }
    }

    fn cross_message(&mut self, from: LegId, to: &[LegId], is_private: bool, cpim: &Bytes) {
        // It was read when it began: what cannot be read was refused then.
        let Ok(Some(cpim)) = Cpim::parse(cpim, true) else {
            return;
        };
        let Some(mime) = cpim.mime() else {
            return;
        };
        let content_type = mime.content_type().unwrap_or("text/plain".into());
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(COMPOSING) {
            return;
        }
        if essence.eq_ignore_ascii_case(imdn::MIME) {
            return self.notified(from, to, &mime.body());
        }
        let words = words::of(&content_type, &mime.body());
        let plain = words::in_plain_text(&content_type, &mime.body());
        let wishes = cpim.imdn("Disposition-Notification").unwrap_or_default();
        let mut wishes = wishes.split(',').map(str::trim);
        let is_wanted = wishes.any(|wish| wish.eq_ignore_ascii_case("positive-delivery"));
        let heading = Heading {
            id: cpim.imdn("Message-ID").map(str::to_owned),
            date_time: cpim.date_time().map(str::to_owned),
            is_wanted,
        };
        self.tell_words(from, to, is_private, &words, &plain, heading);
    }

    /// Each session is told what its client takes: the words as they were said, or `plain`.
    fn tell_words(
        &mut self,
        from: LegId,
        to: &[LegId],
        is_private: bool,
        words: &Words,
        plain: &Words,
        heading: Heading,
    ) {
        let Some(by) = self.room.owner(from) else {
            return;
        };
        let date_time = heading.date_time.unwrap_or_else(|| self.date_time());
        let wanted = heading.id.filter(|_| heading.is_wanted).map(|id| Wanted {
            room: Arc::clone(&self.handle.identity),
            by,
            id,
            date_time: date_time.clone(),
        });
        let at_ms = date_time
            .parse::<jiff::Timestamp>()
            .map_or(self.house.unix_ms(), jiff::Timestamp::as_millisecond);
        let id = self.rng.token(80);
        for leg in to {
            let Some(Place::Handset(handset)) = self.seats.get(leg) else {
                continue;
            };
            let words = match handset.session.takes(&words.content_type) {
                true => words,
                false => plain,
            };
            let said = Said {
                info: info(words, id.clone(), at_ms),
                content: words.content.clone(),
                wanted: wanted.clone(),
            };
            let Some(seat) = self.room.seat(by) else {
                return;
            };
            let shown = self.participant(&seat);
            let hearer = self.room.owner(*leg).and_then(|who| self.room.seat(who));
            let name = hearer.map(|seat| self.participant(&seat).screen_name);
            let letter = self.letter(said, shown, name.filter(|_| is_private));
            self.hand_over(*leg, &letter);
        }
    }
}

/// What the head of a CPIM message says.
#[derive(Default)]
struct Heading {
    id: Option<String>,
    date_time: Option<String>,
    /// Its sender wants to know when it has arrived.
    is_wanted: bool,
}

fn info(words: &Words, id: String, at_ms: i64) -> MessageInfo {
    MessageInfo {
        id: Some(id),
        content_type: Some(words.content_type.clone()),
        content_encoding: words.content.encoding().map(str::to_owned),
        content_size: u32::try_from(ContentData::as_bytes(&words.content).len())
            .unwrap_or(u32::MAX),
        recipient: Recipient::default(),
        date: date(at_ms),
        ..MessageInfo::default()
    }
}
