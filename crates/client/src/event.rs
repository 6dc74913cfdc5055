//! What an agent tells while it runs.

use serde::Serialize;

use crate::{Known, Refused};

/// Names a session of one agent, from the first invitation to its end.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SessionId(pub u32);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What happened. Written as one JSON object, the kind in the member `event`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// Somebody is being rung.
    Alerting {
        /// The session.
        session: SessionId,
        /// Who.
        #[serde(flatten)]
        person: Person,
    },
    /// What became of a message of ours.
    Delivery {
        /// The session.
        session: SessionId,
        /// The message, by the identity that [`crate::Agent::send`] returns.
        message_id: String,
        /// Why it was not delivered; `None` if the other side of the connection has it.
        failure: Option<String>,
    },
    /// A session exists now.
    Established {
        /// The session.
        session: SessionId,
        /// The IM Session Identity, from the Contact of the other side (IM-7.1.1.3-OK-S1).
        identity: String,
        /// Is it a conference, that is, does the Contact say `isfocus`?
        is_focus: bool,
        /// The methods the other side supports, if it said so (IM-7.1.1.1-RSP-S1).
        allow: Vec<String>,
        /// How long it lives without a refresh, in seconds, and whether we refresh.
        timer: Option<Timer>,
    },
    /// The other side sent something that cannot be used. It was refused or passed over.
    Fault {
        /// What.
        why: String,
    },
    /// Somebody invites us. It rings until [`crate::Agent::accept`] or [`crate::Agent::decline`].
    Invited {
        /// The session, if it is accepted.
        session: SessionId,
        /// Who invites: Referred-By, else P-Asserted-Identity, else From.
        from: String,
        /// The name of the one who invites, if there is one.
        display: Option<String>,
        /// Is it a conference?
        is_focus: bool,
        /// Is the one who invites on the block list?
        blocked: bool,
        /// Who else was invited, if the invitation says so (RFC 5366 section 5).
        others: Vec<String>,
        /// The session whose place this one takes (RFC 3891). Then nobody is asked: it has been
        /// accepted, and [`Event::Replaced`] follows.
        replaces: Option<SessionId>,
    },
    /// Somebody is in.
    Joined {
        /// The session.
        session: SessionId,
        /// Who.
        #[serde(flatten)]
        person: Person,
    },
    /// The sessions that can be rejoined have changed: what a program stores that wants to go back
    /// to them later, and hands to the next agent as [`crate::Config::sessions`].
    Known {
        /// All of them, the latest last.
        sessions: Vec<Known>,
    },
    /// Somebody left, or did not come.
    Left {
        /// The session.
        session: SessionId,
        /// Who.
        #[serde(flatten)]
        person: Person,
    },
    /// The connection for messages is up.
    MediaUp {
        /// The session.
        session: SessionId,
    },
    /// Somebody said something.
    Message(Heard),
    /// Events were lost because nobody took them.
    Missed {
        /// How many.
        count: u64,
    },
    /// There is no connection to the server; it is being tried again.
    Offline {
        /// Why.
        why: String,
    },
    /// The conference tells how a REFER of ours goes on (IM-7.1.1.7-NTFY-S2).
    ReferProgress {
        /// The session.
        session: SessionId,
        /// Which REFER of the agent, counted from 1.
        refer: u32,
        /// The status that the one who was invited, or removed, has answered so far.
        status: Option<u16>,
        /// Its reason phrase.
        reason: String,
        /// Is there no more to come?
        over: bool,
    },
    /// A session lives on: its timer starts again.
    Refreshed {
        /// The session.
        session: SessionId,
        /// Did we refresh it?
        by_us: bool,
        /// The terms from now on.
        timer: Option<Timer>,
    },
    /// The other side refused our invitation.
    Refused {
        /// The session that does not come about.
        session: SessionId,
        /// What it said.
        #[serde(flatten)]
        refused: Refused,
    },
    /// The server knows where we are.
    Registered {
        /// The Contact it knows.
        contact: String,
        /// For how many seconds.
        expires_s: u32,
    },
    /// Somebody changed their name.
    Renamed {
        /// The session.
        session: SessionId,
        /// Who, with the new name.
        #[serde(flatten)]
        person: Person,
    },
    /// A session has taken the place of another, which ends: nobody has left.
    Replaced {
        /// The one that ends.
        session: SessionId,
        /// The one in which it goes on.
        by: SessionId,
    },
    /// Our invitation rings somewhere.
    Ringing {
        /// The session.
        session: SessionId,
    },
    /// Everybody in the conference, after each change.
    Roster {
        /// The session.
        session: SessionId,
        /// Everybody known, in the order of their addresses.
        members: Vec<Person>,
    },
    /// A session is over, or did not come about.
    SessionEnded {
        /// The session.
        session: SessionId,
        /// Why.
        why: String,
    },
    /// The server tells us who is in the conference from now on.
    Subscribed {
        /// The session.
        session: SessionId,
        /// The Contact of the server for this (IM-7.1.1.11-OK-S1).
        contact: Option<String>,
        /// For how many seconds, before it is asked again.
        expires_s: Option<u32>,
    },
    /// The server tells us no more who is in the conference.
    SubscriptionEnded {
        /// The session.
        session: SessionId,
        /// Why.
        why: String,
    },
}

impl Event {
    /// The session it is about, if it is about one.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Alerting { session, .. }
            | Self::Delivery { session, .. }
            | Self::Established { session, .. }
            | Self::Invited { session, .. }
            | Self::Joined { session, .. }
            | Self::Left { session, .. }
            | Self::MediaUp { session }
            | Self::ReferProgress { session, .. }
            | Self::Refreshed { session, .. }
            | Self::Refused { session, .. }
            | Self::Renamed { session, .. }
            | Self::Replaced { session, .. }
            | Self::Ringing { session }
            | Self::Roster { session, .. }
            | Self::SessionEnded { session, .. }
            | Self::Subscribed { session, .. }
            | Self::SubscriptionEnded { session, .. } => Some(*session),
            Self::Message(heard) => heard.session,
            Self::Fault { .. }
            | Self::Known { .. }
            | Self::Missed { .. }
            | Self::Offline { .. }
            | Self::Registered { .. } => None,
        }
    }
}

/// How long a session lives without a refresh.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Timer {
    /// The interval, in seconds.
    pub interval_s: u32,
    /// Is it us who refresh?
    pub we_refresh: bool,
}

/// A message that came.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Heard {
    /// The session; `None` for a message outside sessions (RFC 3428).
    pub session: Option<SessionId>,
    /// Who said it.
    pub from: String,
    /// The name of who said it.
    pub display: Option<String>,
    /// To whom: the conference, or us alone.
    pub to: Option<String>,
    /// The type of what was said.
    pub content_type: String,
    /// What was said. Octets that are no text are replaced.
    pub text: String,
    /// When, as the sender says.
    pub date_time: Option<String>,
    /// The identity of the message for disposition notifications (RFC 5438).
    pub imdn_id: Option<String>,
    /// Is the sender on the block list?
    pub blocked: bool,
}

/// A participant of a conference.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Person {
    /// The address by which the others know the person.
    pub entity: String,
    /// The name to show.
    pub display: Option<String>,
    /// Is it us? By the server's mark, else by our address (IM-7.1.1.11-NTFY-S2a and S2b).
    pub is_own: bool,
    /// Is the person on the block list (IM-7.1.1.11-NTFY-S3)?
    pub blocked: bool,
    /// `joined`, `alerting` or `left`.
    pub presence: &'static str,
}
