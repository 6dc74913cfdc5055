//! The users whom the load plays, their places in rooms, and the rooms.

use std::time::Instant;

use bytes::Bytes;
use sip::dialog::{Dialog, Outset};
use sip::digest::Challenge;

use super::super::roster::{Roster, Seats};

/// A user.
#[derive(Default)]
pub(in super::super) struct User {
    /// The registration that is under way.
    pub(super) registering: Option<Outset>,
    pub(in super::super) is_registered: bool,
    /// What the registrar has asked, and what proxies have.
    pub(super) www: Option<Asked>,
    pub(super) proxy: Option<Asked>,
    /// Rooms that have called the user, by our word, and whose INVITE has not come.
    pub(super) expected: Vec<RoomId>,
}

/// A challenge that is answered with every request.
pub(super) struct Asked {
    pub(super) challenge: Challenge,
    pub(super) ha1: String,
    pub(super) count: u32,
}

/// The place of a leg in the list of all.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in super::super) struct LegId(pub(in super::super) usize);

/// The place of a room in the list of all.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in super::super) struct RoomId(pub(in super::super) usize);

/// One user in one room.
pub(in super::super) struct Leg {
    pub(in super::super) room: RoomId,
    pub(in super::super) user: u32,
    pub(super) stage: Stage,
    /// What the room goes by: where SUBSCRIBE goes.
    pub(in super::super) focus: String,
    /// The 200 that waits for its ACK, or the ACK that is sent again with each 200.
    pub(super) last_word: Bytes,
    /// The INVITE for the first time, and when credentials are asked for.
    pub(super) outset: Option<Outset>,
    pub(super) dialog: Option<Dialog>,
    pub(super) watch: Option<Outset>,
    pub(super) watch_is_on: bool,
    pub(in super::super) media: Media,
    /// The peer's path, and where to connect.
    pub(in super::super) path: String,
    pub(super) roster: Roster,
    /// The CSeq of the last NOTIFY: what comes again is answered again and not counted.
    pub(super) last_notify: u32,
    /// Octets of documents so far.
    pub(in super::super) notice_octets: u64,
    pub(in super::super) notices: u64,
    /// When the roster was whole for the first time.
    pub(in super::super) whole_at: Option<Instant>,
    pub(super) is_ready: bool,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// Our INVITE has no final response.
    Calling,
    /// Our 200 has no ACK.
    Answered,
    /// Both sides agree that there is a session.
    Up,
    /// BYE is said, or it never came to be.
    Over,
}

/// The connection of a leg.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Media {
    None,
    /// It has to be made; the floor does it.
    Wanted,
    /// The server has answered our first SEND.
    Up,
    Lost,
}

/// One conference.
pub(in super::super) struct Room {
    pub(in super::super) seats: Seats,
    pub(in super::super) legs: Vec<LegId>,
    /// How many legs are ready.
    pub(super) ready: u32,
    /// When its set-up was to begin.
    pub(in super::super) intended: Instant,
    pub(super) state: RoomState,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RoomState {
    Rising,
    /// It was told of, as set up or as failed.
    Told,
}

/// What a member needs to be ready.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) struct Wants {
    /// Every member connects by MSRP.
    pub(in super::super) media: bool,
    /// Every member subscribes and has the whole roster.
    pub(in super::super) roster: bool,
}

/// What the phones have to tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in super::super) enum News {
    /// A leg is to be connected.
    Connect(LegId),
    /// A leg is over: its connection is of no more use.
    Close(LegId),
    /// All members of a room are ready.
    Ready(RoomId),
    /// The set-up of a room has failed. Members who are in stay.
    Failed(RoomId, super::super::super::tally::Fault),
    /// A user is registered, or could not be.
    Registered,
    /// A leg was told who is in the room, in so many octets.
    Noticed(LegId, u64),
}

impl Leg {
    pub(super) fn new(room: RoomId, user: u32, stage: Stage, focus: String) -> Self {
        Self {
            room,
            user,
            stage,
            focus,
            last_word: Bytes::new(),
            outset: None,
            dialog: None,
            watch: None,
            watch_is_on: false,
            media: Media::None,
            path: String::new(),
            roster: Roster::default(),
            last_notify: 0,
            notice_octets: 0,
            notices: 0,
            whole_at: None,
            is_ready: false,
        }
    }
}
