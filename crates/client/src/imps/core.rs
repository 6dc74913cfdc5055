//! The agent itself: one task that takes commands and news, does what is due, and waits.
//!
//! ```text
//!   commands ─┐                                              ┌─▶ events
//!   answers ──┼──▶ Core: a queue of transactions, of which ──┼─▶ one POST at a time
//!   CIR ──────┘    as many as agreed go into one document    └─▶ a task that watches CIR
//! ```
//!
//! Nothing here waits for a network: the tasks of [`super::post`] and [`super::cir`] do.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imps::id::Address;
use imps::{Session, Transaction};
use tokio::sync::mpsc;
use world::{Datagrams, Rng, World};

use super::agent::{Command, Reply};
use super::answer::{Flight, Job, Purpose};
use super::cir::Sign;
use super::config::{Cir, Config};
use super::event::Event;
use super::failure::Failure;
use super::http::Http;
use super::login::{Entering, Held};
use super::post::{self, Postman};

/// What the tasks of the agent report.
pub(super) enum News {
    /// What became of the document that was posted.
    Posted(Result<post::Reply, Failure>),
    /// What the channel of a session says.
    Sign { session: String, sign: Sign },
}

/// Requests that may wait for those before them. The program's further commands wait outside.
const REQUESTS: usize = 64;

/// Transactions of all sorts that may wait: answers to a server that asks more and more as well.
/// What comes beyond is not answered.
const JOBS: usize = 1024;

/// News that may wait: there is one document under way, and CIR says little.
const NEWS: usize = 64;

/// How long the agent waits when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// How long the farewell at the end may take.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) struct Core {
    pub(super) world: World,
    pub(super) rng: Rng,
    pub(super) config: Config,
    /// Our user, with a domain.
    pub(super) me: Address,
    pub(super) news: mpsc::Sender<News>,
    events: mpsc::Sender<Event>,
    missed: u64,
    /// To the task that posts. It holds one document at a time.
    letters: mpsc::Sender<Bytes>,
    /// Where datagrams say that something waits.
    pub(super) udp: Option<Arc<Datagrams>>,
    pub(super) queue: VecDeque<Job>,
    pub(super) flight: Option<Flight>,
    pub(super) last_transaction: u64,
    /// The session, once there is one.
    pub(super) held: Option<Held>,
    /// A login under way.
    pub(super) entering: Option<Entering>,
    /// When to log in again, and how long to wait the time after.
    pub(super) relogin_at: Option<Instant>,
    pub(super) relogin_wait: Duration,
    /// Whether the last document was answered.
    pub(super) is_reached: bool,
    /// Set when the end was asked for: who asked, and how long it may take.
    ending: Option<(Reply<()>, Instant)>,
}

impl Core {
    pub(super) fn new(
        world: &World,
        config: Config,
        events: mpsc::Sender<Event>,
    ) -> io::Result<(Self, mpsc::Receiver<News>)> {
        let me = Address::parse(&config.user).map_err(io::Error::other)?;
        if !me.is_user() {
            return Err(io::Error::other("the address of the user is another's"));
        }
        let udp = match config.cir {
            Cir::Udp { port } => Some(Arc::new(world.net.bind_udp(local(&config, port))?)),
            Cir::Poll { .. } | Cir::Tcp | Cir::Http => None,
        };
        let (news, reports) = mpsc::channel(NEWS);
        let (letters, waiting) = mpsc::channel(1);
        let http = Http::new(world.clone(), config.local, config.server, config.patience);
        let postman = Postman {
            http,
            path: config.path.clone(),
            host: config.host.clone(),
            media_type: config.media_type(),
            news: news.clone(),
        };
        world.tasks.spawn("client imps post", postman.run(waiting));
        let core = Self {
            world: world.clone(),
            rng: world.rng.fork(),
            me: me.at("localhost"),
            config,
            news,
            events,
            missed: 0,
            letters,
            udp,
            queue: VecDeque::new(),
            flight: None,
            last_transaction: 0,
            held: None,
            entering: None,
            relogin_at: None,
            relogin_wait: super::timing::RELOGIN,
            is_reached: true,
            ending: None,
        };
        Ok((core, reports))
    }

    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut reports: mpsc::Receiver<News>,
    ) {
        let clock = self.world.clock;
        loop {
            let wake = self.poll_timeout().unwrap_or_else(|| clock.now() + IDLE);
            let has_room = self.queue.len() < REQUESTS;
            tokio::select! {
                biased;
                Some(news) = reports.recv() => self.take(news, clock.now()),
                Some(command) = commands.recv(), if has_room => self.obey(command, clock.now()),
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

    fn take(&mut self, news: News, now: Instant) {
        match news {
            News::Posted(posted) => self.posted(posted, now),
            News::Sign { session, sign } => self.sign(&session, sign, now),
        }
    }

    fn obey(&mut self, command: Command, now: Instant) {
        if self.ending.is_some() {
            return; // The reply is dropped, which says that the agent has stopped.
        }
        match command {
            Command::Agreed { reply } => {
                let agreed = self.held.as_ref().map(|held| held.functions);
                let _gone = reply.send(agreed.ok_or(Failure::NotLoggedIn));
            }
            Command::Discover { reply } => self.push(Job::Discover(reply)),
            Command::Forget { invitation, reply } => {
                let _gone = reply.send(self.forget(&invitation));
            }
            Command::Invitation { invitation, reply } => {
                let _gone = reply.send(self.invitation(&invitation));
            }
            Command::Login { reply } => self.login(reply),
            Command::Logout { reply } => self.logout(reply),
            Command::Request { primitive, reply } => self.request(*primitive, reply),
            Command::Say { saying, reply } => self.say(saying, reply),
            Command::Stop { reply } => self.stop(reply, now),
            Command::Token { reply } => {
                let _gone = reply.send(Ok(self.rng.token(64)));
            }
        }
    }

    /// Puts something into the queue. What asks is never put there beyond its length: commands
    /// wait outside then, and the agent itself asks little.
    pub(super) fn push(&mut self, job: Job) {
        if self.queue.len() >= JOBS {
            self.fault("the server asks more than can be answered");
            return;
        }
        self.queue.push_back(job);
    }

    /// Asks something within the session.
    pub(super) fn ask(&mut self, primitive: impl Into<imps::Primitive>, purpose: Purpose) {
        match self.session() {
            Some(session) => self.ask_in(session, primitive, purpose),
            None => self.gone(purpose, &Failure::NotLoggedIn),
        }
    }

    pub(super) fn ask_in(
        &mut self,
        session: Session,
        primitive: impl Into<imps::Primitive>,
        purpose: Purpose,
    ) {
        self.last_transaction = self.last_transaction.wrapping_add(1);
        let id = format!("t{}", self.last_transaction);
        self.push(Job::send(
            session,
            Transaction::request(id, primitive),
            purpose,
        ));
    }

    /// The session that documents belong to now.
    pub(super) fn session(&self) -> Option<Session> {
        let held = self.held.as_ref()?;
        Some(Session::Inband(held.session.clone()))
    }

    pub(super) fn tell(&mut self, event: Event) {
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

    pub(super) fn fault(&mut self, why: impl ToString) {
        let why = why.to_string();
        self.tell(Event::Fault { why });
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.ending {
            // Nothing else is done any more.
            Some((_, deadline)) => Some(*deadline),
            None => self.next_due(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.ending.is_none() {
            self.due(now);
        }
    }

    /// Posts what waits, unless something is under way.
    fn flush(&mut self) {
        if self.flight.is_some() {
            return;
        }
        if let Some(letter) = self.depart()
            && self.letters.try_send(letter).is_err()
        {
            // It takes one at a time, and there is none under way: it is gone.
            self.posted(Err(Failure::Stopped), self.world.clock.now());
        }
    }

    fn stop(&mut self, reply: Reply<()>, now: Instant) {
        // Whoever waits hears that the agent has stopped.
        self.queue.clear();
        self.entering = None;
        self.relogin_at = None;
        if self.held.is_some() {
            self.ask(imps::csp::LogoutRequest {}, Purpose::Farewell);
        }
        self.ending = Some((reply, now + FAREWELL));
    }

    /// The end: the farewell is answered, or enough was waited for.
    fn is_over(&self, now: Instant) -> bool {
        match &self.ending {
            Some((_, deadline)) => {
                now >= *deadline || (self.flight.is_none() && self.queue.is_empty())
            }
            None => false,
        }
    }
}

/// Where to listen for datagrams.
fn local(config: &Config, port: u16) -> SocketAddr {
    let any = match config.server.ip() {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(config.local.unwrap_or(any), port)
}
