//! REFERs of ours: a conference is asked to invite people (IM 7.1.1.7), or to let somebody go (RFC
//! 4579 section 5.11).
//!
//! ```text
//!   REFER ──▶ Asked ──2xx with Refer-Sub: false──▶ done
//!               │
//!               └──2xx without──▶ Told, by each NOTIFY ──terminated, expiry──▶ done
//! ```
//!
//! A REFER goes outside the session's dialog, to the IM Session Identity: whoever is in the
//! conference is known there by who they are. We ask not to be told how it goes on, since the
//! conference event package tells; a server that tells all the same is heard.

use std::time::{Duration, Instant};

use sip::dialog::{Dialog, Outset, Refusal};
use sip::header::{Event as Package, ReferSub, SubscriptionState};
use sip::transaction::ServerId;
use sip::{Malformed, Method, Name, Request, Uri};
use xdm::resource_lists::{CopyControl, Entry};

use crate::command::Reply;
use crate::core::Core;
use crate::event::{Event, SessionId};
use crate::failure::Failure;
use crate::invitee::{checked, each_once};
use crate::post::{Outcome, Purpose};
use crate::request::{self, Letter};
use crate::session::Stage;

/// A REFER under way, or one whose outcome is still being told.
pub(crate) struct Referral {
    session: SessionId,
    outset: Outset,
    letter: Letter,
    /// The dialog that the first NOTIFY has made.
    dialog: Option<Dialog>,
    /// Who waits for the answer.
    reply: Option<Reply<()>>,
    /// When there is no more to wait for.
    until: Option<Instant>,
    /// Has a NOTIFY said that there is no more to come?
    over: bool,
}

/// The most REFERs that are under way or told about at a time: people add people one by one.
const REFERRALS_MAX: usize = 32;

/// How long we are told about a REFER, at most. An invitation rings for some minutes.
const TOLD_MAX: Duration = Duration::from_secs(3600);

/// The longest reason phrase that is passed on, in characters.
const REASON_MAX: usize = 200;

impl Referral {
    /// While the REFER is under way, its transaction has the time.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.until.filter(|_| self.reply.is_none())
    }
}

impl Core {
    /// Asks a conference to invite people.
    pub(crate) fn refer(
        &mut self,
        id: SessionId,
        guests: Vec<Entry>,
        reply: Reply<()>,
        now: Instant,
    ) {
        match self.referral(id, each_once(guests)) {
            Ok(letter) => self.begin_refer(id, letter, reply, now),
            Err(failure) => _ = reply.send(Err(failure)),
        }
    }

    /// Asks a conference to let somebody go.
    pub(crate) fn remove(&mut self, id: SessionId, uri: &str, reply: Reply<()>, now: Instant) {
        let letter = self.conference(id).and_then(|anonymous| {
            let to = with_method(uri, "BYE")?;
            Ok(request::refer_one(&self.me(anonymous), &to))
        });
        match letter {
            Ok(letter) => self.begin_refer(id, letter, reply, now),
            Err(failure) => _ = reply.send(Err(failure)),
        }
    }

    /// Is this a conference that we are in? Then whether we are anonymous there.
    fn conference(&self, id: SessionId) -> Result<bool, Failure> {
        let session = self.sessions.get(&id).ok_or(Failure::NoSuchSession)?;
        let why = match &session.stage {
            Stage::Live(_) if session.is_group() => return Ok(session.anonymous),
            Stage::Live(_) => "this is no conference: extend it",
            Stage::Called(_) | Stage::Calling(_) => "there is no session yet",
        };
        Err(Failure::NotNow { why })
    }

    /// The REFER that names these people.
    fn referral(&mut self, id: SessionId, guests: Vec<Entry>) -> Result<Letter, Failure> {
        let anonymous = self.conference(id)?;
        let is_ad_hoc = self.sessions.get(&id).is_some_and(|session| session.ad_hoc);
        // IM-7.1.1.7-S5: counted for what our own factory has made. In a group, and in a conference
        // of others, its own rules hold.
        if is_ad_hoc || guests.is_empty() {
            self.check_guests(&guests)?;
        }
        for guest in &guests {
            checked(&guest.uri)?;
        }
        let list = format!("{}@{}", self.rng.token128(), self.home());
        let me = self.me(anonymous);
        Ok(match guests.as_slice() {
            [one] if !is_hidden(one) => request::refer_one(&me, &one.uri),
            // A Refer-To has no place for how visibly one is invited, but a list of one has.
            guests => request::refer_many(&me, guests, &list, self.config.refer_sub),
        })
    }

    /// The host of our address of record.
    fn home(&self) -> String {
        let uri = Uri::parse(&self.config.aor);
        uri.map_or_else(|_| "localhost".to_owned(), |uri| uri.host().to_owned())
    }

    fn begin_refer(&mut self, id: SessionId, letter: Letter, reply: Reply<()>, now: Instant) {
        let full = self.referrals.len() >= REFERRALS_MAX;
        let refusal = match self.sessions.get(&id) {
            Some(_) if full => Failure::NotNow {
                why: "too many are being invited or removed already",
            },
            None => Failure::NoSuchSession,
            Some(session) => {
                let me = self.me(session.anonymous);
                let (from, contact) = (me.from(), me.contact());
                // IM-7.1.1.7-S2: the Request-URI is the IM Session Identity.
                let target = session.identity.clone();
                let (call_id, tag) = (self.rng.token128(), self.rng.token(64));
                let to = format!("<{target}>");
                let outset = Outset::new(&call_id, &tag, &from, &to, &target, &contact);
                let referral = Referral {
                    session: id,
                    outset,
                    letter,
                    dialog: None,
                    reply: Some(reply),
                    until: None,
                    over: false,
                };
                self.last_refer = self.last_refer.wrapping_add(1);
                self.referrals.insert(self.last_refer, referral);
                self.send_refer(self.last_refer, 0, now);
                return;
            }
        };
        let _gone = reply.send(Err(refusal));
    }

    /// Sends the REFER, for the first time or with credentials.
    pub(crate) fn send_refer(&mut self, refer: u32, tries: u8, now: Instant) {
        let (branch, via) = self.via();
        let Some(referral) = self.referrals.get_mut(&refer) else {
            return;
        };
        // IM-7.1.1.7-S1: a REFER by RFC 3515.
        let draft = referral.outset.request(&Method::Refer, &via);
        let target = referral.outset.next_hop().to_owned();
        let letter = referral.letter.clone();
        let credentials = self.sign(&Method::Refer, &target);
        let bytes = letter.finish(draft, &credentials);
        let sent = (Purpose::Refer(refer), credentials, tries);
        // IM-7.1.1.7-S7: towards the IM Session Identity, by way of the outbound proxy.
        self.post((&branch, bytes), Method::Refer, sent, now);
    }

    pub(crate) fn refer_outcome(&mut self, refer: u32, outcome: &Outcome<'_>, now: Instant) {
        let failure = self.failure(outcome);
        let patience = self.config.timers.patience();
        let Some(referral) = self.referrals.get_mut(&refer) else {
            return;
        };
        let (answer, told) = match outcome {
            Outcome::Response(response) if response.is_success() => {
                // RFC 4488 section 4: only a false here says that nothing more comes.
                let refer_sub = response.get::<ReferSub>().ok().flatten();
                (Ok(()), refer_sub != Some(ReferSub(false)))
            }
            Outcome::Response(_) | Outcome::Lost(_) => (Err(failure), false),
        };
        if let Some(reply) = referral.reply.take() {
            let _gone = reply.send(answer);
        }
        if !told || referral.over {
            self.referrals.remove(&refer);
        } else if referral.until.is_none() {
            // RFC 6665 section 4.1.2.4: timer N, for the first NOTIFY.
            referral.until = Some(now + patience);
        }
    }

    /// The REFER whose subscription a NOTIFY may belong to.
    pub(crate) fn referral_of(&self, notify: &Request) -> Option<u32> {
        let call = notify.raw(Name::CallId)?;
        let mut all = self.referrals.iter();
        let found = all.find(|(_, referral)| referral.outset.call_id() == call);
        found.map(|(refer, _)| *refer)
    }

    /// IM-7.1.1.7-NTFY-S1: a NOTIFY about a REFER of ours, by RFC 3515 section 2.4.4 and RFC 6665
    /// section 4.1.3.
    pub(crate) fn asked_refer_notify(
        &mut self,
        id: ServerId,
        refer: u32,
        request: &Request,
        now: Instant,
    ) {
        let Some(referral) = self.referrals.get_mut(&refer) else {
            return;
        };
        let (session, over) = match referral.notified(request, now) {
            Ok(over) => (referral.session, over),
            Err((status, reason)) => {
                self.fault(format_args!(
                    "a NOTIFY about a REFER was refused: {status} {reason}"
                ));
                self.refuse(id, request, status, &reason, now);
                return;
            }
        };
        if over && referral.reply.is_none() {
            self.referrals.remove(&refer);
        }
        let draft = self.response(request, 200, "OK");
        self.respond(id, 200, draft.finish(), now);
        let line = status_line(&request.body());
        if line.is_none() && !request.body().is_empty() {
            self.fault("a NOTIFY about a REFER does not begin with a status line");
        }
        if line.is_some() || over {
            // IM-7.1.1.7-NTFY-S2: what it says is told to the user.
            let (status, reason) = line.map_or((None, String::new()), |(s, r)| (Some(s), r));
            self.tell(Event::ReferProgress {
                session,
                refer,
                status,
                reason,
                over,
            });
        }
    }

    /// A session is over, and what was asked of it.
    pub(crate) fn end_referrals(&mut self, ended: SessionId) {
        // What they still tell gets a 481, which ends that (RFC 6665 section 4.2.2).
        let of = |referral: &Referral| referral.session == ended;
        let over = self.referrals.extract_if(.., |_, referral| of(referral));
        for reply in over.filter_map(|(_, referral)| referral.reply) {
            let _gone = reply.send(Err(Failure::NoSuchSession));
        }
    }

    pub(crate) fn refer_timeouts(&mut self, now: Instant) {
        let due = |referral: &Referral| referral.poll_timeout().is_some_and(|at| at <= now);
        let over: Vec<_> = self
            .referrals
            .extract_if(.., |_, referral| due(referral))
            .collect();
        for (refer, referral) in over {
            // Of what has never been told about, nobody waits for more.
            if referral.dialog.is_some() {
                self.tell(Event::ReferProgress {
                    session: referral.session,
                    refer,
                    status: None,
                    reason: String::new(),
                    over: true,
                });
            }
        }
    }
}

impl Referral {
    /// Takes a NOTIFY. Is there no more to come? The error is the answer to it.
    fn notified(&mut self, request: &Request, now: Instant) -> Result<bool, (u16, String)> {
        let bad = |malformed: Malformed| (400, malformed.0.to_owned());
        let package = request.require::<Package<'_>>().map_err(bad)?;
        if package.package != "refer" {
            return Err((489, "Bad Event".to_owned()));
        }
        // RFC 3515 section 2.4.6: the id is the CSeq of the REFER, if there is one.
        let of_ours = |id: &str| id.parse() == Ok(self.outset.cseq());
        if !package.id.is_none_or(of_ours) {
            return Err((481, "Subscription Does Not Exist".to_owned()));
        }
        let state = request.require::<SubscriptionState<'_>>().map_err(bad)?;
        let is_sipfrag = |content_type: &str| {
            let media_type = content_type.split(';').next().unwrap_or_default().trim();
            media_type.eq_ignore_ascii_case("message/sipfrag")
        };
        // RFC 3515 section 2.4.5.
        if !request.body().is_empty() && !request.raw(Name::ContentType).is_some_and(is_sipfrag) {
            return Err((415, "Unsupported Media Type".to_owned()));
        }
        match &mut self.dialog {
            Some(dialog) => dialog.receive(request).map_err(refused)?,
            // RFC 6665 section 4.1.3: the first NOTIFY makes the dialog, even before the 2xx.
            None => {
                self.dialog = Some(Dialog::notified(&self.outset, request).map_err(refused)?);
            }
        }
        let lasts = state.expires.map(|s| Duration::from_secs(s.into()));
        let lasts = lasts.unwrap_or(TOLD_MAX).min(TOLD_MAX);
        self.until = Some(now + lasts);
        self.over = state.is_terminated();
        Ok(self.over)
    }
}

fn refused(refusal: Refusal) -> (u16, String) {
    (refusal.status(), refusal.to_string())
}

/// Is somebody to be invited unseen by the others?
fn is_hidden(guest: &Entry) -> bool {
    guest.anonymize || guest.copy_control == Some(CopyControl::Bcc)
}

/// An address with the method that a REFER asks for (RFC 3515 section 2.1).
fn with_method(uri: &str, method: &str) -> Result<String, Failure> {
    let (address, headers) = match uri.split_once('?') {
        Some((address, headers)) => (address, format!("?{headers}")),
        None => (uri, String::new()),
    };
    let no_method = Failure::Malformed {
        why: format!("{uri} is no address that a method can be added to"),
    };
    let text = checked(&format!("{address};method={method}{headers}"));
    match text {
        Ok(text) if Uri::parse(&text).is_ok_and(|uri| uri.is_sip()) => Ok(text),
        Ok(_) | Err(_) => Err(no_method),
    }
}

/// The status line that a sipfrag begins with (RFC 3515 section 2.4.5).
fn status_line(body: &[u8]) -> Option<(u16, String)> {
    let line = body.split(|b| matches!(b, b'\r' | b'\n')).next()?;
    let line = std::str::from_utf8(line).ok()?;
    let (version, rest) = line.split_once(' ')?;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = status.parse().ok().filter(|s| (100..700).contains(s))?;
    let reason = reason.chars().take(REASON_MAX).collect();
    version
        .eq_ignore_ascii_case("SIP/2.0")
        .then_some((status, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sipfrag_begins_with_a_status_line() {
        let ok = |status, reason: &str| Some((status, reason.to_owned()));
        for (body, want) in [
            ("SIP/2.0 100 Trying", ok(100, "Trying")),
            ("SIP/2.0 603 No way\r\nWarning: x", ok(603, "No way")),
            ("SIP/2.0 200", ok(200, "")),
            ("SIP/2.0 200 \n", ok(200, "")),
            ("SIP/2.0 99 Low", None),
            ("SIP/2.0 abc", None),
            ("HTTP/1.1 200 OK", None),
            ("INVITE sip:b@h SIP/2.0", None),
            ("", None),
            ("\r\nSIP/2.0 200 OK", None),
        ] {
            assert_eq!(status_line(body.as_bytes()), want, "{body:?}");
        }
        assert_eq!(status_line(b"SIP/2.0 200 \xff"), None);
        let long = format!("SIP/2.0 200 {}", "x".repeat(1000));
        assert_eq!(status_line(long.as_bytes()).unwrap().1.len(), REASON_MAX);
    }

    #[test]
    fn a_method_stands_before_the_headers_of_an_address() {
        for (uri, want) in [
            ("sip:bob@h", Some("sip:bob@h;method=BYE")),
            (
                "sips:bob@h;gr=1?a=b",
                Some("sips:bob@h;gr=1;method=BYE?a=b"),
            ),
            ("tel:+1555", None),
            ("bob", None),
            ("sip:bob@h;method=INVITE", None),
        ] {
            assert_eq!(with_method(uri, "BYE").ok().as_deref(), want, "{uri}");
        }
    }
}
