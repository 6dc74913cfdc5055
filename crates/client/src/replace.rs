//! An invitation that takes the place of a session (RFC 3891 section 3), and the end of what it
//! replaces.
//!
//! ```text
//!   INVITE with Replaces ──▶ a dialog of ours? ──no──▶ 481; 603 if it has just ended
//!                                  │ yes
//!                                  ▼
//!            may whoever sends it replace that? ──no──▶ 403
//!                                  │ yes
//!                                  ▼
//!              200, without asking the user ──▶ Replaced ──▶ BYE to the old one, or CANCEL
//! ```
//!
//! RCS clients name a session by Session-Replaces instead. That is a hint and no demand: where it
//! fits nothing of ours, the invitation rings as any other.

use std::time::Instant;

use sip::dialog::DialogId;
use sip::header::{Contact, From, NameAddr, PAssertedIdentity, ReferredBy, Replaces};
use sip::multipart::{self, BodyHeaders};
use sip::{Name, Request, Uri};
use xdm::resource_lists::{self, Limits};

use crate::called::No;
use crate::core::Core;
use crate::event::{Event, SessionId};
use crate::known::same;
use crate::session::{SESSIONS_MAX, Session, Stage};

/// How many dialogs that have ended are remembered: as many as there can be sessions.
const ENDED_MAX: usize = SESSIONS_MAX;

/// How a dialog of ours stands that an invitation wants to replace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    Confirmed,
    /// Early, and we began it.
    EarlyOurs,
    /// Early, and the other side began it.
    EarlyTheirs,
}

impl Core {
    /// The session whose place an invitation takes, if it takes one and may.
    pub(crate) fn to_replace(&self, request: &Request) -> Result<Option<SessionId>, No> {
        let Some(replaces) = request.get::<Replaces<'_>>()? else {
            return Ok(self.to_replace_by_name(request));
        };
        // RFC 3891 section 3: no header beside it that wants something else.
        if request.raw_other("Join").is_some() {
            return Err(No::plain(400, "Replaces Beside Join"));
        }
        // The tags are those of a request of the other side: to-tag is ours.
        let id = DialogId::new(replaces.call_id, replaces.to_tag, replaces.from_tag);
        let mut found = self
            .sessions
            .iter()
            .filter_map(|(of, session)| Some((*of, session, stands(session, &id)?)));
        let (old, session, standing) = match (found.next(), found.next()) {
            (Some(found), None) => found,
            // RFC 3891 section 3: what has just ended is not to ring again.
            (None, _) if self.ended.contains(&id) => return Err(No::plain(603, "Decline")),
            (None, _) | (Some(_), Some(_)) => return Err(unknown()),
        };
        if !self.may_replace(session, request) {
            return Err(No::plain(403, "Forbidden"));
        }
        match standing {
            // RFC 3891 section 3: it is wanted only if nobody has answered.
            Standing::Confirmed if replaces.early_only => Err(No::plain(486, "Busy Here")),
            Standing::Confirmed | Standing::EarlyOurs => Ok(Some(old)),
            // RFC 3891 section 3: an invitation to us cannot be replaced by another.
            Standing::EarlyTheirs => Err(unknown()),
        }
    }

    /// The session that Session-Replaces names, if it names one and may.
    fn to_replace_by_name(&self, request: &Request) -> Option<SessionId> {
        let name = self.session_replaces(request)?;
        let mut fits = self
            .sessions
            .iter()
            .filter(|(_, session)| is_called(session, &name) && self.may_replace(session, request));
        match (fits.next(), fits.next()) {
            (Some((id, _)), None) => Some(*id),
            _ => None,
        }
    }

    /// What Session-Replaces says: in the header, or in our entry of a list in the body.
    fn session_replaces(&self, request: &Request) -> Option<String> {
        if let Some(value) = request.raw(Name::SessionReplaces) {
            return Some(bare(value).to_owned());
        }
        let body = request.body();
        let headers = BodyHeaders {
            content_type: request.raw(Name::ContentType)?,
            ..BodyHeaders::default()
        };
        let parts = multipart::parts(&headers, &body).ok()?;
        let list = |disposition| {
            multipart::find(&parts, "application/resource-lists+xml", Some(disposition))
        };
        let part = list("recipient-list").or_else(|| list("recipient-list-history"))?;
        let list = resource_lists::read(&part.body, Limits::default()).ok()?;
        let ours = Uri::parse(&self.config.aor).ok()?.aor();
        list.entries().find_map(|entry| {
            let uri = Uri::parse(&entry.uri).ok()?;
            let mut headers = uri.headers().filter(|_| uri.aor() == ours);
            let (_, value) =
                headers.find(|(name, _)| name.eq_ignore_ascii_case("Session-Replaces"))?;
            Some(bare(&value).to_owned())
        })
    }

    /// May whoever sends this invitation replace that session?
    ///
    /// RFC 3891 section 3: the other side of it may, and whoever is sent by the other side
    /// (Referred-By). So may a conference of our own domain, which does it for somebody in it:
    /// whom it calls, and what it may replace, our own server has decided. Who sends is what the
    /// network asserts, else From, which the home proxy lets nobody forge within its domain. What
    /// keeps strangers out besides is that they know neither Call-ID nor tags.
    fn may_replace(&self, old: &Session, request: &Request) -> bool {
        let asserted = request.first::<PAssertedIdentity<'_>>().ok().flatten();
        let sender = asserted
            .map(|asserted| asserted.0)
            .or_else(|| Some(request.require::<From<'_>>().ok()?.0));
        let referred = request.get::<ReferredBy<'_>>().ok().flatten();
        let is_other_side = |who: &NameAddr<'_>| {
            let who = (!is_nobody(&who.uri)).then(|| who.uri.aor());
            let sides = [Some(&old.whom), Some(&old.identity), old.peer.as_ref()];
            let mut sides = sides.into_iter().flatten();
            who.is_some_and(|who| sides.any(|side| aor(side) == who))
        };
        let contact = request.first::<Contact<'_>>().ok().flatten();
        let is_focus = contact.is_some_and(|contact| contact.params.has("isfocus"));
        sender.as_ref().is_some_and(is_other_side)
            || referred.is_some_and(|referred| is_other_side(&referred.0))
            || (is_focus && sender.is_some_and(|sender| self.is_home(sender.uri.host())))
    }

    /// Is it a host of our own domain, or where our conferences are made?
    fn is_home(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        [&self.config.aor, &self.config.factory]
            .into_iter()
            .filter_map(|home| Uri::parse(home).ok())
            .map(|home| home.host().to_ascii_lowercase())
            .any(|home| {
                let below = host.strip_suffix(&home);
                below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            })
    }

    /// A new session has taken the place of an old one, which ends.
    pub(crate) fn replace(&mut self, old: SessionId, new: SessionId, now: Instant) {
        let Some(session) = self.sessions.get_mut(&old) else {
            return;
        };
        session.replaced_by = Some(new);
        match &mut session.stage {
            // RFC 3261 section 15: who was called sends no BYE before the ACK has come.
            Stage::Live(live) if live.unconfirmed.is_some() => live.at_ack.leave = true,
            Stage::Live(_) => self.give_way(old, new, now),
            // RFC 3891 section 3: an invitation of ours is taken back. It was there a moment ago.
            Stage::Calling(_) => {
                let by = new;
                self.tell(Event::Replaced { session: old, by });
                let _left = self.leave(old, now);
            }
            Stage::Called(_) => {}
        }
    }

    /// RFC 3891 section 3: what is replaced ends with a BYE.
    pub(crate) fn give_way(&mut self, old: SessionId, by: SessionId, now: Instant) {
        self.tell(Event::Replaced { session: old, by });
        self.hang_up(old, &replaced(by), None, now);
    }

    /// The other side ends a session. Has another taken its place? Then that is told, and not that
    /// somebody left.
    pub(crate) fn was_replaced(&mut self, old: SessionId, now: Instant) -> bool {
        let Some(by) = self.sessions.get(&old).and_then(|old| old.replaced_by) else {
            return false;
        };
        self.tell(Event::Replaced { session: old, by });
        self.part(old, &replaced(by), now);
        true
    }

    pub(crate) fn is_being_replaced(&self, id: SessionId) -> bool {
        let session = self.sessions.get(&id);
        session.is_some_and(|session| session.replaced_by.is_some())
    }

    /// A session has ended, or did not come about: it takes nobody's place.
    pub(crate) fn replaces_no_more(&mut self, ended: SessionId) {
        for session in self.sessions.values_mut() {
            session.replaced_by.take_if(|by| *by == ended);
        }
    }

    /// Remembers a dialog that has ended.
    pub(crate) fn note_ended(&mut self, id: &DialogId) {
        if self.ended.len() >= ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(id.clone());
    }
}

fn unknown() -> No {
    No::plain(481, "Call/Transaction Does Not Exist")
}

/// Why a session ended that another has taken the place of.
fn replaced(by: SessionId) -> String {
    format!("replaced by session {by}")
}

/// Is this one of the dialogs of a session, and how does it stand?
fn stands(session: &Session, id: &DialogId) -> Option<Standing> {
    match &session.stage {
        Stage::Called(called) if called.dialog.id() == id => Some(Standing::EarlyTheirs),
        Stage::Calling(calling) if calling.has(id) => Some(Standing::EarlyOurs),
        Stage::Live(live) if live.dialog.id() == id => Some(Standing::Confirmed),
        Stage::Called(_) | Stage::Calling(_) | Stage::Live(_) => None,
    }
}

/// Is this what an RCS client calls a session: its identity as either side stored it, its
/// Contribution-ID, or its Call-ID?
fn is_called(session: &Session, name: &str) -> bool {
    let Stage::Live(live) = &session.stage else {
        return false;
    };
    let ours = NameAddr::parse(live.dialog.contact()).ok();
    same(&session.identity, name)
        || ours.is_some_and(|ours| same(ours.uri.as_str(), name))
        || session.contribution.as_deref() == Some(name)
        || live.dialog.id().call_id() == name
}

/// A value without what may stand around it.
fn bare(value: &str) -> &str {
    let value = value.trim().trim_matches('"');
    let inside = value.strip_prefix('<').and_then(|v| v.strip_suffix('>'));
    inside.unwrap_or(value)
}

/// Does the address stand for nobody in particular (RFC 3323 section 4.1.1.3)?
pub(crate) fn is_nobody(uri: &Uri<'_>) -> bool {
    uri.host().eq_ignore_ascii_case("anonymous.invalid")
}

fn aor(uri: &str) -> String {
    Uri::parse(uri).map_or_else(|_| uri.to_owned(), |uri| uri.aor())
}
