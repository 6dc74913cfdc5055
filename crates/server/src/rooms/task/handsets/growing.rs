//! A conversation of two that a handset grows into a group (CSP 9.1.11).

use std::collections::BTreeMap;
use std::sync::Arc;

use imps::csp::{DetailedResult, ExtendConversationResponse, Outcome};
use imps::service::Function;
use imps::status::Code;
use room::{Cause, Event, PersonId, Standing};

use super::RoomTask;
use crate::imps::{Item, Session, wv_of_user};
use crate::rooms::Kind;
use crate::rooms::handset::{Extended, Handset};

impl RoomTask {
    /// Was the room opened by a handset, which is answered from here?
    pub(in crate::rooms::task) fn is_of_handset(&self) -> bool {
        self.handle.kind.is_of_handsets()
    }

    pub(super) fn extended(&self) -> Option<Arc<Extended>> {
        match &self.handle.kind {
            Kind::Extended(extended) => Some(Arc::clone(extended)),
            Kind::Conference | Kind::Group => None,
        }
    }

    /// IMPS-9.1.11-S34: what is known of the clients of those who are to be invited.
    pub(in crate::rooms::task) fn look_who_is_able(&mut self) {
        let waiting: Vec<PersonId> = self.room.waiting().collect();
        for who in waiting {
            let Some(address) = self.room.seat(who).map(|seat| seat.address.clone()) else {
                continue;
            };
            let sessions = self.house.imps.sessions.of(&address);
            let able = |session: &Arc<Session>| session.has_agreed(Function::Grchn);
            let on_devices = self
                .extended()
                .is_some_and(|of| of.on_devices.contains(&address));
            let code = match sessions.iter().any(able) || on_devices {
                true => continue,
                false if sessions.is_empty() => Code::UNABLE_TO_DELIVER,
                false => Code::RECIPIENT_LACKS_SUPPORT,
            };
            let cause = Cause(code.number());
            let _ = self.happen(Event::Unable { who, cause });
        }
    }

    /// Answers the handset that grew the conversation, once, when its peer is in.
    pub(in crate::rooms::task) fn answer_handset(&mut self) {
        let Some(extended) = self.extended() else {
            return;
        };
        let host = self.room.seat(PersonId::HOST).map(|seat| seat.standing);
        if host != Some(Standing::Calling) {
            return;
        }
        let leg = extended.leg;
        let handset = Handset {
            leg,
            session: Arc::clone(&extended.session),
            subscribes: extended.subscribes,
        };
        if self.happen(Event::HostArrived { leg }).is_err() {
            return;
        }
        // IMPS-9.1.11-S24, IMPS-9.1.11-S25: with the group, and who is left out.
        let details = self.left_out();
        let told = ExtendConversationResponse {
            id: extended.id.clone(),
            group: Some(self.group().to_string()),
            response_note: None,
            outcome: Outcome::new(Code::SUCCESSFUL).with_details(details),
        };
        self.put(&extended.session, Item::tell(told));
        self.seat_handset(handset);
    }

    /// IMPS-9.1.11-S36: the users who are not invited, by the reason.
    fn left_out(&mut self) -> Vec<DetailedResult> {
        let mut by_code: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        for unwilling in self.extended().iter().flat_map(|of| &of.unwilling) {
            let users = by_code.entry(Code::BLOCKED.number()).or_default();
            users.push(wv_of_user(unwilling));
        }
        for (who, cause) in std::mem::take(&mut self.told.passed_over) {
            if let Some(seat) = self.room.seat(who) {
                let users = by_code.entry(cause.0).or_default();
                users.push(wv_of_user(seat.address));
            }
        }
        let detail = |(code, users)| DetailedResult::of_users(Code::new(code), users);
        by_code.into_iter().map(detail).collect()
    }

    /// IMPS-9.1.11-S31: the peer has not come.
    pub(in crate::rooms::task) fn refuse_handset(&mut self, cause: Cause) {
        let Some(extended) = self.extended() else {
            return;
        };
        let told = ExtendConversationResponse {
            id: extended.id.clone(),
            group: None,
            response_note: None,
            outcome: Outcome::described(Code::new(cause.0)),
        };
        self.put(&extended.session, Item::tell(told));
    }
}
