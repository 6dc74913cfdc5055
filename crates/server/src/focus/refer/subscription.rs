//! What whoever referred is told of it (RFC 3515 section 2.4): first that it is tried, then what
//! came of it.

use std::time::Instant;

use bytes::Bytes;
use sip::dialog::DialogId;
use sip::header::{CSeq, Event, SubscriptionState};
use sip::subscription::{Notifier, Reason, Terms, Wish};
use sip::{Draft, Method, Name, Request, Response};

use super::referrals::Way;
use crate::core::desk::{Desk, Owner, user_agent};
use crate::core::{Answer, SERVER};
use crate::focus::legs::Legs;
use crate::net::Flow;
use crate::notify::{self, misfit};

/// The media type of a piece of a SIP message (RFC 3420).
const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// How long whoever referred is told, in seconds: as long as anybody is rung, and a little longer.
const EXPIRES: u32 = 300;

const TERMS: Terms = Terms {
    package: "refer",
    types: &[SIPFRAG],
    min_expires: 60,
    max_expires: 3600,
    default_expires: EXPIRES,
};

/// The subscription that a REFER has made.
pub(super) struct Subscription {
    refer: u64,
    flow: Flow,
    told: Told,
    /// What the next NOTIFY says.
    status: u16,
}

enum Told {
    /// In a dialog that the REFER made.
    Own(Box<Notifier>),
    /// In the dialog of a leg.
    Inside(Inside),
}

/// A subscription that shares the dialog of a leg (RFC 3515 section 2.4.6: the id of its event is
/// the number of the REFER).
struct Inside {
    leg: room::LegId,
    number: u32,
    due: bool,
    outstanding: bool,
    ends: bool,
    over: bool,
    until: Instant,
}

impl Subscription {
    pub(super) fn new(refer: u64, request: &Request, way: Way, flow: Flow, now: Instant) -> Self {
        let number = request.require::<CSeq<'_>>().map_or(0, |cseq| cseq.number);
        let told = match way {
            Way::Own(dialog) => {
                let wish = Wish {
                    id: None,
                    expires: EXPIRES,
                    content_type: SIPFRAG,
                };
                let mut notifier = Notifier::new(*dialog, TERMS.package, &wish, now);
                notifier.activate();
                Told::Own(Box::new(notifier))
            }
            Way::Leg(leg) => Told::Inside(Inside {
                leg,
                number,
                due: true,
                outstanding: false,
                ends: false,
                over: false,
                until: now + std::time::Duration::from_secs(EXPIRES.into()),
            }),
        };
        Self {
            refer,
            flow,
            told,
            status: 100,
        }
    }

    /// It has come to an end, this one.
    pub(super) fn ends(&mut self, status: u16) {
        self.status = status;
        match &mut self.told {
            Told::Own(notifier) => notifier.terminate(Reason::NoResource, None),
            Told::Inside(inside) => {
                inside.ends = true;
                inside.due = true;
            }
        }
    }

    /// Sends the NOTIFY that is due, if one is.
    pub(super) fn send(&mut self, legs: &mut Legs, desk: &mut Desk) {
        let owner = Owner::Referral(self.refer);
        let body = frag(self.status);
        match &mut self.told {
            Told::Own(notifier) if notifier.wants_notify(desk.now) => {
                let route = desk.house.record_route(&self.flow);
                let now = desk.now;
                desk.request(&Method::Notify, &self.flow, owner, |via| {
                    let mut draft = notifier.notify(via, now);
                    draft.header(Name::RecordRoute, route);
                    finish(draft, &body)
                });
            }
            Told::Inside(inside) if inside.due && !inside.outstanding => {
                let Some(leg) = legs.get_mut(inside.leg) else {
                    inside.over = true;
                    return;
                };
                inside.due = false;
                inside.outstanding = true;
                let number = inside.number.to_string();
                let event = Event {
                    package: TERMS.package,
                    id: Some(&number),
                };
                let left = inside.until.saturating_duration_since(desk.now).as_secs();
                let state = match inside.ends {
                    true => SubscriptionState::terminated("noresource"),
                    false => SubscriptionState::active(u32::try_from(left).unwrap_or(EXPIRES)),
                };
                desk.request(&Method::Notify, &leg.flow, owner, |via| {
                    let mut draft = leg.dialog.request(&Method::Notify, via);
                    draft.header(Name::Event, event);
                    draft.header(Name::SubscriptionState, state);
                    finish(draft, &body)
                });
            }
            Told::Own(_) | Told::Inside(_) => {}
        }
    }

    /// A request inside the dialog that the REFER made; the 200, if it is a SUBSCRIBE that fits.
    pub(super) fn refresh(
        &mut self,
        request: &Request,
        flow: &Flow,
        now: Instant,
    ) -> Result<Bytes, Answer> {
        let Told::Own(notifier) = &mut self.told else {
            return Err(Answer::plain(481));
        };
        if *request.method() != Method::Subscribe {
            return Err(match request.method() {
                Method::Bye | Method::Notify | Method::Prack => Answer::plain(481),
                Method::Other(_) => Answer::plain(501),
                _ => Answer::plain(405).with(Name::Allow, "SUBSCRIBE"),
            });
        }
        let fits = notifier.receive(request);
        fits.map_err(|refusal| misfit(&refusal))?;
        self.flow.follow(flow, request);
        let wish = TERMS
            .read(request)
            .map_err(|refused| notify::answer(&refused, &TERMS))?;
        notifier.refresh(&wish, now);
        let mut draft = notifier.dialog().response(request, 200, "OK");
        draft.header(Name::Server, SERVER);
        draft.header(Name::Expires, wish.expires);
        Ok(draft.finish())
    }

    /// A NOTIFY has its final response.
    pub(super) fn answered(&mut self, response: &Response, now: Instant) {
        match &mut self.told {
            Told::Own(notifier) => notifier.answered(response, now),
            Told::Inside(inside) => {
                inside.outstanding = false;
                // Whatever the answer to the last one is, it was the last; and whoever does not
                // understand the first gets no other.
                inside.over = !response.is_success() || (inside.ends && !inside.due);
            }
        }
    }

    /// A NOTIFY had no answer.
    pub(super) fn failed(&mut self) {
        match &mut self.told {
            Told::Own(notifier) => notifier.failed(),
            Told::Inside(inside) => inside.over = true,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match &mut self.told {
            Told::Own(notifier) => notifier.handle_timeout(now),
            Told::Inside(inside) if inside.until <= now => {
                inside.ends = true;
                inside.due = true;
            }
            Told::Inside(_) => {}
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.told {
            Told::Own(notifier) => notifier.poll_timeout(),
            Told::Inside(inside) => (!inside.ends).then_some(inside.until),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match &self.told {
            Told::Own(notifier) => notifier.is_over(),
            Told::Inside(inside) => inside.over,
        }
    }

    /// The dialog it has to itself, if it has one.
    pub(super) fn dialog_id(&self) -> Option<&DialogId> {
        match &self.told {
            Told::Own(notifier) => Some(notifier.dialog().id()),
            Told::Inside(_) => None,
        }
    }
}

fn finish(mut draft: Draft, body: &str) -> Bytes {
    user_agent(&mut draft);
    draft.finish_with(SIPFRAG, body.as_bytes())
}

/// RFC 3515 section 2.4.5: at least the status line.
fn frag(status: u16) -> String {
    format!("SIP/2.0 {status} {}\r\n", crate::core::phrase(status))
}
