//! The reading half of a connection: from the socket to rooms.

use std::{io, pin::pin, sync::Arc};

use bytes::BytesMut;
use msrp::{Head, Kind, Method, Path, Piece, respond};
use tokio::sync::mpsc::error::TrySendError;

use super::{
    Said, Session,
    connection::{Connection, Ended},
    line::Binding,
};

/// What a round of reading came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heard {
    Nothing,
    Something,
}

/// To whom the pieces of a frame go.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Room(Arc<Session>),
    Nobody,
}

/// A response that the switch gives by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Refused(u16, &'static str);

/// RFC 4975 10.11: the session is none of this connection, because there is none.
const UNKNOWN: Refused = Refused(481, "There is no such session here");

/// RFC 4975 10.13: it is bound to another connection.
const ELSEWHERE: Refused = Refused(506, "The session is bound to another connection");

impl Connection {
    /// Reads once, and hands on what has come.
    pub(super) async fn read_round(&mut self) -> Result<Heard, Ended> {
        let before = self.inbox.len();
        match self.stream.try_read(&mut self.inbox) {
            Ok(0) if self.is_lingering() => return Err(Ended::Done),
            Ok(0) => return Err(Ended::ByPeer),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Heard::Nothing),
            Err(error) => return Err(self.lost(&error)),
        }
        if let Some(tap) = &self.switch.tap {
            let new = self.inbox.get(before..).unwrap_or_default();
            tap.tcp(self.remote, self.local, new);
        }
        if self.is_lingering() {
            self.inbox.clear();
            return Ok(Heard::Something);
        }
        while let Some(piece) = self.reader.next(&mut self.inbox)? {
            if let Some((session, said)) = self.take(piece) {
                // Boxed: an idle connection keeps no place for what seldom happens.
                Box::pin(self.deliver(&session, said)).await?;
            }
        }
        Ok(Heard::Something)
    }

    /// Hands one piece on. Says for which session the room has no place now, and what.
    fn take(&mut self, piece: Piece) -> Option<(Arc<Session>, Said)> {
        if piece.first {
            self.target = match piece.head.kind() {
                Kind::Response(code) => {
                    self.answered(&piece.head, code);
                    Target::Nobody
                }
                Kind::Request(method) => self.requested(method, &piece.head),
            };
        }
        match &self.target {
            // It may have ended in the middle of a frame.
            Target::Room(session) if self.members.has(session.leg) => {
                let session = Arc::clone(session);
                let leg = session.leg;
                match session.door().said.try_send(Said { leg, piece }) {
                    Ok(()) => None,
                    Err(TrySendError::Full(said)) => Some((session, said)),
                    Err(TrySendError::Closed(_)) => {
                        self.lose(leg, "the room is closed");
                        None
                    }
                }
            }
            Target::Room(_) | Target::Nobody => None,
        }
    }

    fn requested(&mut self, method: Method, head: &Head) -> Target {
        // RFC 7701 6.3: reports of receivers end here. RFC 4975 7.1.2: they are not answered.
        if method == Method::Report {
            return Target::Nobody;
        }
        // RFC 4975 7.3: the path is looked at before the method.
        let refused = match self.session_of(head) {
            // RFC 7701 7.1: whether a nickname can be had is the room's to say, in its turn.
            Ok(session) if matches!(method, Method::Send | Method::Nickname) => {
                return Target::Room(session);
            }
            Ok(_) => Refused(501, "The method is not offered here"),
            Err(refused) => refused,
        };
        let Refused(code, why) = refused;
        if head.failure_report().wants_response(code) {
            let mut answer = BytesMut::new();
            respond(head, code, why, &mut answer);
            self.out.push(answer.freeze());
        }
        Target::Nobody
    }

    /// The session that the To-Path names; bound to this connection if it was free.
    fn session_of(&mut self, head: &Head) -> Result<Arc<Session>, Refused> {
        let path = head.to_path_text();
        if let Some(last) = &self.last
            && last.uri() == path
            && self.members.has(last.leg)
        {
            return Ok(Arc::clone(last));
        }
        let path = Path::parse(path).map_err(|_| Refused(400, "The To-Path holds no MSRP URI"))?;
        // RFC 4975 7.3: exactly one URI, which is ours. We relay to nobody.
        if path.len() != 1 {
            return Err(UNKNOWN);
        }
        // Known by the session id alone, compared with its case: a border controller may have put
        // its own address into our path (RFC 6714), and nobody guesses 128 bits.
        let id = path.first().session_id().ok_or(UNKNOWN)?;
        let session = self.switch.find(id).ok_or(UNKNOWN)?;
        match self.join(&session) {
            Binding::Bound => {}
            Binding::Elsewhere => return Err(ELSEWHERE),
            Binding::Over => return Err(UNKNOWN),
        }
        self.last = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Hands a piece to the room. While that has no place for it, writing goes on: the room may
    /// be busy with filling our own lines.
    async fn deliver(&mut self, session: &Session, said: Said) -> Result<(), Ended> {
        let leg = session.leg;
        let mut handed = pin!(session.door().said.send(said));
        loop {
            let wrote = self.write_round()?;
            tokio::select! {
                biased;
                sent = &mut handed => {
                    if sent.is_err() {
                        self.lose(leg, "the room is closed");
                    }
                    return Ok(());
                }
                waited = self.wait(wrote, false) => waited?,
            }
        }
    }
}
