//! What a room knows of sessions of IMPS, and what they tell it.

use std::collections::BTreeSet;
use std::sync::Arc;

use imps::csp::{ContentData, MessageInfo, Participant, Property, WelcomeNote};
use room::{Address, Cause, Claim, LegId, Nick, PersonId, Refusal};
use tokio::sync::oneshot;

use crate::imps::{Session, Wanted};

/// What sort of room it is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// An ad-hoc conference.
    Conference,
    /// A conversation of two sessions of IMPS that has grown.
    Extended(Arc<Extended>),
    /// The people who are in a stored group. It ends when they have left, and the group does not.
    Group,
}

impl Kind {
    /// Was it opened by a session of IMPS, which is answered from the room itself?
    pub(crate) fn is_of_handsets(&self) -> bool {
        match self {
            Self::Extended(_) => true,
            Self::Conference | Self::Group => false,
        }
    }
}

/// Who has grown a conversation, and how.
#[derive(Debug)]
pub(crate) struct Extended {
    pub(crate) session: Arc<Session>,
    /// The client's own id of its request.
    pub(crate) id: Option<String>,
    pub(crate) leg: LegId,
    /// IMPS-9.1.11-S4: whether the client wants to know who comes and goes, and can.
    pub(crate) subscribes: bool,
    /// What whoever joins is told.
    pub(crate) welcome: Option<WelcomeNote>,
    /// Who was to be invited and does not want to hear from whoever grows the conversation.
    pub(crate) unwilling: Vec<Address>,
    /// Who can be called on devices.
    pub(crate) on_devices: BTreeSet<Address>,
}

/// A leg that is a session.
#[derive(Clone, Debug)]
pub(crate) struct Handset {
    pub(crate) leg: LegId,
    pub(crate) session: Arc<Session>,
    /// It is told who comes and goes.
    pub(crate) subscribes: bool,
}

/// An invitation that waits in the sessions of a person.
#[derive(Debug)]
pub(crate) struct Ringing {
    /// The id of the invitation.
    pub(crate) id: String,
    /// Those of the sessions that have not said no.
    pub(crate) sessions: Vec<Arc<Session>>,
}

/// What a session wants of a room.
#[derive(Debug)]
pub(crate) enum Order {
    /// To come in.
    Enter(Enter),
    /// To say something to all, or to one alone.
    Speak(Box<Speak>),
    /// To be told who comes and goes, or not any more; or only whether it is.
    Subscribe {
        leg: LegId,
        wanted: Option<bool>,
        answer: oneshot::Sender<Option<bool>>,
    },
    /// To know who is in.
    Who {
        answer: oneshot::Sender<Vec<Present>>,
    },
    /// Somebody is to be put out: by the address in the house.
    PutOut { address: Address },
    /// Something said in the room has come to a client of this address.
    Heard { wanted: Wanted, by: Address },
    /// The group is different: whoever wants to know is told.
    Changed { properties: Vec<Property> },
}

/// Somebody wants to come in with a session.
#[derive(Debug)]
pub(crate) struct Enter {
    pub(crate) handset: Handset,
    /// What they want to be called.
    pub(crate) name: String,
    /// They said so themselves: another name will not do.
    pub(crate) insists: bool,
    pub(crate) claim: Claim,
    pub(crate) answer: oneshot::Sender<Result<Entered, Refusal>>,
}

/// Somebody is in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entered {
    /// What they are called.
    pub(crate) name: String,
    /// Who is in, they among them.
    pub(crate) people: Vec<Participant>,
    /// What whoever joins is told, if the room itself says.
    pub(crate) welcome: Option<WelcomeNote>,
}

/// Something to be said.
#[derive(Debug)]
pub(crate) struct Speak {
    pub(crate) leg: LegId,
    /// To the one who is called so; to everybody without.
    pub(crate) to: Option<Nick>,
    /// What is known of the message. Sender and recipient are written by the room.
    pub(crate) info: MessageInfo,
    pub(crate) content: ContentData,
    /// Whoever says it wants to know when it has arrived.
    pub(crate) report: bool,
    pub(crate) answer: oneshot::Sender<Result<(), Refusal>>,
}

/// Somebody who is in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Present {
    pub(crate) who: Participant,
    pub(crate) address: Address,
}

/// A guest who was passed over, and why.
pub(crate) type PassedOver = (PersonId, Cause);
