//! The agent itself: one task that takes its mail, does what is due, and waits.
//!
//! ```text
//!   commands ─┐                                        ┌─▶ events
//!   SIP ──────┼──▶ mailbox ──▶ Core: a procedure each ─┼─▶ SIP, by way of the transactions
//!   MSRP ─────┘                                        └─▶ MSRP, by way of each session's task
//! ```
//!
//! Nothing here waits for a network: tasks of [`crate::wire`] and [`crate::media`] do.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::header::{Header as _, Via};
use sip::transaction::{
    ClientId, Event as Told, Failure as Lost, Outgoing, Output, ServerId, Transactions,
};
use sip::{Draft, Message, Method, Name, Request, Response, Uri};
use tokio::sync::mpsc;
use world::{Rng, World};

use crate::agent::{Command, Reply};
use crate::config::Config;
use crate::event::{Event, SessionId};
use crate::failure::{Failure, Refused};
use crate::keyring::{Keyring, Verdict};
use crate::media::News;
use crate::registration::Registration;
use crate::request::{self, Letter, Me};
use crate::roster::Watch;
use crate::session::Session;
use crate::wire::Wire;

/// What comes in.
pub(crate) enum Mail {
    Command(Command),
    /// Something happened on a session's connection for messages.
    Media {
        session: SessionId,
        serial: u64,
        news: News,
    },
    /// A SIP message came.
    Sip {
        message: Box<Message>,
        from: SocketAddr,
    },
    /// Something came that is no SIP message.
    Unreadable {
        why: String,
    },
    /// The way to the server is there, from this address of ours.
    Up {
        local: SocketAddr,
    },
    /// The way to the server is lost.
    Down {
        why: String,
    },
}

/// Requests that may come in and be under way at a time: a client is asked little.
const TRANSACTIONS: usize = 256;

/// How often one request is sent again with other credentials: once for each of two places that
/// ask, and once more for a nonce that has grown old.
const TRIES: u8 = 3;

/// How long the farewell at the end may take.
const FAREWELL: Duration = Duration::from_secs(2);

pub(crate) struct Core {
    pub(crate) world: World,
    pub(crate) rng: Rng,
    pub(crate) config: Config,
    pub(crate) mailbox: mpsc::Sender<Mail>,
    pub(crate) keyring: Keyring,
    pub(crate) registration: Registration,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    /// Subscriptions, each until its last NOTIFY: it may outlive its session.
    pub(crate) watches: BTreeMap<SessionId, Watch>,
    pub(crate) last_session: u32,
    pub(crate) last_media: u64,
    /// Our address as the server sees it.
    pub(crate) at: Option<SocketAddr>,
    events: mpsc::Sender<Event>,
    missed: u64,
    wire: Wire,
    transactions: Transactions<SocketAddr>,
    out: Vec<Output<SocketAddr>>,
    sent: BTreeMap<ClientId, Sent>,
    /// Set when the end was asked for: who asked, and how long it may take.
    ending: Option<(Reply<()>, Instant)>,
}

/// A request of ours under way.
pub(crate) struct Sent {
    pub(crate) purpose: Purpose,
    pub(crate) credentials: Vec<(Name, String)>,
    tries: u8,
}

/// What a request of ours is for: who is told how it went.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// The end of a dialog that nobody keeps any more.
    Bye(Box<Farewell>),
    Invite(SessionId),
    Register,
    Reinvite(SessionId),
    /// A subscription, and the call it is under way in.
    Subscribe(SessionId, Box<str>),
}

/// A BYE, and the dialog it ends.
#[derive(Clone, Debug)]
pub(crate) struct Farewell {
    pub(crate) dialog: sip::dialog::Dialog,
    pub(crate) letter: Letter,
}

/// How a request of ours went.
pub(crate) enum Outcome<'a> {
    Response(&'a Response),
    /// No answer; what it counts as.
    Lost(Lost),
}

impl Outcome<'_> {
    /// The failure that this is for whoever asked.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Outcome::Response(response) => Failure::Refused(Refused::of(response)),
            Outcome::Lost(Lost::Timeout) => Failure::Timeout,
            Outcome::Lost(Lost::Transport) => Failure::Network {
                why: "the connection was lost".to_owned(),
            },
        }
    }

    pub(crate) fn status(&self) -> u16 {
        match self {
            Outcome::Response(response) => response.status(),
            Outcome::Lost(lost) => lost.status(),
        }
    }
}

impl Core {
    pub(crate) fn new(
        world: &World,
        config: Config,
        mailbox: mpsc::Sender<Mail>,
        events: mpsc::Sender<Event>,
    ) -> io::Result<Self> {
        let aor = Uri::parse(&config.aor).map_err(io::Error::other)?;
        if !aor.is_sip() {
            return Err(io::Error::other("the address of record is no sip URI"));
        }
        let user = sip::unescape(aor.user().unwrap_or_default()).into_owned();
        let mut rng = world.rng.fork();
        Ok(Self {
            wire: Wire::open(world, &config, mailbox.clone())?,
            keyring: Keyring::new(&user, &config.password),
            registration: Registration::new(&config, &mut rng),
            transactions: Transactions::new(config.timers, TRANSACTIONS),
            world: world.clone(),
            rng,
            config,
            mailbox,
            sessions: BTreeMap::new(),
            watches: BTreeMap::new(),
            last_session: 0,
            last_media: 0,
            at: None,
            events,
            missed: 0,
            out: Vec::new(),
            sent: BTreeMap::new(),
            ending: None,
        })
    }

    pub(crate) async fn run(mut self, mut mail: mpsc::Receiver<Mail>) {
        let clock = self.world.clock;
        let far = clock.now() + Duration::from_secs(86_400);
        loop {
            let wake = self.poll_timeout().unwrap_or(far);
            tokio::select! {
                biased;
                mail = mail.recv() => match mail {
                    Some(mail) => self.take(mail, clock.now()),
                    None => return,
                },
                () = clock.sleep_until(wake) => self.handle_timeout(clock.now()),
            }
            self.flush();
            if self.is_over(clock.now()) {
                if let Some((reply, _)) = self.ending.take() {
                    let _gone = reply.send(Ok(()));
                }
                return;
            }
        }
    }

    fn take(&mut self, mail: Mail, now: Instant) {
        match mail {
            Mail::Command(command) => self.obey(command, now),
            Mail::Media {
                session,
                serial,
                news,
            } => self.media_news(session, serial, news, now),
            Mail::Sip { message, from } => {
                let reliable = self.config.transport.is_reliable();
                let told = self
                    .transactions
                    .receive(*message, from, reliable, now, &mut self.out);
                if let Some(told) = told {
                    self.told(told, now);
                }
            }
            Mail::Unreadable { why } => self.tell(Event::Fault { why }),
            Mail::Up { local } => self.up(local, now),
            Mail::Down { why } => self.down(why, now),
        }
    }

    fn obey(&mut self, command: Command, now: Instant) {
        if self.ending.is_some() {
            return; // The reply is dropped, which says that the agent has stopped.
        }
        match command {
            Command::Accept { session, reply } => {
                let _gone = reply.send(self.accept(session, now));
            }
            Command::Decline {
                session,
                status,
                reply,
            } => {
                let _gone = reply.send(self.decline(session, status, now));
            }
            Command::Invite {
                invitee,
                options,
                reply,
            } => {
                let _gone = reply.send(self.invite(invitee, options, now));
            }
            Command::Leave { session, reply } => {
                let _gone = reply.send(self.leave(session, now));
            }
            Command::Register { reply } => self.register(reply, now),
            Command::Reinvite { session, reply } => self.modify(session, reply, now),
            Command::Roster { session, reply } => {
                let _gone = reply.send(self.members(session));
            }
            Command::Say {
                session,
                saying,
                reply,
            } => self.say(session, &saying, reply),
            Command::Settled { session, reply } => self.settled(session, reply),
            Command::Stop { reply } => self.stop(reply, now),
            Command::Subscribe { session, reply } => {
                let _gone = reply.send(self.resubscribe(session, now));
            }
            Command::Unsubscribe { session, reply } => {
                let _gone = reply.send(self.unsubscribe(session, now));
            }
        }
    }

    fn told(&mut self, told: Told<SocketAddr>, now: Instant) {
        match told {
            Told::Ack { request, .. } => self.acknowledged(&request, now),
            Told::Cancelled { id, request } => self.cancelled(id, &request, now),
            Told::Failed { id, why } => {
                if let Some(sent) = self.sent.remove(&id) {
                    self.outcome(id, sent, &Outcome::Lost(why), now);
                }
            }
            Told::Overload { request, flow } => {
                let tag = self.rng.token(64);
                let bytes =
                    Draft::response(&request, 503, "Service Unavailable", Some(&tag)).finish();
                self.out.push(Output { flow, bytes });
            }
            Told::Request {
                id,
                mut request,
                flow,
            } => {
                request.set_source(flow);
                self.asked(id, request, now);
            }
            Told::Response { id, response } => self.answered(id, &response, now),
            Told::Stray { .. } | Told::Unacknowledged { .. } => {}
        }
    }

    /// A request of the other side.
    fn asked(&mut self, id: ServerId, request: Request, now: Instant) {
        if let Some(fault) = request.fault() {
            let why = format!("a {} was refused: {}", request.method(), fault.why);
            self.tell(Event::Fault { why });
            self.refuse(id, &request, fault.status, "Bad Request", now);
            return;
        }
        match request.method() {
            Method::Bye => self.asked_bye(id, &request, now),
            Method::Invite => self.asked_invite(id, request, now),
            Method::Message => self.asked_message(id, &request, now),
            Method::Notify => self.asked_notify(id, &request, now),
            Method::Options => {
                let draft = self.response(&request, 200, "OK");
                self.respond(id, 200, draft.finish(), now);
            }
            Method::Update => self.asked_update(id, &request, now),
            _ => self.refuse(id, &request, 405, "Method Not Allowed", now),
        }
    }

    /// A response to a request of ours.
    fn answered(&mut self, id: ClientId, response: &Response, now: Instant) {
        self.learn_address(response);
        let Some(sent) = self.sent.get(&id) else {
            return;
        };
        if !response.is_final() {
            if let Purpose::Invite(session) = sent.purpose {
                self.progress(session, response);
            }
            return;
        }
        // Every 2xx to an INVITE comes here, also one that is repeated: the entry stays.
        let stays = response.is_success()
            && matches!(sent.purpose, Purpose::Invite(_) | Purpose::Reinvite(_));
        let sent = if stays {
            Sent {
                purpose: sent.purpose.clone(),
                credentials: sent.credentials.clone(),
                tries: sent.tries,
            }
        } else {
            match self.sent.remove(&id) {
                Some(sent) => sent,
                None => return,
            }
        };
        let asks = matches!(response.status(), 401 | 407);
        if asks && sent.tries < TRIES {
            let signed = !sent.credentials.is_empty();
            if self.keyring.challenged(response, signed) == Verdict::Again {
                self.again(sent, response, now);
                return;
            }
        }
        if asks {
            // RFC 3261 section 22.2: no point in trying the same password again.
            self.keyring.forget();
        }
        self.outcome(id, sent, &Outcome::Response(response), now);
    }

    /// Sends a request again, with the credentials that were asked for.
    fn again(&mut self, sent: Sent, response: &Response, now: Instant) {
        let tries = sent.tries.saturating_add(1);
        match sent.purpose {
            Purpose::Bye(farewell) => self.send_bye(*farewell, tries, now),
            Purpose::Invite(session) => self.send_invite(session, tries, now),
            Purpose::Register => self.send_register(tries, now),
            Purpose::Reinvite(session) => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.invites.answered();
                }
                self.send_reinvite(session, tries, now);
            }
            // The subscription counts its challenges itself.
            Purpose::Subscribe(session, call) => {
                self.subscribe_outcome(session, &call, &Outcome::Response(response), now);
            }
        }
    }

    fn outcome(&mut self, id: ClientId, sent: Sent, outcome: &Outcome<'_>, now: Instant) {
        match sent.purpose {
            Purpose::Bye(_) => {}
            Purpose::Invite(session) => {
                self.invite_outcome(session, id, &sent.credentials, outcome, now)
            }
            Purpose::Register => self.register_outcome(outcome, now),
            Purpose::Reinvite(session) => {
                self.reinvite_outcome(session, id, &sent.credentials, outcome, now);
            }
            Purpose::Subscribe(session, call) => {
                self.subscribe_outcome(session, &call, outcome, now);
            }
        }
    }

    /// The failure that a final outcome is for whoever asked.
    pub(crate) fn failure(&self, outcome: &Outcome<'_>) -> Failure {
        match outcome.status() {
            status @ (401 | 407) => Failure::Authentication {
                user: self.keyring.user().to_owned(),
                status,
            },
            _ => outcome.failure(),
        }
    }

    /// The branch of a new request, and its Via.
    pub(crate) fn via(&mut self) -> (String, String) {
        let branch = format!("{}{}", Via::COOKIE, self.rng.token(80));
        let at = self.address();
        let transport = self.config.transport.in_via();
        let via = format!("SIP/2.0/{transport} {at};branch={branch};rport");
        (branch, via)
    }

    /// Our address, as far as known.
    pub(crate) fn address(&self) -> SocketAddr {
        self.at.or(self.config.local).unwrap_or(SocketAddr::new(
            IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            5060,
        ))
    }

    /// Who speaks in a request.
    pub(crate) fn me(&self, anonymous: bool) -> Me<'_> {
        Me {
            aor: &self.config.aor,
            display: self.config.display.as_deref(),
            at: self.address(),
            transport: self.config.transport,
            anonymous: anonymous || self.config.anonymous,
            product: &self.config.product,
        }
    }

    /// Credentials for a request, if the server has asked for some before.
    pub(crate) fn sign(&mut self, method: &Method, uri: &str) -> Vec<(Name, String)> {
        let cnonce = self.rng.token(64);
        self.keyring.sign(method.as_str(), uri, &cnonce)
    }

    /// Sends a request whose outcome matters.
    pub(crate) fn post(
        &mut self,
        (branch, bytes): (&str, Bytes),
        method: Method,
        sent: (Purpose, Vec<(Name, String)>, u8),
        now: Instant,
    ) -> ClientId {
        let outgoing = Outgoing {
            method,
            branch,
            bytes,
        };
        let to = self.config.server;
        let reliable = self.config.transport.is_reliable();
        let id = self
            .transactions
            .request(outgoing, to, reliable, now, &mut self.out);
        let (purpose, credentials, tries) = sent;
        self.sent.insert(
            id,
            Sent {
                purpose,
                credentials,
                tries,
            },
        );
        id
    }

    /// Sends a message that has no outcome: an ACK.
    pub(crate) fn send(&mut self, bytes: Bytes) {
        let flow = self.config.server;
        self.out.push(Output { flow, bytes });
    }

    pub(crate) fn cancel(&mut self, id: ClientId, now: Instant) {
        self.transactions.cancel(id, None, now, &mut self.out);
    }

    /// Forgets a request of ours: nobody is told how it went.
    pub(crate) fn forget(&mut self, id: ClientId) {
        self.sent.remove(&id);
    }

    pub(crate) fn respond(&mut self, id: ServerId, status: u16, bytes: Bytes, now: Instant) {
        self.transactions
            .respond(id, status, bytes, now, &mut self.out);
    }

    /// Begins a response outside dialogs: what every response of ours says.
    pub(crate) fn response(&mut self, request: &Request, status: u16, reason: &str) -> Draft {
        let tag = self.rng.token(64);
        let mut draft = Draft::response(request, status, reason, Some(&tag));
        draft
            .header(Name::UserAgent, self.me(false).user_agent())
            .header(Name::Allow, request::ALLOW)
            .header(Name::Supported, request::SUPPORTED);
        draft
    }

    pub(crate) fn refuse(
        &mut self,
        id: ServerId,
        request: &Request,
        status: u16,
        reason: &str,
        now: Instant,
    ) {
        let draft = self.response(request, status, reason);
        self.respond(id, status, draft.finish(), now);
    }

    pub(crate) fn tell(&mut self, event: Event) {
        if self.missed > 0 {
            let missed = Event::Missed { count: self.missed };
            if self.events.try_send(missed).is_ok() {
                self.missed = 0;
            }
        }
        if self.events.try_send(event).is_err() {
            self.missed = self.missed.saturating_add(1);
        }
    }

    pub(crate) fn fault(&mut self, why: impl ToString) {
        let why = why.to_string();
        self.tell(Event::Fault { why });
    }

    fn up(&mut self, local: SocketAddr, now: Instant) {
        let moved = self.at != Some(local);
        self.at = Some(local);
        if moved {
            self.connected(now);
        }
    }

    fn down(&mut self, why: String, now: Instant) {
        self.at = None;
        self.tell(Event::Offline { why });
        let mut told = Vec::new();
        self.transactions.flow_lost(|_| true, &mut told);
        for told in told {
            self.told(told, now);
        }
        self.disconnected(now);
    }

    /// RFC 3581 section 4: behind an address translator only the other side knows who we are.
    fn learn_address(&mut self, response: &Response) {
        let Some(via) = response
            .tokens(Name::Via)
            .next()
            .and_then(|via| Via::parse(via).ok())
        else {
            return;
        };
        let received = via.params.get("received").and_then(|ip| ip.parse().ok());
        let port = via.params.get("rport").and_then(|port| port.parse().ok());
        if let (Some(ip), Some(port)) = (received, port) {
            self.at = Some(SocketAddr::new(ip, port));
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let sessions = self.sessions.values().filter_map(Session::poll_timeout);
        let watches = self.watches.values().filter_map(Watch::poll_timeout);
        sessions
            .chain(watches)
            .chain(self.transactions.poll_timeout())
            .chain(self.registration.poll_timeout())
            .chain(self.ending.as_ref().map(|(_, deadline)| *deadline))
            .min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        let mut told = Vec::new();
        self.transactions
            .handle_timeout(now, &mut self.out, &mut told);
        for told in told {
            self.told(told, now);
        }
        self.registration_timeout(now);
        self.session_timeouts(now);
        self.watch_timeouts(now);
    }

    fn flush(&mut self) {
        for Output { flow, bytes } in self.out.drain(..) {
            self.wire.send(flow, bytes);
        }
    }

    fn stop(&mut self, reply: Reply<()>, now: Instant) {
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for session in sessions {
            // Each was there a moment ago.
            let _left = self.leave(session, now);
        }
        self.unregister(now);
        self.ending = Some((reply, now + FAREWELL));
    }

    /// The end: every farewell is answered, or enough was waited for.
    fn is_over(&self, now: Instant) -> bool {
        let waiting = |sent: &Sent| !matches!(sent.purpose, Purpose::Reinvite(_));
        match &self.ending {
            Some((_, deadline)) => now >= *deadline || !self.sent.values().any(waiting),
            None => false,
        }
    }
}
