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

use super::{Invitation, RoomTask};
use crate::imps::{EXTENDING, Item, Receipt, Session, wv_of_user};
use crate::rooms::Kind;
use crate::rooms::handset::Ringing;

impl RoomTask {
    /// Invites a person in the sessions that can come.
    pub(in crate::rooms::task) fn invite_handsets(&mut self, who: PersonId, address: &Address) {
        let is_peer = self.is_peer(who);
        let extended = self.extended();
        let able = |session: &Arc<Session>| match (&extended, is_peer) {
            // IMPS-9.1.11-S14: the peer goes on in a client that knows how to.
            (Some(_), true) => session.has_agreed(Function::Excon),
            // IMPS-9.1.11-S35
            (Some(_), false) => session.has_agreed(Function::Grchn),
            (None, _) => true,
        };
        let mut sessions = self.house.imps.sessions.of(address);
        sessions.retain(able);
        if sessions.is_empty() {
            let cause = Cause(Code::UNABLE_TO_DELIVER.number());
            let _ = self.happen(Event::Refused { who, cause });
            return;
        }
        let hold = self.handle.opening.hold();
        // IMPS-9.1.11-S21, IMPS-9.1.11-S38: by its name an answer to it is known, and ignored.
        let id = format!("{}{}", EXTENDING, self.rng.token(80));
        for session in &sessions {
            let invitation = self.invitation(session, &id);
            let room = self.handle.clone();
            let receipt = Receipt::Invited { room, who };
            let item = Item::Tell(Box::new(invitation.into()), receipt);
            self.put(session, item);
        }
        let ringing = Ringing {
            id,
            sessions,
            _hold: hold,
        };
        self.invitations.insert(who, Invitation::Handsets(ringing));
    }

    /// The peer of a conversation that grows is the first guest.
    fn is_peer(&self, who: PersonId) -> bool {
        PersonId::from_index(1) == Some(who)
    }

    fn invitation(&self, session: &Session, id: &str) -> InviteUserRequest {
        let inviter = self.room.seat(PersonId::HOST);
        let group = self.group().to_string();
        let sender = inviter.map(|seat| Sender::User(CspUser::new(wv_of_user(seat.address))));
        let named = |seat: Seat<'_>| seat.nick.map(str::to_owned);
        let screen_name = inviter.and_then(named).map(|name| ScreenName {
            name,
            group: group.clone(),
        });
        let ring = self.house.policy().imps.extend_timeout;
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

    /// A session cannot take an invitation. If it was the last one, the person does not come.
    pub(in crate::rooms::task) fn handset_declined(
        &mut self,
        who: PersonId,
        session: &Session,
        code: Code,
    ) {
        let Some(Invitation::Handsets(ringing)) = self.invitations.get_mut(&who) else {
            return;
        };
        ringing.sessions.retain(|other| other.id != session.id);
        if !ringing.sessions.is_empty() {
            return;
        }
        tracing::info!(room = %self.handle.identity, %code, "no session could take the invitation");
        self.invitations.remove(&who);
        let cause = Cause(Code::UNABLE_TO_DELIVER.number());
        let _ = self.happen(Event::Refused { who, cause });
    }

    /// Takes an invitation back where it waits.
    pub(in crate::rooms::task) fn take_back(&mut self, ringing: Ringing) {
        let host = self.room.seat(PersonId::HOST);
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
