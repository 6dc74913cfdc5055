//! Call flows as transcripts: "alice creates chat with bob, carol", "bob hears ...".

mod parse;
mod play;

pub use parse::Mistake;
pub use play::play;

/// A call flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scenario {
    /// Configuration of the server: `KEY = VALUE`, before it starts.
    pub settings: Vec<String>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One line of a call flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// Where it stands in the file, from 1.
    pub line: usize,
    /// The line itself, for messages.
    pub text: String,
    /// Who does it, or to whom it happens.
    pub who: String,
    /// What it is.
    pub act: Act,
}

/// What somebody does, or what has to happen to them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Act {
    /// `is online [over udp|tcp] [factory URI]`: starts a client and registers.
    Online {
        /// Over UDP rather than TCP.
        udp: bool,
        /// The conference factory it was provisioned with, if not the server's.
        factory: Option<String>,
    },
    /// `creates ROOM with A, hidden B [anonymously] [offering audio]`.
    Creates {
        /// A name for the conference in this transcript.
        room: String,
        /// Whom to invite; a hidden guest is tagged bcc.
        guests: Vec<Guest>,
        /// The creator asks for anonymity.
        hidden: bool,
        /// The creator offers audio and no chat.
        audio: bool,
    },
    /// `is invited by WHOM`; `by somebody` if the inviter is not told.
    Invited {
        /// Who invites.
        by: Option<String>,
    },
    /// `accepts [hidden]`.
    Accepts,
    /// `declines with STATUS`.
    Declines {
        /// The final response.
        status: u16,
    },
    /// `gives up`: CANCEL.
    GivesUp,
    /// `hears ringing`.
    Rings,
    /// `is in`: the session is established, and its media are up.
    In,
    /// `is refused with STATUS ["WARNING"]`.
    Refused {
        /// The final response.
        status: u16,
        /// The text of its warning.
        warning: Option<String>,
    },
    /// `says "TEXT" [to WHOM]`.
    Says {
        /// What.
        text: String,
        /// To one participant alone.
        to: Option<String>,
    },
    /// `hears "TEXT" from WHOM`.
    Hears {
        /// What.
        text: String,
        /// Who said it.
        from: String,
    },
    /// `sees WHOM PRESENCE`: joined, alerting or left.
    Sees {
        /// Whom; `self` for the one who looks.
        whom: String,
        /// How the roster calls it.
        presence: &'static str,
    },
    /// `leaves`.
    Leaves,
    /// `is out`: the session has ended.
    Out,
    /// `nothing is left`: the server holds nothing on behalf of anybody.
    NothingLeft,
}

/// Somebody in the list of an invitation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Guest {
    /// Their name.
    pub name: String,
    /// They are to stay hidden from the others.
    pub hidden: bool,
}
