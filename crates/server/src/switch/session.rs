//! One MSRP session: a leg of a room, on whatever connection it will be.

use msrp::{PathLines, Piece};
use room::LegId;
use tokio::sync::mpsc;

use super::line::{Line, Queue};

/// The ends of a room that a session needs.
#[derive(Clone, Debug)]
pub(crate) struct RoomDoor {
    /// What is said. Bounded: a full one makes the connections of the room's members wait.
    pub(crate) said: mpsc::Sender<Said>,
    /// What becomes of legs. At most one [`News::Up`] and one [`News::Gone`] for each.
    pub(crate) news: mpsc::UnboundedSender<News>,
}

/// A piece of a SEND or NICKNAME request from a leg, in the order received.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) leg: LegId,
    pub(crate) piece: Piece,
}

/// What became of a leg's connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum News {
    /// The session is bound to a connection.
    Up { leg: LegId },
    /// The session has lost its connection, or the peer does not know it. Not told of a session
    /// that was closed by us.
    Gone {
        leg: LegId,
        /// For people and for the Reason of a BYE.
        why: &'static str,
    },
}

/// One session of the switch.
#[derive(Debug)]
pub(crate) struct Session {
    /// 128 random bits; the key to the session.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) leg: LegId,
    uri: String,
    line: Line,
    door: RoomDoor,
}

impl Session {
    pub(super) fn new(id: String, leg: LegId, uri: String, door: RoomDoor) -> Self {
        Self {
            id,
            leg,
            uri,
            line: Line::new(leg),
            door,
        }
    }

    /// Our `a=path` for this session: `msrp://host:port/id;tcp`.
    pub(crate) fn path(&self) -> String {
        self.uri.clone()
    }

    /// Is it over, closed by us or lost? Then nobody will hear of it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.queue().is_over()
    }

    /// Calls `tell`, from whatever task finds out, once the peer has been sent all that was said or
    /// never will be. False, and no call, if that is so already.
    pub(crate) fn when_written(&self, tell: impl FnOnce() + Send + 'static) -> bool {
        self.queue().when_written(tell)
    }

    /// Where the room puts what this leg is to receive.
    pub(crate) fn line(&self) -> Line {
        self.line.clone()
    }

    /// Tells the way to the peer: the value of its `a=path`, URIs parted by blanks. Requests
    /// wait until it is known, answers do not. A later offer may change it.
    pub(crate) fn peer(&self, path: &str) {
        self.queue()
            .set_paths(PathLines::new(path.trim_ascii(), &self.uri));
    }

    pub(super) fn queue(&self) -> &Queue {
        self.line.queue()
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn door(&self) -> &RoomDoor {
        &self.door
    }

    pub(super) fn tell_up(&self) {
        // A room that has ended needs no news.
        let _ended = self.door.news.send(News::Up { leg: self.leg });
    }

    /// The session has lost its connection.
    pub(super) fn lose(&self, why: &'static str) {
        if self.queue().end() {
            let _ended = self.door.news.send(News::Gone { leg: self.leg, why });
        }
    }

    /// No connection could be made, or none came. One that is there by now stays.
    pub(crate) fn fail(&self, why: &'static str) {
        if self.queue().end_unbound() {
            let _ended = self.door.news.send(News::Gone { leg: self.leg, why });
        }
    }
}
