//! What became of a message, across the faces: reports of CSP and notifications of RFC 5438.

use std::collections::VecDeque;

use imps::csp::{
    DeliveryReportRequest, Group, MessageInfo, Outcome, Recipient, ScreenName, Sender,
};
use imps::status::Code;
use msrp::cpim::{IMDN_NS, NewCpim};
use room::{Address, LegId, PersonId};
use xdm::imdn::{Disposition, Fate, Notification};

use super::speaking::known;
use super::{Place, RoomTask};
use crate::imps::{Item, Wanted, date};

/// Reports that are remembered, so that of a person with several clients one is told: a busy
/// minute of a room.
const ARRIVED_MAX: usize = 1024;

/// Of what it was told that it has come to whom, the latest last.
#[derive(Debug, Default)]
pub(super) struct Arrived(VecDeque<(String, PersonId)>);

impl Arrived {
    /// True for the first time.
    fn is_news(&mut self, id: &str, who: PersonId) -> bool {
        if self.0.iter().any(|(known, by)| *by == who && known == id) {
            return false;
        }
        if self.0.len() >= ARRIVED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((id.to_owned(), who));
        true
    }
}

impl RoomTask {
    /// A session of this person has something whose sender wants to know that.
    pub(super) fn heard_by(&mut self, wanted: &Wanted, by: &Address) {
        let Some(by) = self.room.find(by) else {
            return;
        };
        let Some(sender) = self.room.seat(wanted.by).filter(|seat| seat.id != by) else {
            return;
        };
        let legs = sender.legs.to_vec();
        if !self.told.arrived.is_news(&wanted.id, by) {
            return;
        }
        let is_handset = |leg: &LegId| matches!(self.seats.get(leg), Some(Place::Handset(_)));
        let (handsets, devices): (Vec<_>, Vec<_>) = legs.into_iter().partition(is_handset);
        self.report_to(&handsets, by, &wanted.id, Code::SUCCESSFUL);
        if !devices.is_empty() {
            self.notify_of(wanted, by, devices);
        }
    }

    /// RFC 5438: the server answers for a client that has no word for it.
    fn notify_of(&mut self, wanted: &Wanted, by: PersonId, devices: Vec<LegId>) {
        let (Some(hearer), Some(sender)) = (self.room.seat(by), self.room.seat(wanted.by)) else {
            return;
        };
        let (hearer, sender) = (known(&hearer), known(&sender));
        let body = Notification {
            message_id: wanted.id.clone(),
            date_time: wanted.date_time.clone(),
            recipient: Some(hearer.uri.clone()),
            disposition: Disposition::Delivery,
            fate: Fate::Done,
        }
        .write();
        let id = self.rng.token(100);
        let cpim = NewCpim {
            from: (None, &hearer.uri),
            to: (None, &sender.uri),
            date_time: Some(&self.date_time()),
            namespaces: &[("imdn", IMDN_NS)],
            headers: &[("imdn.Message-ID", &id)],
            content_type: xdm::imdn::MIME,
            // RFC 5438 section 7.2.1.
            mime_headers: &[("Content-Disposition", "notification")],
        };
        self.utter(&cpim, body.as_bytes(), devices);
    }

    /// A device tells sessions of IMPS what became of a message of theirs.
    pub(super) fn notified(&mut self, from: LegId, to: &[LegId], body: &[u8]) {
        let Some(by) = self.room.owner(from) else {
            return;
        };
        // What cannot be read is no notification, and no message either.
        let Ok(told) = Notification::read(body) else {
            return;
        };
        let code = match (told.disposition, told.fate) {
            (Disposition::Delivery, Fate::Done) => Code::SUCCESSFUL,
            (Disposition::Delivery, Fate::Failed) => Code::UNABLE_TO_DELIVER,
            // CSP has no word for what was seen, or for what is neither.
            (Disposition::Delivery, Fate::Stored | Fate::Forbidden)
            | (Disposition::Display | Disposition::Processing, _) => return,
        };
        if self.told.arrived.is_news(&told.message_id, by) {
            self.report_to(to, by, &told.message_id, code);
        }
    }

    fn report_to(&self, sessions: &[LegId], by: PersonId, id: &str, code: Code) {
        let Some(by) = self.room.seat(by) else {
            return;
        };
        let group = self.group().to_string();
        let name = |name: String| {
            Group::ScreenName(ScreenName {
                name,
                group: group.clone(),
            })
        };
        let hearer = self.participant(&by).screen_name;
        let now = date(self.house.unix_ms());
        for leg in sessions {
            let Some(Place::Handset(handset)) = self.seats.get(leg) else {
                continue;
            };
            let own = self.room.owner(*leg).and_then(|who| self.room.seat(who));
            let sender = own.map(|seat| Sender::Group(name(self.participant(&seat).screen_name)));
            let told = DeliveryReportRequest {
                outcome: match code {
                    Code::SUCCESSFUL => Outcome::new(code),
                    code => Outcome::described(code),
                },
                delivered: now,
                info: MessageInfo {
                    id: Some(id.to_owned()),
                    recipient: Recipient {
                        groups: vec![name(hearer.clone())],
                        ..Recipient::default()
                    },
                    sender,
                    date: now,
                    ..MessageInfo::default()
                },
            };
            self.put(&handset.session, Item::tell(told));
        }
    }
}
