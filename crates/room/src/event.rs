//! What a room is told, and what it says must happen.

use crate::{Address, Cause, Claim, Guest, LegId, Nick, PersonId, Rules};

/// A fact, or somebody's request, told to the room.
///
/// A fact that no longer matters is ignored and never an error: an invitation that was cancelled
/// may still be refused, a leg that was released still ends.
///
/// Once the room is closed, requests and arriving legs ([`Joined`](Self::Joined),
/// [`HostArrived`](Self::HostArrived), [`Entered`](Self::Entered), [`Renamed`](Self::Renamed),
/// [`Referred`](Self::Referred), [`Removed`](Self::Removed)) are refused with
/// [`Refusal::Closed`](crate::Refusal::Closed), and the face ends such a leg by itself. All other
/// events are then ignored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A device of an invited person rings.
    Ringing {
        /// Who was invited.
        who: PersonId,
    },
    /// An invitation was accepted. The face stops the ringing of this person's other devices,
    /// whatever the room makes of it.
    Joined {
        /// Who was invited.
        who: PersonId,
        /// The device that accepted.
        leg: LegId,
        /// They asked to stay hidden.
        hidden: bool,
        /// What they want to be called, if they say.
        nick: Option<Nick>,
    },
    /// An invitation has failed on every device.
    Refused {
        /// Who was invited.
        who: PersonId,
        /// The reason, in the face's numbers.
        cause: Cause,
    },
    /// [`Action::AnswerHost`] was carried out: the host is in, with this device.
    HostArrived {
        /// The device that opened the room.
        leg: LegId,
    },
    /// The host gave up, or was lost, before their leg was up. The face has told them so.
    HostWithdrew,
    /// A leg has ended, by its own will or because it was lost.
    Left {
        /// The device that is gone.
        leg: LegId,
    },
    /// Somebody comes by themselves: back again, or with one more device.
    ///
    /// On `Ok` the leg is in; the face then accepts it.
    Entered {
        /// Who they are.
        address: Address,
        /// The device that asks.
        leg: LegId,
        /// They asked to stay hidden.
        hidden: bool,
        /// What they want to be called, if they say.
        nick: Option<Nick>,
        /// What is known of them elsewhere.
        claim: Claim,
    },
    /// A guest who waits for the peer to come cannot be invited ([`Room::extend`]): their devices
    /// cannot take part, or they have none. Told just before the peer joins.
    ///
    /// [`Room::extend`]: crate::Room::extend
    Unable {
        /// Whom it is about.
        who: PersonId,
        /// The reason, in the face's numbers.
        cause: Cause,
    },
    /// Somebody in the room wants to be called otherwise.
    Renamed {
        /// The device that asks.
        leg: LegId,
        /// The name; none to have none.
        nick: Option<Nick>,
    },
    /// Somebody in the room wants more people in it.
    ///
    /// Those who are in or being invited already are passed over, as are the removed.
    Referred {
        /// The device that asks.
        by: LegId,
        /// Whom to invite.
        guests: Vec<Guest>,
    },
    /// Somebody who may do so takes a person out.
    Removed {
        /// Whom.
        who: PersonId,
        /// They cannot come back to this room. Otherwise they may, if they may come in at all.
        for_good: bool,
    },
    /// The group's document says something else of a person than before. Who may come in no more is
    /// taken out, and who hides without leave.
    Known {
        /// Whom.
        who: PersonId,
        /// What it says now.
        claim: Claim,
    },
    /// The configuration or the group's document changed. Nobody is taken out for a lower
    /// `max_guests`; those who hid themselves are, when that is no longer allowed.
    RulesChanged(Rules),
    /// The operator ends the conversation.
    Close {
        /// What everybody is told.
        why: Why,
    },
    /// The moment named by [`Room::poll_timeout`](crate::Room::poll_timeout) has come.
    Timeout,
}

/// What must happen now, in this order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Invite this person, on every device they have.
    Invite {
        /// Whom.
        who: PersonId,
    },
    /// Stop inviting this person. Nothing more is expected from that invitation.
    Cancel {
        /// Whom.
        who: PersonId,
    },
    /// Let the host hear that somebody's device rings. At most once in a room.
    RingHost,
    /// Let the host in, then say [`Event::HostArrived`], or [`Event::HostWithdrew`] if they are
    /// lost meanwhile. At most once in a room, and never with [`Self::RefuseHost`].
    AnswerHost,
    /// This person waited to be invited and is passed over: tell the host, when they are answered,
    /// for which reason in the face's numbers. Comes before [`Self::AnswerHost`].
    PassOver {
        /// Whom.
        who: PersonId,
        /// Why.
        cause: Cause,
    },
    /// Tell the host that the conversation does not come about. At most once in a room.
    RefuseHost {
        /// The reason, in the face's numbers.
        cause: Cause,
    },
    /// End this leg. The room has forgotten it already.
    Release {
        /// The device.
        leg: LegId,
        /// What its owner is told.
        why: Why,
    },
    /// What observers see of this person is different now: look at
    /// [`Room::seat`](crate::Room::seat).
    Changed {
        /// Whom it is about.
        who: PersonId,
    },
    /// Observers saw this person by address, who is hidden from now on: to them the person of
    /// that address is gone. The alias that appears instead is told by [`Self::Changed`].
    Concealed {
        /// Whom it is about.
        who: PersonId,
    },
    /// The room is closed. This is its last action; every leg and invitation was ended by the
    /// actions before it.
    Closed {
        /// The reason.
        why: Why,
    },
}

/// Why a leg is released or a room closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// Everybody has left.
    Empty,
    /// The operator ended the conversation.
    Ended,
    /// They accepted an invitation when as many people were in as may be
    /// ([`Rules::max_present`](crate::Rules::max_present)).
    Full,
    /// They hid themselves, which is not allowed (IM-7.2.2.2-OK-S3a).
    Hidden,
    /// The host gave up, or was lost, before their leg was up.
    HostWithdrew,
    /// The invitation which this leg accepted was over: cancelled, or accepted by another device.
    InvitationOver,
    /// Not one of the invited came (IM-7.2.1.2-FAIL-S1, IM-7.2.1.2-FAIL-S2).
    NobodyJoined,
    /// Somebody who may do so took this person out.
    Removed,
    /// Fewer than [`Rules::fewest`](crate::Rules::fewest) are left.
    TooFew,
}
