//! A subscription to who is in a conference, and what every document of it must be.

use sip::{Name, Request, Response};
use xdm::conference_info::{
    self, ConferenceInfo,
    EndpointStatus::{self, Alerting, Connected, Disconnected},
    State, User,
};

use super::Phone;

/// A subscription of one phone, which checks what every document must be.
pub struct Watch {
    ok: Response,
    next_version: u32,
    identity: String,
}

impl Watch {
    pub fn begin(phone: &mut Phone, identity: &str) -> (Self, ConferenceInfo) {
        let (ok, body) = phone.watches(identity);
        let mut watch = Self {
            ok,
            next_version: 0,
            identity: identity.to_owned(),
        };
        let info = watch.read(&body);
        assert_eq!(info.state, State::Full, "the first is full: {body}");
        (watch, info)
    }

    pub fn next(&mut self, phone: &mut Phone) -> ConferenceInfo {
        self.next_with(phone).1
    }

    pub fn next_with(&mut self, phone: &mut Phone) -> (Request, ConferenceInfo) {
        let (notify, body) = phone.notified();
        let info = self.read(&body);
        (notify, info)
    }

    /// IM-7.2.2.10-S0d, IM-7.2.2.10-S1 and what holds for each user in each document.
    fn read(&mut self, body: &str) -> ConferenceInfo {
        let info = conference_info::read(body.as_bytes(), conference_info::MAX_BYTES).unwrap();
        assert_eq!(
            info.entity.as_deref(),
            Some(self.identity.as_str()),
            "IM-7.2.2.10-S1: {body}"
        );
        assert_eq!(
            info.version,
            Some(self.next_version),
            "no version is left out: {body}"
        );
        self.next_version += 1;
        for user in info.users.iter().flat_map(|users| &users.users) {
            assert!(!user.entity.is_empty(), "IM-7.2.2.10-S2a: {body}");
            assert_eq!(user.endpoints.len(), 1, "IM-7.2.2.10-S2c: {body}");
            assert!(
                !user.endpoints[0].entity.is_empty(),
                "IM-7.2.2.10-S2c1: {body}"
            );
            let status = user.endpoints[0].status;
            // IM-7.2.2.10-S2c2, IM-7.2.2.10-S2c2v
            assert!(
                matches!(status, Some(Alerting | Connected | Disconnected)),
                "{body}"
            );
        }
        info
    }

    /// A SUBSCRIBE inside the dialog.
    pub fn again(&self, phone: &mut Phone, extra: &str) -> Response {
        let cseq = phone.next_cseq();
        let headers = format!(
            "Contact: {}\r\nEvent: conference\r\n{extra}",
            phone.contact()
        );
        let text = phone.inside("SUBSCRIBE", &self.ok, cseq, &headers, "");
        phone.send(text.as_bytes());
        phone.final_response_to("SUBSCRIBE", self.ok.raw(Name::CallId).unwrap(), cseq)
    }
}

/// The users in a document.
pub fn users(info: &ConferenceInfo) -> &[User] {
    info.users.as_ref().map_or(&[], |users| &users.users)
}

/// Who is shown, and how: sorted by entity.
pub fn shown(info: &ConferenceInfo) -> Vec<(&str, EndpointStatus)> {
    let mut shown: Vec<_> = users(info)
        .iter()
        .map(|user| {
            let name = user.entity.strip_prefix("sip:").unwrap_or(&user.entity);
            (
                name.strip_suffix("@localhost").unwrap_or(name),
                user.endpoints[0].status.unwrap(),
            )
        })
        .collect();
    shown.sort_by_key(|(name, _)| *name);
    shown
}

/// The Subscription-State of a NOTIFY.
pub fn state(notify: &Request) -> &str {
    notify.raw(Name::SubscriptionState).unwrap_or_default()
}
