//! Requests of the server: it calls, tells, and hangs up.

use std::time::Instant;

use sip::dialog::Dialog;
use sip::header::CSeq;
use sip::{Draft, Method, Name, Request};

use super::super::super::tally::Fault;
use super::super::roster::Told;
use super::people::{Leg, LegId, News, RoomId, Stage};
use super::{Phones, letters};

impl Phones {
    pub(super) fn asked(&mut self, line: usize, request: &Request, now: Instant) {
        match request.method() {
            Method::Invite => self.called(line, request, now),
            Method::Ack => self.confirmed(request, now),
            Method::Notify => self.notified(line, request, now),
            Method::Bye => {
                // What has ended may be ended again: the 200 may have been lost.
                if let Some(id) = self.leg_of(request) {
                    self.ended(id);
                }
                self.reply(line, request, 200, "OK");
            }
            Method::Cancel => {
                // We answer INVITEs at once, so it comes too late.
                self.reply(line, request, 200, "OK");
            }
            Method::Options | Method::Update | Method::Message => {
                self.reply(line, request, 200, "OK");
            }
            _ => self.reply(line, request, 501, "Not Implemented"),
        }
    }

    fn reply(&mut self, line: usize, request: &Request, status: u16, reason: &str) {
        let tag = self.cast.nonce.clone();
        let draft = Draft::response(request, status, reason, Some(&tag));
        self.out.push((line, draft.finish()));
    }

    /// The leg that a request inside a dialog is about.
    fn leg_of(&self, request: &Request) -> Option<LegId> {
        let call_id = request.raw(Name::CallId)?;
        let theirs = self.calls.get(call_id).copied();
        theirs.or_else(|| self.our_leg(call_id, 'i'))
    }

    /// The server has ended a session: as it should, or because something went wrong.
    fn ended(&mut self, id: LegId) {
        let Some(leg) = self.leg(id) else { return };
        if leg.stage == Stage::Over {
            return;
        }
        self.spoil(id, Fault::Other("the server hung up"));
        self.over(id);
    }

    fn called(&mut self, line: usize, request: &Request, now: Instant) {
        if let Some(leg) = self.leg_of(request).and_then(|id| self.leg(id)) {
            // The same again, if our 200 was lost. What would change the session is not taken.
            let (is_waiting, again) = (leg.stage == Stage::Answered, leg.last_word.clone());
            if is_waiting {
                return self.out.push((line, again));
            }
            return self.reply(line, request, 488, "Not Acceptable Here");
        }
        let user = self.cast.number(request.uri());
        let room = user.and_then(|user| self.room_of(user, request));
        let (Some(user), Some(room), Some(at)) = (user, room, self.at(line)) else {
            self.fault(Fault::Other("a call that nobody expected"));
            return self.reply(line, request, 480, "Temporarily Unavailable");
        };
        let tag = format!("c{}", self.legs.len());
        let contact = self.cast.contact(user, at);
        let Ok(mut dialog) = Dialog::uas(request, &tag, &contact) else {
            self.fault(Fault::Malformed);
            return self.reply(line, request, 400, "Bad Request");
        };
        dialog.confirm();
        let focus = dialog.remote_target().to_owned();
        let peer = letters::peer(&request.body());
        let draft = dialog.response(request, 200, "OK");
        let mut leg = Leg::new(room, user, Stage::Answered, focus);
        leg.dialog = Some(dialog);
        let id = self.add(leg);
        let path = letters::own_path(at, id.0, &self.cast.nonce);
        let answer = letters::sdp(at, id.0, &path);
        let ok = draft.finish_with("application/sdp", answer.as_bytes());
        if let Some(leg) = self.legs.get_mut(id.0) {
            leg.last_word = ok.clone();
        }
        let call_id = request.raw(Name::CallId).unwrap_or_default();
        self.calls.insert(call_id.into(), id);
        self.out.push((line, ok));
        self.waiting.answered(id, now);
        self.connect(id, peer);
    }

    /// The room that a call is about: as the Subject says, which a focus hands on, or the one that
    /// has waited longest.
    fn room_of(&mut self, user: u32, request: &Request) -> Option<RoomId> {
        let subject = request.raw(Name::Subject);
        let named = subject
            .and_then(|subject| subject.strip_prefix("load "))
            .and_then(|number| number.parse().ok())
            .map(RoomId);
        let expected = &mut self.user(user)?.expected;
        let at = expected.iter().position(|room| Some(*room) == named);
        let at = at.unwrap_or(0);
        (at < expected.len()).then(|| expected.remove(at))
    }

    fn confirmed(&mut self, request: &Request, now: Instant) {
        let Some(id) = self.leg_of(request) else {
            return;
        };
        if let Some(leg) = self.legs.get_mut(id.0)
            && leg.stage == Stage::Answered
        {
            leg.stage = Stage::Up;
            leg.last_word = bytes::Bytes::new();
            // Not before: until our 200 is there, the server does not know that we are in.
            self.subscribe(id, now);
        }
    }

    fn notified(&mut self, line: usize, request: &Request, now: Instant) {
        let call_id = request.raw(Name::CallId).unwrap_or_default();
        let Some(id) = self.our_leg(call_id, 's') else {
            self.fault(Fault::Other("a NOTIFY that nobody asked for"));
            return self.reply(line, request, 481, "Subscription Does Not Exist");
        };
        self.reply(line, request, 200, "OK");
        let number = request.require::<CSeq<'_>>().map_or(0, |cseq| cseq.number);
        let body = request.body();
        let cast = &self.cast;
        let Some(leg) = self.legs.get_mut(id.0) else {
            return;
        };
        let Some(room) = self.rooms.get(leg.room.0) else {
            return;
        };
        if number <= leg.last_notify {
            return;
        }
        leg.last_notify = number;
        if body.is_empty() {
            return;
        }
        let octets = u64::try_from(body.len()).unwrap_or(u64::MAX);
        leg.notices += 1;
        leg.notice_octets = leg.notice_octets.saturating_add(octets);
        let told = leg.roster.take(&body, &room.seats, |uri| cast.number(uri));
        self.news.push(News::Noticed(id, octets));
        match told {
            Told::Full | Told::Partial => {}
            Told::Gap => self.fault(Fault::Other("a NOTIFY version was skipped")),
            Told::Strange => self.fault(Fault::Other("a NOTIFY that is no conference-info")),
        }
        self.look(id, now);
    }
}
