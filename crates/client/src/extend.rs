//! Going on with more people: a session of two becomes a conference (IM 7.1.1.6).
//!
//! ```text
//!   INVITE to the factory: the new people, and the other side with the dialog it has with us
//!        └──200──▶ the conference exists ──BYE in the old dialog──▶ the other side is in it too
//! ```

use std::time::Instant;

use sip::dialog::DialogId;
use sip::header::Replaces;
use sip::{Uri, escape_header};
use xdm::resource_lists::{CopyControl, Entry};

use crate::agent::Options;
use crate::config::Extending;
use crate::core::Core;
use crate::event::SessionId;
use crate::failure::Failure;
use crate::invitee::{Plan, each_once};
use crate::replace::is_nobody;
use crate::request;
use crate::session::Stage;

impl Core {
    /// Invites the other side of a session of two and further people to a conference.
    pub(crate) fn extend(
        &mut self,
        old: SessionId,
        guests: Vec<Entry>,
        options: Options,
        now: Instant,
    ) -> Result<SessionId, Failure> {
        let session = self.sessions.get(&old).ok_or(Failure::NoSuchSession)?;
        let Stage::Live(live) = &session.stage else {
            return Err(not_now("there is no session yet"));
        };
        if session.replaced_by.is_some() {
            return Err(not_now("it is being extended already"));
        }
        let peer = self.other_side(old)?;
        let entry = match self.config.extending {
            Extending::Replaces => in_place_of(&peer, live.dialog.id()),
            Extending::SessionReplaces => in_place_of_session(&peer, &session.identity),
        };
        // IM-7.1.1.6-S3: the new people, and the other side of the session. It stands first, so
        // that its entry is kept if it is named again.
        let peer = request::guest(&entry?, CopyControl::To);
        let list = each_once(std::iter::once(peer).chain(guests).collect());
        if list.len() < 2 {
            return Err(Failure::NoGuests);
        }
        let plan = Plan {
            extends: Some(old),
            ..self.ad_hoc(list)?
        };
        let options = Options {
            // Whoever was anonymous before is not uncovered by this.
            anonymous: options.anonymous || session.anonymous,
            ..options
        };
        self.call(plan, options, now)
    }

    /// The address of the other side, if there is one other side.
    fn other_side(&self, id: SessionId) -> Result<String, Failure> {
        let session = self.sessions.get(&id).ok_or(Failure::NoSuchSession)?;
        let mut others: Vec<_> = match session.is_group() {
            true => self.members(id)?,
            false => Vec::new(),
        };
        others.retain(|person| !person.is_own);
        let peer = match others.as_slice() {
            [] => session.peer.clone(),
            [one] => Some(one.entity.clone()),
            [_, _, ..] => {
                return Err(not_now("more than two are in it: invite others into it"));
            }
        };
        let peer = peer.ok_or(not_now("it is not known who is at the other end"))?;
        match Uri::parse(&peer) {
            Ok(uri) if uri.is_sip() && !is_nobody(&uri) => Ok(peer),
            Ok(_) | Err(_) => Err(not_now("the other side has no address to invite it by")),
        }
    }
}

const fn not_now(why: &'static str) -> Failure {
    Failure::NotNow { why }
}

/// IM-7.1.1.6-S8: the address of the other side with a Replaces in it that names our dialog, as it
/// sees it: to-tag is its own (RFC 3891 section 3). In a session by way of a server, who is between
/// us, that is the dialog with the server, which knows what the other side calls it.
fn in_place_of(peer: &str, dialog: &DialogId) -> Result<String, Failure> {
    let replaces = Replaces {
        call_id: dialog.call_id(),
        to_tag: dialog.remote_tag(),
        from_tag: dialog.local_tag(),
        early_only: false,
    };
    with_header(peer, "", "Replaces", &replaces.to_string())
}

/// The form of RCS: the session by its identity.
fn in_place_of_session(peer: &str, identity: &str) -> Result<String, Failure> {
    with_header(peer, ";method=INVITE", "Session-Replaces", identity)
}

/// An address that asks for a header in requests to it (RFC 3261 section 19.1.1).
fn with_header(uri: &str, param: &str, name: &str, value: &str) -> Result<String, Failure> {
    let (address, headers) = match uri.split_once('?') {
        Some((address, headers)) => (address, format!("{headers}&")),
        None => (uri, String::new()),
    };
    let value = escape_header(value);
    crate::invitee::checked(&format!("{address}{param}?{headers}{name}={value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The entry as the vector of an extension has it.
    #[test]
    fn the_other_side_is_told_which_dialog_ends() {
        let ours = DialogId::new("one1@192.0.2.11", "atag", "btag");
        let want = "sip:bob@home.example\
            ?Replaces=one1%40192.0.2.11%3Bto-tag%3Dbtag%3Bfrom-tag%3Datag";
        assert_eq!(
            in_place_of("sip:bob@home.example", &ours).as_deref(),
            Ok(want),
            "IM-7.1.1.6-S8"
        );
        let want = "sip:bob@h;gr=x?Subject=y&Replaces=c%3Bto-tag%3Db%3Bfrom-tag%3Da";
        let ours = DialogId::new("c", "a", "b");
        assert_eq!(
            in_place_of("sip:bob@h;gr=x?Subject=y", &ours).as_deref(),
            Ok(want)
        );
        assert_eq!(
            in_place_of_session("sip:bob@h", "sip:s-1@im.h;x=y").as_deref(),
            Ok("sip:bob@h;method=INVITE?Session-Replaces=sip:s-1%40im.h%3Bx%3Dy")
        );
    }
}
