//! The requests of an IM client, as IM 7.1.1.1 and its siblings want them. Pure functions.
//!
//! What a dialog writes by itself (Via to CSeq, Contact) comes from [`sip::dialog`]; a [`Letter`]
//! is the rest. The same letter is sent again when credentials are asked for.

use std::net::SocketAddr;

use bytes::Bytes;
use sip::header::{NameAddr, ReferSub};
use sip::multipart::{self, NewPart, WriteError};
use sip::session_timer::SessionRequest;
use sip::{Draft, Name};
use xdm::resource_lists::{self, CopyControl, Entry};

use crate::config::Transport;

/// The feature tag of the IM service (IM-7.1.1.1-S1, IM-7.1.1.1-S4).
pub(crate) const FEATURE: &str = "+g.oma.sip-im";

/// IM-7.1.1.1-S3: every method that is understood here.
pub(crate) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, NOTIFY, MESSAGE";

/// IM-7.1.1.1-S6, and what else a request may count on.
pub(crate) const SUPPORTED: &str = "timer, norefersub, replaces";

/// RFC 3323 section 4.1.1.3: what stands in place of an address that is withheld.
pub(crate) const ANONYMOUS: &str = "sip:anonymous@anonymous.invalid";

/// Who speaks, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Me<'a> {
    pub(crate) aor: &'a str,
    pub(crate) display: Option<&'a str>,
    pub(crate) at: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) anonymous: bool,
    pub(crate) product: &'a str,
}

impl Me<'_> {
    /// The From value, without tag.
    pub(crate) fn from(&self) -> String {
        if self.anonymous {
            // RFC 3323 section 4.1.1.3: Privacy hides what the network adds; the rest is ours.
            return NameAddr::write(Some("Anonymous"), ANONYMOUS);
        }
        NameAddr::write(self.display, self.aor)
    }

    /// The Contact value.
    pub(crate) fn contact(&self) -> String {
        let user = match user(self.aor) {
            Some(user) if !self.anonymous => format!("{user}@"),
            _ => String::new(),
        };
        let (at, transport) = (self.at, self.transport.in_uri());
        // IM-7.1.1.1-S4: the Contact carries the feature tag.
        format!("<sip:{user}{at};transport={transport}>;{FEATURE}")
    }

    /// IM-7.1.1.1-S2: the release version of Appendix F, then the product.
    pub(crate) fn user_agent(&self) -> String {
        format!("IM-client/OMA1.0 {}", self.product)
    }

    /// What every initial request of an IM client says (IM-7.1.1.1).
    fn general(&self) -> Vec<(Name, String)> {
        let mut headers = vec![
            // IM-7.1.1.1-S1: it asks for devices that have the service.
            (Name::AcceptContact, format!("*;{FEATURE}")),
            (Name::UserAgent, self.user_agent()),
            (Name::Allow, ALLOW.to_owned()),
            (Name::Supported, SUPPORTED.to_owned()),
        ];
        if self.anonymous {
            // IM-7.1.1.1-S5: anonymity is asked for with "id".
            headers.push((Name::Privacy, "id".to_owned()));
        }
        headers
    }
}

/// The user part of an address of record.
pub(crate) fn user(aor: &str) -> Option<&str> {
    let (user, _) = aor.split_once(':')?.1.rsplit_once('@')?;
    Some(user)
}

/// A request without what its dialog writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letter {
    pub(crate) headers: Vec<(Name, String)>,
    /// Content-Type and body.
    pub(crate) content: Option<(String, Bytes)>,
}

impl Letter {
    pub(crate) fn with(mut self, name: Name, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Ends what the dialog has begun.
    pub(crate) fn finish(&self, mut draft: Draft, credentials: &[(Name, String)]) -> Bytes {
        for (name, value) in credentials.iter().chain(&self.headers) {
            draft.header(*name, value);
        }
        match &self.content {
            Some((content_type, body)) => draft.finish_with(content_type, body),
            None => draft.finish(),
        }
    }
}

/// An initial INVITE: to an address, or with `guests` to a conference factory.
///
/// # Errors
///
/// [`WriteError`] if `boundary` occurs in a body: try another.
pub(crate) fn invite(
    me: &Me<'_>,
    offer: &Bytes,
    guests: &[Entry],
    session: &SessionRequest,
    boundary: &str,
) -> Result<Letter, WriteError> {
    let mut headers = me.general();
    headers.extend(session_expires(session));
    let content = if guests.is_empty() {
        // IM-7.1.1.10-S3, and as it IM-7.1.1.4-S1b, IM-7.1.1.9-S4, IM-7.1.1.10-S4: the offer alone,
        // as application/sdp. IM-7.1.1.1-S8 binds where there are two bodies.
        ("application/sdp".to_owned(), offer.clone())
    } else {
        // IM-7.1.1.3-S3, IM-7.1.1.6-S4: RFC 5366 section 4.
        headers.push((Name::Require, "recipient-list-invite".to_owned()));
        let list = resource_lists::write(guests);
        let parts = [
            // IM-7.1.1.3-S5, IM-7.1.1.6-S7: the offer.
            NewPart {
                content_type: "application/sdp",
                disposition: None,
                id: None,
                body: offer,
            },
            NewPart {
                content_type: "application/resource-lists+xml",
                disposition: Some("recipient-list"),
                id: None,
                body: list.as_bytes(),
            },
        ];
        // IM-7.1.1.6-S6: multipart/mixed.
        multipart::write(&parts, boundary)?
    };
    Ok(Letter {
        headers,
        content: Some(content),
    })
}

/// A re-INVITE: it keeps a session alive (IM-7.1.1.8) or changes it (IM-7.1.1.5-S1).
pub(crate) fn reinvite(me: &Me<'_>, offer: Bytes, session: &SessionRequest) -> Letter {
    let mut letter = Letter::default()
        .with(Name::UserAgent, me.user_agent())
        .with(Name::Allow, ALLOW)
        // IM-7.1.1.8-S3: "timer" stands in Supported.
        .with(Name::Supported, SUPPORTED);
    letter.headers.extend(session_expires(session));
    letter.content = Some(("application/sdp".to_owned(), offer));
    letter
}

/// IM-7.1.1.1-S7 and IM-7.1.1.8-S2: the interval, with the one who asks as the refresher.
fn session_expires(session: &SessionRequest) -> Vec<(Name, String)> {
    let refresher = session
        .refresher
        .map_or(String::new(), |side| format!(";refresher={}", side.name()));
    let value = format!("{}{refresher}", session.interval.as_secs());
    let mut headers = vec![(Name::SessionExpires, value)];
    if let Some(min_se) = session.min_se {
        headers.push((Name::MinSe, min_se.as_secs().to_string()));
    }
    headers
}

/// What a SUBSCRIBE to the conference event package says besides Event, Accept and Expires
/// (IM-7.1.1.11-S1).
pub(crate) fn subscribe(me: &Me<'_>) -> Letter {
    Letter {
        headers: me.general(),
        content: None,
    }
}

/// A REFER that names one address (IM-7.1.1.7-S1): somebody to invite, or with `;method=BYE` in it
/// somebody to let go.
pub(crate) fn refer_one(me: &Me<'_>, to: &str) -> Letter {
    // IM-7.1.1.7-S6: with Privacy, if anonymity is asked for.
    let letter = Letter {
        headers: me.general(),
        content: None,
    };
    letter
        // IM-7.1.1.7-S3a: whom to invite.
        .with(Name::ReferTo, format_args!("<{to}>"))
        // IM-7.1.1.7-S3b: nobody tells us how it goes on; norefersub stands in Supported.
        .with(Name::ReferSub, ReferSub(false))
}

/// A REFER that names several people in a list called `id` (RFC 5368). `refer_sub` asks to be told
/// how it goes on.
pub(crate) fn refer_many(me: &Me<'_>, guests: &[Entry], id: &str, refer_sub: bool) -> Letter {
    let letter = Letter {
        headers: me.general(),
        // IM-7.1.1.7-S4b: the list.
        content: Some((
            "application/resource-lists+xml".to_owned(),
            resource_lists::write(guests).into(),
        )),
    };
    letter
        // IM-7.1.1.7-S4d
        .with(Name::Require, "multiple-refer, norefersub")
        // IM-7.1.1.7-S4a: the list stands in the body.
        .with(Name::ReferTo, format_args!("<cid:{id}>"))
        // IM-7.1.1.7-S4c: by the seed true, by RFC 5368 section 5 and in practice false.
        .with(Name::ReferSub, ReferSub(refer_sub))
        .with(Name::ContentDisposition, "recipient-list")
        .with(Name::ContentId, format_args!("<{id}>"))
}

/// Somebody to invite, and how visibly (RFC 5364).
pub fn guest(uri: &str, level: CopyControl) -> Entry {
    let mut entry = Entry::new(uri);
    entry.copy_control = Some(level);
    entry
}

#[cfg(test)]
mod tests {
    use sip::dialog::Outset;
    use sip::multipart::BodyHeaders;
    use sip::session_timer::{Refresher, SessionInterval};
    use sip::{Message, Method, Request};

    use super::*;

    const OFFER: &str = "v=0\r\nm=message 9 TCP/MSRP *\r\n";

    fn me() -> Me<'static> {
        Me {
            aor: "sip:alice@home.example",
            display: None,
            at: "192.0.2.11:5060".parse().unwrap(),
            transport: Transport::Tcp,
            anonymous: false,
            product: "Tertulia/0.1.0",
        }
    }

    fn session() -> SessionRequest {
        SessionRequest {
            interval: SessionInterval::RECOMMENDED,
            refresher: Some(Refresher::Uac),
            min_se: None,
        }
    }

    fn guests() -> Vec<Entry> {
        vec![
            guest("sip:bob@home.example", CopyControl::To),
            guest("sip:carol@home.example", CopyControl::Cc),
            guest("sip:dave@home.example", CopyControl::Bcc),
        ]
    }

    fn write(me: &Me<'_>, method: Method, letter: &Letter, to: &str) -> Request {
        let to_value = format!("<{to}>");
        let mut outset = Outset::new(
            "c1@192.0.2.11",
            "a1",
            &me.from(),
            &to_value,
            to,
            &me.contact(),
        );
        let draft = outset.request(&method, "SIP/2.0/TCP ue1.home.example;branch=z9hG4bKa1");
        match Message::parse(letter.finish(draft, &[])).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a request"),
        }
    }

    /// The head as the vector of an ad-hoc invitation has it, but for the products' own words.
    #[test]
    fn an_invitation_to_the_factory_octet_for_octet() {
        let letter = invite(&me(), &OFFER.into(), &guests(), &session(), "imb1").unwrap();
        let request = write(
            &me(),
            Method::Invite,
            &letter,
            "sip:im-factory@im.home.example",
        );
        let wire = std::str::from_utf8(request.wire()).unwrap();
        let (head, body) = wire.split_once("\r\n\r\n").unwrap();
        let want = "INVITE sip:im-factory@im.home.example SIP/2.0\r\n\
            Via: SIP/2.0/TCP ue1.home.example;branch=z9hG4bKa1\r\n\
            Max-Forwards: 70\r\n\
            From: <sip:alice@home.example>;tag=a1\r\n\
            To: <sip:im-factory@im.home.example>\r\n\
            Call-ID: c1@192.0.2.11\r\n\
            CSeq: 1 INVITE\r\n\
            Contact: <sip:alice@192.0.2.11:5060;transport=tcp>;+g.oma.sip-im\r\n\
            Accept-Contact: *;+g.oma.sip-im\r\n\
            User-Agent: IM-client/OMA1.0 Tertulia/0.1.0\r\n\
            Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, NOTIFY, MESSAGE\r\n\
            Supported: timer, norefersub, replaces\r\n\
            Session-Expires: 1800;refresher=uac\r\n\
            Require: recipient-list-invite\r\n\
            Content-Type: multipart/mixed;boundary=\"imb1\"\r\n\
            Content-Length: ";
        assert_eq!(head.trim_end_matches(|c: char| c.is_ascii_digit()), want);
        assert!(
            body.starts_with("--imb1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"),
            "{body}"
        );
    }

    type Check = fn(&Request) -> bool;

    #[test]
    fn what_every_initial_invite_says() {
        let table: &[(&str, Check)] = &[
            ("IM-7.1.1.1-S1", |r| {
                r.raw(Name::AcceptContact) == Some("*;+g.oma.sip-im")
            }),
            ("IM-7.1.1.1-S2", |r| {
                r.raw(Name::UserAgent) == Some("IM-client/OMA1.0 Tertulia/0.1.0")
            }),
            ("IM-7.1.1.1-S3", |r| {
                r.lists(Name::Allow, "INVITE") && r.lists(Name::Allow, "NOTIFY")
            }),
            ("IM-7.1.1.1-S4", |r| {
                r.raw(Name::Contact).unwrap().ends_with(">;+g.oma.sip-im")
            }),
            ("IM-7.1.1.1-S6", |r| r.lists(Name::Supported, "timer")),
            ("IM-7.1.1.1-S7", |r| {
                r.raw(Name::SessionExpires) == Some("1800;refresher=uac")
            }),
            ("IM-7.1.1.3-S2", |r| {
                r.uri() == "sip:conference-factory@localhost"
            }),
            ("IM-7.1.1.3-S3", |r| {
                r.lists(Name::Require, "recipient-list-invite")
            }),
            ("IM-7.1.1.3-S3", |r| listed(r) == guests()),
            ("IM-7.1.1.3-S5", |r| sdp(r) == OFFER),
        ];
        let letter = invite(&me(), &OFFER.into(), &guests(), &session(), "imb1").unwrap();
        let request = write(
            &me(),
            Method::Invite,
            &letter,
            "sip:conference-factory@localhost",
        );
        for (rule, holds) in table {
            assert!(holds(&request), "{rule}");
        }
        assert!(!request.has(Name::Privacy));
    }

    #[test]
    fn without_a_list_the_offer_stands_alone() {
        let letter = invite(&me(), &OFFER.into(), &[], &session(), "imb1").unwrap();
        let request = write(&me(), Method::Invite, &letter, "sip:bob@home.example");
        assert_eq!(request.raw(Name::ContentType), Some("application/sdp"));
        assert!(!request.has(Name::Require));
    }

    /// IM-7.1.1.1-S5: Privacy is there, and nothing else names the user.
    #[test]
    fn an_anonymous_invitation_names_nobody() {
        let me = Me {
            anonymous: true,
            display: Some("Alice"),
            ..me()
        };
        let letter = invite(&me, &OFFER.into(), &guests(), &session(), "imb1").unwrap();
        let request = write(&me, Method::Invite, &letter, "sip:f@h");
        assert_eq!(request.raw(Name::Privacy), Some("id"));
        let from = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=a1";
        assert_eq!(request.raw(Name::From), Some(from));
        let wire = std::str::from_utf8(request.wire()).unwrap().to_lowercase();
        assert!(!wire.contains("alice"), "{wire}");
    }

    /// IM-7.1.1.11-S1 follows 7.1.1.1; RFC 4028 has no place for Session-Expires in a SUBSCRIBE.
    #[test]
    fn a_subscription_follows_the_general_rules() {
        let request = write(&me(), Method::Subscribe, &subscribe(&me()), "sip:sess@h");
        for (rule, name) in [
            ("IM-7.1.1.1-S1", Name::AcceptContact),
            ("IM-7.1.1.1-S2", Name::UserAgent),
            ("IM-7.1.1.1-S6", Name::Supported),
        ] {
            assert!(request.has(name), "{rule}");
        }
        assert!(!request.has(Name::SessionExpires));
    }

    fn parts(request: &Request) -> Vec<multipart::Part> {
        let headers = BodyHeaders {
            content_type: request.raw(Name::ContentType).unwrap(),
            ..BodyHeaders::default()
        };
        multipart::parts(&headers, &request.body()).unwrap()
    }

    fn sdp(request: &Request) -> String {
        let parts = parts(request);
        let part = multipart::find(&parts, "application/sdp", None).unwrap();
        String::from_utf8(part.body.to_vec()).unwrap()
    }

    fn listed(request: &Request) -> Vec<Entry> {
        let parts = parts(request);
        let list = "application/resource-lists+xml";
        let part = multipart::find(&parts, list, Some("recipient-list")).unwrap();
        let list = resource_lists::read(&part.body, resource_lists::Limits::default()).unwrap();
        list.into_flat().unwrap()
    }
}
