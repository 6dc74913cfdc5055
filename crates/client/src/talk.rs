//! What is said: the connection of a session, and CPIM messages on it (RFC 3862).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use msrp::FailureReport;
use msrp::cpim::{Cpim, IMDN_NS, NewCpim};
use msrp::session::{NewMessage, Received};
use sip::header::{From, PAssertedIdentity};
use sip::sdp::{Connects, Description, MsrpMedia};
use sip::transaction::ServerId;
use sip::{Fields, Name, Request};
use world::Listener;

use crate::agent::Saying;
use crate::command::Reply;
use crate::core::Core;
use crate::event::{Event, Heard, SessionId};
use crate::failure::Failure;
use crate::media::{Media, News, Role};
use crate::offer;
use crate::request::ANONYMOUS;
use crate::session::{Session, Stage};

/// Messages of one session whose fate is not known.
const WAITING_MAX: usize = 256;

/// How long after the loss of its connection a session is left: a BYE that says why may be under
/// way.
const GRACE: Duration = Duration::from_secs(2);

/// Who waits for the fate of a message, by its MSRP Message-ID.
#[derive(Default)]
pub(crate) struct Deliveries(BTreeMap<String, Waiting>);

struct Waiting {
    /// The identity of the message for people (RFC 5438).
    imdn_id: String,
    reply: Reply<String>,
}

impl Deliveries {
    /// Nobody will hear of the messages any more.
    pub(crate) fn give_up(self, why: &str) {
        for waiting in self.0.into_values() {
            let why = format!("the session ended: {why}");
            let _gone = waiting.reply.send(Err(Failure::Delivery { why }));
        }
    }
}

impl Core {
    /// A listener for one session, if offers are to leave the choice of who connects.
    pub(crate) fn media_listener(&self) -> Result<(Option<Listener>, Option<u16>), Failure> {
        match self.config.msrp_listen {
            None => Ok((None, None)),
            Some(_) => self
                .listen()
                .map(|(listener, port)| (Some(listener), Some(port))),
        }
    }

    /// A listener for one session, and its port.
    pub(crate) fn listen(&self) -> Result<(Listener, u16), Failure> {
        let at = self.config.msrp_listen;
        let at = at.unwrap_or(std::net::SocketAddr::new(self.address().ip(), 0));
        let network = |error: std::io::Error| Failure::Network {
            why: format!("cannot listen for messages at {at}: {error}"),
        };
        let listener = self.world.net.listen(at).map_err(network)?;
        let port = listener.local_addr().map_err(network)?.port();
        Ok((listener, port))
    }

    /// Begins the user plane after the answer to our offer, in a 200 or an ACK.
    pub(crate) fn start_media_as_offerer(
        &mut self,
        id: SessionId,
        message: &Fields,
    ) -> Result<(), String> {
        let answer = offer::read(message)?.ok_or("the answer has no session description")?;
        let (_, media) = answer.msrp().map_err(|error| error.to_string())?;
        if media.tls {
            return Err("no MSRP over TLS here".to_owned());
        }
        let Some(session) = self.sessions.get(&id) else {
            return Ok(());
        };
        let connects = session.local.setup.connects_after(media.setup);
        self.start_media(id, media, connects);
        Ok(())
    }

    /// Begins the user plane.
    pub(crate) fn start_media(&mut self, id: SessionId, remote: &MsrpMedia, connects: Connects) {
        self.last_media = self.last_media.wrapping_add(1);
        let serial = self.last_media;
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let role = match (connects, session.listener.take()) {
            (Connects::Them, Some(listener)) => Some(Role::Accept(listener)),
            (Connects::Them, None) => None,
            (Connects::Us, _) => remote.connect_to(false).map(|target| Role::Connect {
                host: target.host,
                port: target.port,
            }),
        };
        let setup = offer::terms(&session.local, remote);
        session.remote_path.clone_from(&remote.path);
        let Some(role) = role else {
            self.fault("neither side can open the connection for messages");
            return;
        };
        let mailbox = self.mailbox.clone();
        let media = Media::start(&self.world, mailbox, id, serial, role, setup);
        session.media = Some(Arc::new(media));
        session.is_up = false;
    }

    /// After a re-INVITE: another path of the other side wants another connection.
    pub(crate) fn renew_media(&mut self, id: SessionId, description: &Description) {
        let Ok((_, media)) = description.msrp() else {
            return;
        };
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        if media.path != session.remote_path {
            let connects = session.local.setup.connects_after(media.setup);
            self.start_media(id, media, connects);
        }
    }

    pub(crate) fn media_news(&mut self, id: SessionId, serial: u64, news: News, now: Instant) {
        let session = self.sessions.get(&id).and_then(|s| s.media.as_ref());
        let parting = self.parting.get(&id).map(|parting| &parting.media);
        let media = session.or(parting);
        if media.is_none_or(|media| media.serial != serial) {
            return; // Of a connection before this one.
        }
        match news {
            News::Up => self.media_up(id),
            News::Message(received) => self.heard(id, &received),
            News::Sent { message_id } => self.delivered(id, &message_id, None),
            News::Failed { message_id, why } => self.delivered(id, &message_id, Some(why)),
            News::Named { code } => self.named(id, code),
            News::Down { why } => self.media_down(id, &why, now),
        }
    }

    /// Asks the conference for a nickname; an empty one gives it up.
    pub(crate) fn name(&mut self, id: SessionId, nick: &str, reply: Reply<()>) {
        let refusal = match self.sessions.get_mut(&id) {
            None => Failure::NoSuchSession,
            Some(session) if session.naming.is_some() => Failure::NotNow {
                why: "another nickname is being asked for",
            },
            Some(session) => match &session.media {
                Some(media) if media.name(nick) => {
                    session.naming = Some(reply);
                    return;
                }
                Some(_) | None => Failure::NotNow {
                    why: "there is no connection for messages",
                },
            },
        };
        let _gone = reply.send(Err(refusal));
    }

    fn named(&mut self, id: SessionId, code: u16) {
        let session = self.sessions.get_mut(&id);
        if let Some(reply) = session.and_then(|session| session.naming.take()) {
            let answer = match code {
                200..=299 => Ok(()),
                code => Err(Failure::Nickname { code }),
            };
            let _gone = reply.send(answer);
        }
    }

    fn media_up(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.is_up = true;
        }
        self.tell(Event::MediaUp { session: id });
    }

    fn media_down(&mut self, id: SessionId, why: &str, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            self.heard_out(id);
            return;
        };
        session.media = None;
        if let Stage::Live(live) = &mut session.stage {
            let why = format!("the connection for messages is gone: {why}");
            live.hang_up_at = Some((now + GRACE, why));
        }
    }

    /// Says something.
    pub(crate) fn say(&mut self, id: SessionId, saying: &Saying, reply: Reply<String>) {
        if let Err((reply, failure)) = self.try_say(id, saying, reply) {
            let _gone = reply.send(Err(failure));
        }
    }

    fn try_say(
        &mut self,
        id: SessionId,
        saying: &Saying,
        reply: Reply<String>,
    ) -> Result<(), (Reply<String>, Failure)> {
        let (message_id, imdn_id) = (self.rng.token(100), self.rng.token(100));
        let date_time = self.date_time();
        let Some(session) = self.sessions.get_mut(&id) else {
            return Err((reply, Failure::NoSuchSession));
        };
        let Some(media) = &session.media else {
            let why = "there is no connection for messages";
            return Err((reply, Failure::NotNow { why }));
        };
        if session.deliveries.0.len() >= WAITING_MAX {
            let why = "too many messages wait to be delivered";
            return Err((reply, Failure::NotNow { why }));
        }
        let hidden = session.anonymous || self.config.anonymous;
        let from = match hidden {
            true => (None, ANONYMOUS),
            false => (self.config.display.as_deref(), self.config.aor.as_str()),
        };
        // RFC 7701 section 6.1: to the conference is to everybody.
        let to = saying.to.as_deref().unwrap_or(session.addressee());
        let body = NewCpim {
            from,
            to: (None, to),
            date_time: Some(&date_time),
            namespaces: &[("imdn", IMDN_NS)],
            headers: &[("imdn.Message-ID", &imdn_id)],
            content_type: &saying.content_type,
            mime_headers: &[],
        }
        .write(&saying.body);
        let said = media.say(NewMessage {
            message_id: message_id.clone(),
            content_type: Some("message/cpim".to_owned()),
            headers: Vec::new(),
            body,
            success_report: false,
            failure_report: FailureReport::Yes,
        });
        if !said {
            let why = "the connection for messages is busy or gone";
            return Err((reply, Failure::NotNow { why }));
        }
        let waiting = Waiting { imdn_id, reply };
        session.deliveries.0.insert(message_id, waiting);
        Ok(())
    }

    /// Now, in the form of RFC 3339.
    fn date_time(&self) -> String {
        let seconds = i64::try_from(self.world.clock.unix().as_secs()).unwrap_or_default();
        jiff::Timestamp::from_second(seconds)
            .unwrap_or_default()
            .to_string()
    }

    fn delivered(&mut self, id: SessionId, message_id: &str, failure: Option<String>) {
        let session = self.sessions.get_mut(&id).map(|s| &mut s.deliveries);
        let parting = self.parting.get_mut(&id).map(|p| &mut p.deliveries);
        let deliveries = session.or(parting);
        let waiting = deliveries.and_then(|deliveries| deliveries.0.remove(message_id));
        let Some(waiting) = waiting else {
            return; // The greeting of the active side: nobody waits for it.
        };
        self.tell(Event::Delivery {
            session: id,
            message_id: waiting.imdn_id.clone(),
            failure: failure.clone(),
        });
        let answer = match failure {
            None => Ok(waiting.imdn_id),
            Some(why) => Err(Failure::Delivery { why }),
        };
        let _gone = waiting.reply.send(answer);
    }

    /// A message came.
    fn heard(&mut self, id: SessionId, received: &Received) {
        let content_type = received.head.content_type().unwrap_or_default();
        let heard = if is_cpim(content_type) {
            self.read_cpim(Some(id), &received.body)
        } else {
            Ok(self.bare(id, content_type, &received.body))
        };
        match heard {
            Ok(heard) => self.tell(Event::Message(heard)),
            Err(why) => self.fault(format_args!(
                "a message in session {id} cannot be read: {why}"
            )),
        }
    }

    /// What came without CPIM around it: whoever is at the other end said it.
    fn bare(&self, id: SessionId, content_type: &str, body: &Bytes) -> Heard {
        let session = self.sessions.get(&id).map(Session::addressee);
        let parting = self.parting.get(&id).map(|p| p.addressee.as_str());
        let from = session.or(parting).unwrap_or_default().to_owned();
        Heard {
            session: Some(id),
            from,
            display: None,
            to: None,
            content_type: content_type.to_owned(),
            text: String::from_utf8_lossy(body).into_owned(),
            date_time: None,
            imdn_id: None,
            blocked: false,
        }
    }

    fn read_cpim(&self, session: Option<SessionId>, body: &Bytes) -> Result<Heard, String> {
        let cpim = Cpim::parse(body, true).map_err(|error| error.to_string())?;
        let cpim = cpim.ok_or("it ends in its headers")?;
        let from = cpim.from().ok_or("it does not say who speaks")?;
        let mime = cpim.mime().ok_or("it has no content")?;
        let content_type = mime.content_type();
        Ok(Heard {
            session,
            from: from.uri().to_owned(),
            display: from.name().map(std::borrow::Cow::into_owned),
            to: cpim.to().next().map(|to| to.uri().to_owned()),
            content_type: content_type
                .map_or("text/plain".to_owned(), std::borrow::Cow::into_owned),
            text: String::from_utf8_lossy(&mime.body()).into_owned(),
            date_time: cpim.date_time().map(str::to_owned),
            imdn_id: cpim.imdn("Message-ID").map(str::to_owned),
            blocked: self.is_blocked(from.uri()),
        })
    }

    /// A message outside sessions (RFC 3428).
    pub(crate) fn asked_message(&mut self, id: ServerId, request: &Request, now: Instant) {
        let content_type = request.raw(Name::ContentType).unwrap_or("text/plain");
        let heard = if is_cpim(content_type) {
            self.read_cpim(None, &request.body())
        } else {
            self.pager(content_type, request)
        };
        match heard {
            Ok(heard) => {
                let draft = self.response(request, 200, "OK");
                self.respond(id, 200, draft.finish(), now);
                self.tell(Event::Message(heard));
            }
            Err(why) => {
                self.refuse(id, request, 400, "Bad Request", now);
                self.fault(format_args!("a message cannot be read: {why}"));
            }
        }
    }

    fn pager(&self, content_type: &str, request: &Request) -> Result<Heard, String> {
        let asserted = request.first::<PAssertedIdentity<'_>>().ok().flatten();
        let from = request
            .require::<From<'_>>()
            .map_err(|error| error.to_string())?;
        let who = asserted.map_or(from.0, |asserted| asserted.0);
        let uri = who.uri.as_str();
        Ok(Heard {
            session: None,
            from: uri.to_owned(),
            display: who.display().map(std::borrow::Cow::into_owned),
            to: None,
            content_type: content_type.to_owned(),
            text: String::from_utf8_lossy(&request.body()).into_owned(),
            date_time: None,
            imdn_id: None,
            blocked: self.is_blocked(uri),
        })
    }
}

fn is_cpim(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("message/cpim")
}
