//! The agent itself: one task that takes its mail, does what is due, and waits.
//!
//! ```text
//!   commands ─┐                                        ┌─▶ events
//!   SIP ──────┼──▶ mailbox ──▶ Core: a procedure each ─┼─▶ SIP, by way of the transactions
//!   MSRP ─────┘                                        └─▶ MSRP, by way of each session's task
//! ```
//!
//! Nothing here waits for a network: tasks of [`crate::wire`] and [`crate::media`] do.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use sip::dialog::DialogId;
use sip::transaction::{ClientId, Event as Told, Output, ServerId, Transactions};
use sip::{Draft, Message, Method, Name, Request, Uri};
use tokio::sync::mpsc;
use world::{Rng, World};

use crate::command::{Command, Reply};
use crate::config::Config;
use crate::event::{Event, SessionId};
use crate::keyring::Keyring;
use crate::known::Memory;
use crate::media::News;
use crate::parting::Parting;
use crate::post::{Outcome, Sent};
use crate::refer::Referral;
use crate::registration::Registration;
use crate::request::Me;
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

/// How long the agent waits when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

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
    /// Sessions that the other side has ended, each until it is heard out.
    pub(crate) parting: BTreeMap<SessionId, Parting>,
    /// Subscriptions, each until its last NOTIFY: it may outlive its session.
    pub(crate) watches: BTreeMap<SessionId, Watch>,
    /// REFERs, each until nothing more is to come of it.
    pub(crate) referrals: BTreeMap<u32, Referral>,
    /// The sessions that can be rejoined.
    pub(crate) memory: Memory,
    /// The dialogs that ended last, the latest last.
    pub(crate) ended: VecDeque<DialogId>,
    pub(crate) last_session: u32,
    pub(crate) last_media: u64,
    pub(crate) last_refer: u32,
    /// Our address as the server sees it.
    pub(crate) at: Option<SocketAddr>,
    events: mpsc::Sender<Event>,
    missed: u64,
    wire: Wire,
    pub(crate) transactions: Transactions<SocketAddr>,
    pub(crate) out: Vec<Output<SocketAddr>>,
    pub(crate) sent: BTreeMap<ClientId, Sent>,
    /// Set when the end was asked for: who asked, and how long it may take.
    pub(crate) ending: Option<(Reply<()>, Instant)>,
}

impl Core {
    pub(crate) fn new(
        world: &World,
        mut config: Config,
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
            memory: Memory::new(std::mem::take(&mut config.sessions)),
            world: world.clone(),
            rng,
            config,
            mailbox,
            sessions: BTreeMap::new(),
            parting: BTreeMap::new(),
            watches: BTreeMap::new(),
            referrals: BTreeMap::new(),
            ended: VecDeque::new(),
            last_session: 0,
            last_media: 0,
            last_refer: 0,
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
        loop {
            let wake = self.poll_timeout().unwrap_or_else(|| clock.now() + IDLE);
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
        if *request.method() != Method::Invite && request.has(Name::Replaces) {
            // RFC 3891 section 3: it belongs into an INVITE.
            self.refuse(id, &request, 400, "Replaces Without an INVITE", now);
            return;
        }
        match request.method() {
            Method::Bye => self.asked_bye(id, &request, now),
            Method::Invite => self.asked_invite(id, request, now),
            Method::Message => self.asked_message(id, &request, now),
            Method::Notify => match self.referral_of(&request) {
                Some(refer) => self.asked_refer_notify(id, refer, &request, now),
                None => self.asked_notify(id, &request, now),
            },
            Method::Options => {
                let draft = self.response(&request, 200, "OK");
                self.respond(id, 200, draft.finish(), now);
            }
            Method::Update => self.asked_update(id, &request, now),
            _ => self.refuse(id, &request, 405, "Method Not Allowed", now),
        }
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
        self.wire.was_lost();
        self.tell(Event::Offline { why });
        let mut told = Vec::new();
        self.transactions.flow_lost(|_| true, &mut told);
        for told in told {
            self.told(told, now);
        }
        self.disconnected(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let sessions = self.sessions.values().filter_map(Session::poll_timeout);
        let parting = self.parting.values().map(Parting::poll_timeout);
        let watches = self.watches.values().filter_map(Watch::poll_timeout);
        let referrals = self.referrals.values().filter_map(Referral::poll_timeout);
        sessions
            .chain(parting)
            .chain(watches)
            .chain(referrals)
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
        self.parting_timeouts(now);
        self.watch_timeouts(now);
        self.refer_timeouts(now);
    }

    fn flush(&mut self) {
        for Output { flow, bytes } in self.out.drain(..) {
            self.wire.send(flow, bytes);
        }
    }

    pub(crate) fn stop(&mut self, reply: Reply<()>, now: Instant) {
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for session in sessions {
            // Each was there a moment ago.
            let _left = self.leave(session, now);
        }
        self.part_at_once();
        self.unregister(now);
        self.ending = Some((reply, now + FAREWELL));
    }

    /// The end: every farewell is answered, or enough was waited for.
    fn is_over(&self, now: Instant) -> bool {
        match &self.ending {
            Some((_, deadline)) => {
                let has_left = self.sessions.is_empty() && self.watches.is_empty();
                now >= *deadline || (self.sent.is_empty() && has_left)
            }
            None => false,
        }
    }
}
