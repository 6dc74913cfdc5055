//! Call flows as transcripts: "alice creates chat with bob, carol", "bob hears ...".

mod abroad;
mod call;
mod deed;
mod group;
mod misfortune;
mod parse;
mod play;

pub use abroad::{abroad, all_but_the_first};
pub use call::Call;
pub use deed::{Attention, Deed, Device};
pub use group::{Group, GroupChange};
pub use misfortune::Misfortune;
pub use parse::Mistake;
pub use play::play;

/// A call flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scenario {
    /// Configuration of the server: `KEY = VALUE`, before it starts.
    pub settings: Vec<String>,
    /// The stored groups that there are from the beginning.
    pub groups: Vec<Group>,
    /// There is a server of another domain, whose people have names that end in `_b`.
    pub neighbour: bool,
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
    /// Who does it, or to whom it happens; empty where it is nobody.
    pub who: String,
    /// The conference it is about, if the line names one; else the last one they were in.
    pub room: Option<String>,
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
    /// `after N s`: nothing is done for so long.
    After {
        /// How long.
        seconds: u64,
    },
    /// `is back`: their client has logged in, or registered, again by itself.
    Back,
    /// Something goes wrong, or is well again.
    Befalls(Misfortune),
    /// `creates ROOM with A, hidden B [anonymously] [offering audio]`; the name of the conference
    /// is one in this transcript.
    Creates {
        /// Whom to invite; a hidden guest is tagged bcc.
        guests: Vec<Guest>,
        /// The creator asks for anonymity.
        hidden: bool,
        /// The creator offers audio and no chat.
        audio: bool,
    },
    /// `joins ROOM`: a group by its name, or a session by the name it has in this transcript.
    Joins,
    /// `extends ROOM with PEER by A, B [welcoming "NOTE"]`: the conversation with a peer goes on,
    /// with others, in what has that name in this transcript.
    Extends {
        /// With whom the conversation is.
        peer: String,
        /// Who is to be invited.
        others: Vec<String>,
        /// What whoever joins is told.
        welcome: Option<String>,
    },
    /// The document of a stored group changes.
    Group(GroupChange),
    /// `is invited by WHOM [to ROOM]`; `by somebody` if the inviter is not told.
    Invited {
        /// Who invites.
        by: Option<String>,
    },
    /// `accepts [ROOM]`.
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
    /// `is in [ROOM]`: the session is established, and its media are up.
    In,
    /// `is refused with STATUS ["WARNING"]`.
    Refused {
        /// The final response.
        status: u16,
        /// The text of its warning.
        warning: Option<String>,
    },
    /// `says "TEXT" [to WHOM] [in ROOM]`.
    Says {
        /// What.
        text: String,
        /// To one participant alone.
        to: Option<String>,
    },
    /// `cannot say "TEXT" [to WHOM] [in ROOM]`: it is not delivered.
    CannotSay {
        /// What.
        text: String,
        /// To one participant alone.
        to: Option<String>,
    },
    /// `says a text of N kB [in ROOM]`: in as many chunks as it takes.
    SaysLong {
        /// How many times 1000 bytes.
        kilobytes: usize,
    },
    /// `hears a text of N kB from WHOM [in ROOM]`.
    HearsLong {
        /// How many times 1000 bytes.
        kilobytes: usize,
        /// Who said it.
        from: String,
    },
    /// `hears nothing [in ROOM]`: no message that no line has spoken of.
    HearsNothing,
    /// `hears "TEXT" from WHOM [in ROOM]`.
    Hears {
        /// What.
        text: String,
        /// Who said it.
        from: String,
    },
    /// `sees WHOM PRESENCE [in ROOM]`: joined, alerting or left.
    Sees {
        /// Whom; `self` for the one who looks.
        whom: String,
        /// How the roster calls it.
        presence: &'static str,
    },
    /// `leaves [ROOM]`.
    Leaves,
    /// `is out [of ROOM]`: the session has ended.
    Out,
    /// Something for people with a handset alone.
    Imps(Deed),
    /// Something for people with a phone alone.
    Sip(Call),
    /// `nothing is left`: the server holds nothing on behalf of anybody.
    NothingLeft,
}

impl Scenario {
    /// The first line that cannot be played over real sockets, if there is one.
    pub fn needs_simulation(&self) -> Option<&Step> {
        self.steps.iter().find(|step| match &step.act {
            Act::Befalls(misfortune) => misfortune.needs_simulation(),
            Act::After { seconds } => *seconds > LONGEST_REAL_WAIT_S,
            _ => false,
        })
    }
}

/// What a test over real sockets may wait for, in seconds.
const LONGEST_REAL_WAIT_S: u64 = 1;

/// Somebody in the list of an invitation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Guest {
    /// Their name.
    pub name: String,
    /// They are to stay hidden from the others.
    pub hidden: bool,
}
