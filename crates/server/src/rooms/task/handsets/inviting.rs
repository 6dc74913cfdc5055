//! Inviting people in their sessions, and taking an invitation back.

use std::sync::Arc;

use imps::Version;
use imps::csp::{
    CancelInviteUserRequest, InviteType, InviteUserRequest, Recipient, ScreenName, Sender,
    User as CspUser,
};
use imps::service::Function;
use imps::status::Code;
use room::{Address, Cause, Event, PersonId, Seat};

use super::RoomTask;
use crate::imps::{EXTENDING, INTO_ROOM, Item, Receipt, Session, wv_of_user};
use crate::rooms::Kind;
use crate::rooms::handset::Ringing;

/// The user has said no, on all that could be asked (RFC 3261 section 21.6.2).
const DECLINED: u16 = 603;

impl RoomTask {
    /// Invites a person in the sessions that can come. False: there are none.
    pub(in crate::rooms::task) fn invite_handsets(&mut self, who: PersonId) -> bool {
        let is_peer = self.is_peer(who);
        let extended = self.extended();
        let able = |session: &Arc<Session>| match (&extended, is_peer) {
            // IMPS-9.1.11-S14: the peer goes on in a client that knows how to.
            (Some(_), true) => session.has_agreed(Function::Excon),
            // IMPS-9.1.11-S35
            (Some(_), false) => session.has_agreed(Function::Grchn),
            (None, _) => session.has_agreed(Function::Invit),
        };
        let Some(address) = self.room.seat(who).map(|seat| seat.address.clone()) else {
            return false;
        };
        let mut sessions = self.house.imps.sessions.of(&address);
        sessions.retain(able);
        if sessions.is_empty() || !self.invitations.contains_key(&who) {
            return false;
        }
        let id = self.invitation_id();
        for session in &sessions {
            let invitation = self.invitation(session, &id);
            let room = self.handle.clone();
            let receipt = Receipt::Invited { room, who };
            let item = Item::Tell(Box::new(invitation.into()), receipt);
            self.put(session, item);
        }
        if let Some(invitation) = self.invitations.get_mut(&who) {
            invitation.handsets = Some(Ringing { id, sessions });
        }
        true
    }

    /// An id by which an answer is known: which room it is for, if that needs one.
    fn invitation_id(&mut self) -> String {
        let token = self.rng.token(80);
        match self.handle.kind {
            // IMPS-9.1.11-S21, IMPS-9.1.11-S38: by its name an answer to it is known, and ignored.
            Kind::Extended(_) => format!("{EXTENDING}{token}"),
            Kind::Conference | Kind::Group => {
                let identity = &self.handle.identity;
                let local = identity.split([':', '@']).nth(1).unwrap_or_default();
                format!("{INTO_ROOM}{local}.{token}")
            }
        }
    }

    /// The peer of a conversation that grows is the first guest.
    fn is_peer(&self, who: PersonId) -> bool {
        PersonId::from_index(1) == Some(who)
    }

    fn invitation(&self, session: &Session, id: &str) -> InviteUserRequest {
        let inviter = self.inviter();
        let group = self.group().to_string();
        let sender = inviter.map(|seat| Sender::User(CspUser::new(wv_of_user(seat.address))));
        let named = |seat: Seat<'_>| seat.nick.map(str::to_owned);
        let screen_name = inviter.and_then(named).map(|name| ScreenName {
            name,
            group: group.clone(),
        });
        let ring = self.room.rules().ring;
        InviteUserRequest {
            id: id.to_owned(),
            // IMPS-9.1.11-S19: to the peer and to all others. Older clients have no word for it,
            // and are invited into a group.
            invite_type: match (&self.handle.kind, session.version) {
                (Kind::Extended(_), Version::V1_3) => InviteType::ExtendConversation,
                _ => InviteType::Group,
            },
            sender,
            recipient: Some(Recipient {
                users: vec![CspUser::new(session.user.wv())],
                ..Recipient::default()
            }),
            group: Some(group),
            screen_name,
            validity_s: u32::try_from(ring.as_secs()).ok(),
            ..InviteUserRequest::default()
        }
    }

    /// Who is told as the one who invites: the host, unless hidden.
    fn inviter(&self) -> Option<Seat<'_>> {
        let host = self.room.seat(PersonId::HOST);
        host.filter(|host| host.hidden.is_none())
    }

    /// A session cannot take an invitation. If it was the last one, the person does not come.
    pub(in crate::rooms::task) fn handset_declined(
        &mut self,
        who: PersonId,
        session: &Session,
        code: Code,
    ) {
        tracing::info!(room = %self.handle.identity, %code, "a session could not take the invitation");
        let cause = match self.extended() {
            Some(_) => Some(Cause(Code::UNABLE_TO_DELIVER.number())),
            // In another domain it is only now known that there is no session to be asked.
            None if session.away.is_some() && is_nobody(code) => None,
            None => Some(Cause(480)),
        };
        self.session_says_no(who, session, cause);
    }

    /// Somebody has answered the invitation into a conference. Whoever comes joins the group.
    pub(in crate::rooms::task) fn handset_answered(
        &mut self,
        address: &Address,
        session: &Session,
        accepts: bool,
    ) {
        if let Some(who) = self.room.find(address).filter(|_| !accepts) {
            self.session_says_no(who, session, Some(Cause(DECLINED)));
        }
    }

    fn session_says_no(&mut self, who: PersonId, session: &Session, cause: Option<Cause>) {
        let Some(invitation) = self.invitations.get_mut(&who) else {
            return;
        };
        let Some(ringing) = &mut invitation.handsets else {
            return;
        };
        ringing.sessions.retain(|other| other.id != session.id);
        if ringing.sessions.is_empty() {
            invitation.handsets = None;
            let failed = invitation.failed(cause);
            self.nobody_comes(who, failed);
        }
    }

    /// None of a person's devices comes.
    pub(in crate::rooms::task) fn no_device_comes(&mut self, who: PersonId, cause: Option<Cause>) {
        // A conversation that a handset has grown is answered in the codes of CSP.
        let cause = match self.extended() {
            Some(_) => Some(Cause(Code::UNABLE_TO_DELIVER.number())),
            None => cause,
        };
        let Some(invitation) = self.invitations.get_mut(&who) else {
            return;
        };
        invitation.on_devices = false;
        let failed = invitation.failed(cause);
        self.nobody_comes(who, failed);
    }

    fn nobody_comes(&mut self, who: PersonId, failed: Option<Cause>) {
        if let Some(cause) = failed {
            self.invitations.remove(&who);
            self.forget_early();
            let _ = self.happen(Event::Refused { who, cause });
        }
    }

    /// The invitation of somebody is over, and taken back where it waits: not in the session that
    /// has accepted it, if it is one.
    pub(in crate::rooms::task) fn invitation_over(&mut self, who: PersonId, by: Option<&str>) {
        let invitation = self.invitations.remove(&who);
        if let Some(mut ringing) = invitation.and_then(|one| one.handsets) {
            let accepted = |session: &Arc<Session>| Some(&*session.id) == by;
            ringing.sessions.retain(|session| !accepted(session));
            self.take_back(&ringing);
        }
    }

    fn take_back(&mut self, ringing: &Ringing) {
        let host = self.inviter();
        let sender = host.map(|seat| Sender::User(CspUser::new(wv_of_user(seat.address))));
        for session in &ringing.sessions {
            let told = CancelInviteUserRequest {
                id: ringing.id.clone(),
                sender: sender.clone(),
                group: Some(self.group().to_string()),
                ..CancelInviteUserRequest::default()
            };
            self.put(session, Item::tell(told));
        }
    }
}

/// Has a user no session that could take an invitation?
fn is_nobody(code: Code) -> bool {
    matches!(
        code,
        Code::RECIPIENT_LACKS_SUPPORT | Code::RECIPIENT_NOT_LOGGED_IN | Code::UNKNOWN_USER
    )
}
