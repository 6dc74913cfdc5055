//! What is remembered of what is under way between domains.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imps::csp::InviteType;
use room::Address;

use super::Ssp;
use super::inward::Invitation;
use super::link::Gate;
use super::requestor::{EXTENDING_MAX, Extending};
use super::window::Window;
use crate::imps::Session;

/// The notes of all links.
#[derive(Debug, Default)]
pub(super) struct State(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    /// Conversations with users of other domains that are to grow, the oldest first.
    extending: Vec<Extending>,
    /// By which id our clients know what a domain knows by its own.
    names: Window<(String, String), String>,
    /// What a domain has said, and to whom: it may say it once more under another transaction.
    heard: Window<(String, String, String), ()>,
    /// Invitations from other domains that stand, by our ids.
    invitations: Window<String, Invitation>,
}

impl Ssp {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a message of this id not come for them before?
    pub(super) fn is_news(&self, gate: &Gate, id: &str, to: &str) -> bool {
        let key = (gate.domain.clone(), id.to_owned(), to.to_owned());
        self.notes().heard.note(key, ())
    }

    /// It was refused: it may come again.
    pub(super) fn forget(&self, gate: &Gate, id: &str, to: &str) {
        let key = (gate.domain.clone(), id.to_owned(), to.to_owned());
        self.notes().heard.take(&key);
    }

    /// A domain knows a message of ours by an id of its own.
    pub(super) fn named(&self, gate: &Gate, theirs: &str, own: &str) {
        let key = (gate.domain.clone(), theirs.to_owned());
        self.notes().names.note(key, own.to_owned());
    }

    /// The id by which our client knows a message.
    pub(super) fn own_name(&self, gate: &Gate, theirs: &str) -> Option<String> {
        let key = (gate.domain.clone(), theirs.to_owned());
        self.notes().names.get(&key).cloned()
    }

    /// Somebody is invited from another domain.
    pub(super) fn invited(&self, id: String, invitation: Invitation) {
        self.notes().invitations.note(id, invitation);
    }

    /// The invitation of this id, which `who` answers: once, unless the answer is not listened to.
    /// Then it stands, and is taken back from whoever has said no as well.
    pub(super) fn invitation(&self, id: &str, who: &Address) -> Option<Invitation> {
        let mut notes = self.notes();
        let known = notes.invitations.get(id)?;
        match (known.invited == *who, &known.kind) {
            (false, _) => None,
            // IMPS-9.1.11-S38
            (true, InviteType::ExtendConversation) => Some(known.clone()),
            (true, _) => notes.invitations.take(id),
        }
    }

    /// Takes an invitation out that a domain takes back: with our id of it.
    pub(super) fn cancelled(&self, gate: &Gate, theirs: &str) -> Option<(String, Invitation)> {
        let mut notes = self.notes();
        let is_it = |one: &Invitation| one.id == theirs && one.gate.domain == gate.domain;
        let id = notes.invitations.find(is_it)?;
        let invitation = notes.invitations.take(&id)?;
        Some((id, invitation))
    }

    /// A conversation is to grow. False: too many are.
    pub(super) fn extends(&self, one: Extending) -> bool {
        let extending = &mut self.notes().extending;
        let has_place = extending.len() < EXTENDING_MAX;
        if has_place {
            extending.push(one);
        }
        has_place
    }

    /// Has this user a conversation that is to grow in that domain?
    pub(super) fn is_extending(&self, gate: &Gate, user: &Address) -> bool {
        let is_it =
            |one: &Extending| one.domain == gate.domain && one.session.user.address == *user;
        self.notes().extending.iter().any(is_it)
    }

    /// It does not: the last one of the session that was to.
    pub(super) fn extends_no_more(&self, gate: &Gate, session: &Arc<Session>) {
        let extending = &mut self.notes().extending;
        let is_it =
            |one: &Extending| one.domain == gate.domain && Arc::ptr_eq(&one.session, session);
        if let Some(at) = extending.iter().rposition(is_it) {
            extending.remove(at);
        }
    }

    /// A domain says what became of the first conversation of this user that was to grow there.
    pub(super) fn extended(&self, gate: &Gate, user: &Address) -> Option<Extending> {
        let extending = &mut self.notes().extending;
        let is_it =
            |one: &Extending| one.domain == gate.domain && one.session.user.address == *user;
        let at = extending.iter().position(is_it)?;
        Some(extending.remove(at))
    }
}
