//! What a peer asks inside the dialog of a leg: to change the session (IM-7.1.1.5), to keep it
//! (RFC 4028), to leave it.
//!
//! ```text
//!   INVITE, UPDATE ──▶ Change::read ──▶ 200 with our description and timer      else 4xx, and the
//!   BYE ──▶ 200, the leg is gone, the room told                                 session goes on
//! ```

mod refresh;
#[cfg(test)]
mod tests;

pub(crate) use refresh::{Refreshes, Reinvites};

use bytes::Bytes;
use room::LegId;
use sip::header::{CSeq, MinSe};
use sip::sdp::{Description, MsrpMedia, Setup};
use sip::session_timer::{Agreed, Refresher, SessionTimer};
use sip::transaction::{ServerId, Unconfirmed};
use sip::{Method, Name, Request};

use crate::config::Policy;
use crate::core::Answer;
use crate::core::desk::Desk;
use crate::focus::legs::{Leg, Legs, general};
use crate::focus::{ACCEPT, RECIPIENT_LIST, TIMER, body, media, timer};
use crate::house::House;
use crate::net::Flow;
use crate::notify::misfit;
use crate::rooms::{Order, RoomHandle};
use crate::switch::Switch;

/// What is understood inside a dialog of the focus.
const ALLOW_INSIDE: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, REFER";

impl Legs {
    /// Takes a request inside a leg's dialog, and answers it.
    pub(crate) fn inside(
        &mut self,
        id: LegId,
        server: ServerId,
        request: Request,
        flow: &Flow,
        desk: &mut Desk,
    ) {
        let Some(leg) = self.get_mut(id) else {
            return desk.answer(server, &request, &Answer::plain(481));
        };
        let fits = leg.dialog.receive(&request);
        if fits.is_ok() {
            leg.flow.follow(flow, &request);
        }
        let refused = match fits {
            Err(refusal) => Some(misfit(&refusal)),
            Ok(()) => match request.method() {
                Method::Bye => return self.bye(id, server, &request, desk),
                Method::Invite => leg.reinvited(server, &request, desk).err(),
                Method::Update => leg.updated(server, &request, desk).err(),
                Method::Options => {
                    leg.options(server, &request, desk);
                    None
                }
                method => Some(not_here(method)),
            },
        };
        if let Some(answer) = refused {
            tracing::debug!(leg = id.0, method = %request.method(), "refused: {}", answer.explain());
            desk.answer(server, &request, &answer);
        } else {
            self.wind(id);
        }
    }

    /// Does a request fit the dialog of a leg? Then the room that the leg is in.
    pub(crate) fn fits(
        &mut self,
        id: LegId,
        request: &Request,
        flow: &Flow,
    ) -> Result<RoomHandle, Answer> {
        let leg = self.get_mut(id).ok_or(Answer::plain(481))?;
        let fits = leg.dialog.receive(request);
        fits.map_err(|refusal| misfit(&refusal))?;
        leg.flow.follow(flow, request);
        Ok(leg.room.clone())
    }

    /// The peer leaves.
    fn bye(&mut self, id: LegId, server: ServerId, request: &Request, desk: &mut Desk) {
        if let Some(leg) = self.get_mut(id) {
            // Whoever has heard that they are out must not hear another word.
            Switch::dismiss(&leg.session);
            let mut draft = leg.dialog.response(request, 200, "OK");
            general(&mut draft);
            desk.respond(server, 200, draft.finish());
        }
        self.ended(id, desk);
    }
}

/// Why a method is not taken inside a leg.
fn not_here(method: &Method) -> Answer {
    match method {
        // RFC 6665 section 4.5.2: a subscription has a dialog of its own.
        Method::Subscribe => Answer::because(403, "Subscribe in a Dialog of Its Own"),
        // RFC 3262 section 3 and RFC 6665 section 4.1.3: about something that there is not.
        Method::Prack | Method::Notify => Answer::plain(481),
        Method::Other(_) => Answer::plain(501),
        _ => Answer::plain(405).with(Name::Allow, ALLOW_INSIDE),
    }
}

/// What an INVITE or UPDATE inside a dialog wants, found acceptable.
struct Change {
    sdp: Option<Description>,
    timer: Option<Agreed>,
}

impl Change {
    fn read(house: &House, request: &Request, policy: &Policy) -> Result<Self, Answer> {
        options(request)?;
        let timer = timer::agree(request, policy)?;
        let bodies = body::read(request, policy.focus.max_adhoc_group_size)?;
        if bodies.list.is_some() {
            // RFC 5366 section 5.1: also when the option was forgotten.
            return Err(Answer::plain(420).with(Name::Unsupported, RECIPIENT_LIST));
        }
        // IM-7.1.1.5: without a chat in it there is nothing to carry; the session stays as it is.
        if bodies.sdp.as_ref().is_some_and(|sdp| chat(sdp).is_none()) {
            return Err(Answer::plain(488).with_sdp(media::capabilities(house)));
        }
        Ok(Self {
            sdp: bodies.sdp,
            timer,
        })
    }
}

/// RFC 5366 section 5.1: `recipient-list-invite` is understood by the factory alone.
fn options(request: &Request) -> Result<(), Answer> {
    let unknown: Vec<_> = request
        .tokens(Name::Require)
        .filter(|option| !option.eq_ignore_ascii_case(TIMER))
        .collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Answer::plain(420).with(Name::Unsupported, unknown.join(", "))),
    }
}

/// The chat in an offer that comes in a session. Who connects does not matter any more: the
/// connection that is there stays.
fn chat(sdp: &Description) -> Option<(usize, &MsrpMedia)> {
    let (index, media) = sdp.msrp().ok()?;
    (!media.tls && media.accepts("message/cpim")).then_some((index, media))
}

impl Leg {
    /// A re-INVITE: IM-7.1.1.5-S1 as its other side sees it, RFC 3261 section 14.2.
    fn reinvited(
        &mut self,
        server: ServerId,
        request: &Request,
        desk: &mut Desk,
    ) -> Result<(), Answer> {
        let policy = desk.house.policy();
        let change = Change::read(&desk.house, request, &policy)?;
        let cseq = request.require::<CSeq<'_>>().map_or(0, |cseq| cseq.number);
        if self.awaits_answer {
            // RFC 3264 section 4: our offer has to be answered before there is another.
            return Err(Answer::plain(491));
        }
        let chance = desk.rng.u64();
        self.invites
            .receive(cseq, chance)
            .map_err(|refusal| misfit(&refusal))?;
        // From here on it is accepted.
        self.awaits_answer = change.sdp.is_none();
        let sdp = match &change.sdp {
            Some(offer) => self.answer(offer),
            // RFC 3261 section 14.2: the offer is ours, and says what was said before.
            None => self
                .description
                .current()
                .unwrap_or_else(|| self.description.offer(&self.local)),
        };
        let response = self.accept(request, change.timer, Some(&sdp), desk);
        desk.respond(server, 200, response.clone());
        self.invites.accepted();
        self.unconfirmed = Some((cseq, Unconfirmed::new(response, desk.now, desk.timers())));
        Ok(())
    }

    /// An UPDATE (RFC 3311 section 5.2).
    fn updated(
        &mut self,
        server: ServerId,
        request: &Request,
        desk: &mut Desk,
    ) -> Result<(), Answer> {
        let policy = desk.house.policy();
        let change = Change::read(&desk.house, request, &policy)?;
        if change.sdp.is_some() && (self.awaits_answer || self.refreshes.has_offer()) {
            return Err(Answer::plain(491));
        }
        let sdp = change.sdp.as_ref().map(|offer| self.answer(offer));
        let response = self.accept(request, change.timer, sdp.as_ref(), desk);
        desk.respond(server, 200, response);
        Ok(())
    }

    /// Our answer to an offer that was found acceptable. The same offer gets the same answer.
    fn answer(&mut self, offer: &Description) -> Bytes {
        let Some((index, peer)) = chat(offer) else {
            return self.description.current().unwrap_or_default();
        };
        self.described(peer);
        self.local.setup = role(self.local.setup, peer.setup);
        // RFC 7701 section 8: what the room allows may have changed.
        self.local.chatroom = media::abilities(&self.room);
        self.description.answer(offer, index, &self.local)
    }

    /// The peer has described its end: the switch learns where it is, the room what it takes.
    pub(crate) fn described(&self, peer: &MsrpMedia) {
        self.session.peer(&peer.path.join(" "));
        self.room.tell(Order::Described {
            leg: self.session.leg,
            accepts: peer.accept_types.as_slice().into(),
            wrapped: peer.accept_wrapped_types.as_slice().into(),
            whispers: peer.takes_private_messages(),
        });
    }

    /// Writes the 200 to an INVITE or UPDATE, and starts the timer anew that it sets.
    fn accept(
        &mut self,
        request: &Request,
        agreed: Option<Agreed>,
        sdp: Option<&Bytes>,
        desk: &Desk,
    ) -> Bytes {
        self.note_allow(request);
        if let Ok(Some(MinSe(seconds))) = request.get::<MinSe>() {
            self.refreshes.saw_min_se(seconds);
        }
        self.refreshes.settled();
        // RFC 4028 section 9: we are the answering side of this refresh.
        self.timer = agreed.map(|agreed| SessionTimer::new(&agreed, Refresher::Uas, desk.now));
        let mut draft = self.dialog.response(request, 200, "OK");
        general(&mut draft);
        if let Some(agreed) = &agreed {
            timer::write(&mut draft, agreed);
        }
        match sdp {
            Some(sdp) => draft.finish_with("application/sdp", sdp),
            None => draft.finish(),
        }
    }

    fn options(&self, server: ServerId, request: &Request, desk: &mut Desk) {
        let mut draft = self.dialog.response(request, 200, "OK");
        general(&mut draft);
        draft.header(Name::Accept, ACCEPT);
        draft.header(Name::AllowEvents, "conference");
        desk.respond(server, 200, draft.finish());
    }
}

/// Our role in the answer to a later offer. Where the offer leaves the choice, the one we have, so
/// that nothing changes; an answer cannot leave it open (RFC 4145 section 4.1).
fn role(ours: Setup, offered: Option<Setup>) -> Setup {
    match (offered, ours) {
        (Some(Setup::ActPass), Setup::Active | Setup::Passive) => ours,
        (offered, _) => Setup::negotiate(offered, true),
    }
}
