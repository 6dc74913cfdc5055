//! The connection of one session for messages: MSRP over a stream, in a task of its own.
//!
//! ```text
//!   Connect ──▶ up ──▶ an empty SEND at once ──┐
//!                                              ├──▶ messages both ways ──▶ over
//!   Accept ──first request names us──▶ up ─────┘
//! ```

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use msrp::session::{Event, NewMessage, Received, Session, Setup};
use msrp::{FailureReport, Piece, Reader};
use tokio::sync::mpsc;
use world::{Listener, Rng, Stream, World};

use crate::core::Mail;
use crate::event::SessionId;

/// Messages that may wait for the task of a session.
const QUEUE: usize = 64;

/// How long to wait until the connection is there, whoever opens it.
const CONNECT: Duration = Duration::from_secs(30);

/// How long what was said before the end may take to be written.
const FLUSH: Duration = Duration::from_secs(2);

/// Parts that one write takes at most: several frames leave in one segment.
const SLICES: usize = 64;

/// How long to wait for the connection when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// The largest message we take, in octets.
pub(crate) const MESSAGE_MAX: u64 = 1024 * 1024;

/// Who opens the connection.
pub(crate) enum Role {
    Accept(Listener),
    Connect { host: String, port: u16 },
}

/// The agent's end of a session's connection. Dropping it ends the connection, after what was said
/// has been written.
#[derive(Debug)]
pub(crate) struct Media {
    /// Tells this connection from an earlier one of the same session.
    pub(crate) serial: u64,
    say: mpsc::Sender<Saying>,
}

/// What is to be said on the connection.
#[derive(Debug)]
enum Saying {
    Message(NewMessage),
    /// A nickname is asked for (RFC 7701 section 7); an empty one gives it up.
    Nickname(String),
}

/// What happens on the connection.
#[derive(Debug)]
pub(crate) enum News {
    /// It is up.
    Up,
    /// A message came.
    Message(Received),
    /// A message of ours arrived at the other end of the connection.
    Sent { message_id: String },
    /// A message of ours did not, or is not known to have.
    Failed { message_id: String, why: String },
    /// The answer to a nickname: the code of the response.
    Named { code: u16 },
    /// There is no connection any more, or there never was.
    Down { why: String },
}

impl Media {
    /// Begins to open the connection.
    pub(crate) fn start(
        world: &World,
        mailbox: mpsc::Sender<Mail>,
        session: SessionId,
        serial: u64,
        role: Role,
        setup: Setup,
    ) -> Self {
        let (say, said) = mpsc::channel(QUEUE);
        let teller = Teller {
            mailbox,
            session,
            serial,
        };
        let task = run(world.clone(), role, setup, said, teller);
        world.tasks.spawn("client media", task);
        Self { serial, say }
    }

    /// Hands a message over. `false`: too many wait, or the connection is gone.
    pub(crate) fn say(&self, message: NewMessage) -> bool {
        self.say.try_send(Saying::Message(message)).is_ok()
    }

    /// Asks for a nickname. `false`: too much waits, or the connection is gone.
    pub(crate) fn name(&self, nick: &str) -> bool {
        self.say.try_send(Saying::Nickname(nick.to_owned())).is_ok()
    }
}

/// The way back to the agent.
struct Teller {
    mailbox: mpsc::Sender<Mail>,
    session: SessionId,
    serial: u64,
}

impl Teller {
    async fn tell(&self, news: News) {
        let mail = Mail::Media {
            session: self.session,
            serial: self.serial,
            news,
        };
        // An agent that has ended wants no news.
        let _ended = self.mailbox.send(mail).await;
    }
}

async fn run(world: World, role: Role, setup: Setup, said: mpsc::Receiver<Saying>, teller: Teller) {
    let why = match open(&world, role, &setup).await {
        Ok((stream, buffer, active)) => {
            let rng = world.rng.fork();
            match Session::new(setup) {
                Ok(session) => {
                    let line = Line {
                        world: &world,
                        stream,
                        session,
                        reader: Reader::new(),
                        buffer,
                        outgoing: VecDeque::new(),
                        rng,
                    };
                    line.serve(active, said, &teller).await
                }
                Err(error) => error.to_string(),
            }
        }
        Err(why) => why,
    };
    teller.tell(News::Down { why }).await;
}

/// The connection, what has been read of it already, and whether we opened it.
async fn open(
    world: &World,
    role: Role,
    setup: &Setup,
) -> Result<(Stream, BytesMut, bool), String> {
    let deadline = world.clock.now() + CONNECT;
    match role {
        Role::Connect { host, port } => {
            let connect = connect(world, &host, port);
            match world.clock.timeout_at(deadline, connect).await {
                Ok(Ok(stream)) => Ok((stream, BytesMut::new(), true)),
                Ok(Err(error)) => Err(format!("cannot connect to {host}:{port}: {error}")),
                Err(_) => Err(format!("{host}:{port} does not answer")),
            }
        }
        Role::Accept(listener) => {
            let accept = accept(world, &listener, setup);
            match world.clock.timeout_at(deadline, accept).await {
                Ok(Ok((stream, buffer))) => Ok((stream, buffer, false)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the other side does not connect".to_owned()),
            }
        }
    }
}

/// Connects to the first address of a host that can be reached.
async fn connect(world: &World, host: &str, port: u16) -> io::Result<Stream> {
    let all = match host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => world.dns.lookup_host(host, port).await?,
    };
    let mut failed = io::ErrorKind::NotFound.into();
    for to in all {
        match world.net.connect(None, to).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Waits for the connection whose first request names this session; others are closed.
async fn accept(
    world: &World,
    listener: &Listener,
    setup: &Setup,
) -> io::Result<(Stream, BytesMut)> {
    loop {
        let (stream, _) = listener.accept().await?;
        let mut buffer = BytesMut::new();
        let named = names_us(&stream, &mut buffer, &setup.local);
        if let Ok(Ok(true)) = world.clock.timeout(FLUSH, named).await {
            return Ok((stream, buffer));
        }
        stream.reset();
    }
}

/// Reads the first head, and says whether it is for `local`. What was read stays in `buffer`.
async fn names_us(stream: &Stream, buffer: &mut BytesMut, local: &str) -> io::Result<bool> {
    loop {
        if stream.read(buffer).await? == 0 {
            return Ok(false);
        }
        let mut copy = buffer.clone();
        match Reader::new().next(&mut copy) {
            Ok(Some(piece)) => return Ok(is_for(&piece, local)),
            Ok(None) if buffer.len() <= msrp::HEAD_MAX => {}
            Ok(None) | Err(_) => return Ok(false),
        }
    }
}

/// RFC 4975 section 5.4: the session id in the To-Path makes the connection the session's.
fn is_for(piece: &Piece, local: &str) -> bool {
    let (Ok(path), Ok(ours)) = (piece.head.to_path(), msrp::Uri::parse(local)) else {
        return false;
    };
    path.len() == 1 && path.first().matches(&ours)
}

struct Line<'a> {
    world: &'a World,
    stream: Stream,
    session: Session,
    reader: Reader,
    buffer: BytesMut,
    outgoing: VecDeque<Bytes>,
    rng: Rng,
}

impl Line<'_> {
    /// Serves the connection until it is over, and says why it is.
    async fn serve(
        mut self,
        active: bool,
        mut said: mpsc::Receiver<Saying>,
        teller: &Teller,
    ) -> String {
        teller.tell(News::Up).await;
        if active {
            self.greet();
        }
        if let Err(why) = self.read_all(teller).await {
            return why;
        }
        let clock = self.world.clock;
        loop {
            self.fill();
            let wake = self.session.poll_timeout();
            let wake = wake.unwrap_or_else(|| clock.now() + IDLE);
            let waiting: Vec<Bytes> = self.outgoing.iter().take(SLICES).cloned().collect();
            let slices: Vec<_> = waiting.iter().map(|part| io::IoSlice::new(part)).collect();
            tokio::select! {
                biased;
                written = self.stream.write_vectored(&slices), if !slices.is_empty() => {
                    match written {
                        Ok(written) => self.written(written),
                        Err(error) => return error.to_string(),
                    }
                }
                read = self.stream.read(&mut self.buffer) => match read {
                    Ok(0) => return "the other side closed the connection for messages".to_owned(),
                    Ok(_) => {
                        if let Err(why) = self.read_all(teller).await {
                            return why;
                        }
                    }
                    Err(error) => return error.to_string(),
                },
                message = said.recv() => match message {
                    Some(Saying::Nickname(nick)) => self.session.set_nickname(&nick),
                    Some(Saying::Message(message)) => {
                        let message_id = message.message_id.clone();
                        if let Err(error) = self.session.send(message) {
                            let why = error.to_string();
                            teller.tell(News::Failed { message_id, why }).await;
                        }
                    }
                    None => {
                        let flush = self.flush();
                        // Late or not, this is the end.
                        let _in_time = clock.timeout(FLUSH, flush).await;
                        return "ended".to_owned();
                    }
                },
                () = clock.sleep_until(wake) => self.session.handle_timeout(clock.now()),
            }
            if let Some(why) = self.tell_all(teller).await {
                return why;
            }
        }
    }

    /// RFC 4975 section 5.4: the active side sends at once, if need be without a body, so that the
    /// other side knows whose connection this is.
    fn greet(&mut self) {
        let hello = NewMessage {
            message_id: self.rng.token(64),
            content_type: None,
            headers: Vec::new(),
            body: Bytes::new(),
            success_report: false,
            failure_report: FailureReport::Yes,
        };
        // It is the first message: nothing can be in its way.
        let _queued = self.session.send(hello);
    }

    async fn read_all(&mut self, teller: &Teller) -> Result<(), String> {
        loop {
            match self.reader.next(&mut self.buffer) {
                Ok(Some(piece)) => {
                    let now = self.world.clock.now();
                    let taken = self.session.handle_piece(&piece, now);
                    taken.map_err(|error| error.to_string())?;
                    if let Some(why) = self.tell_all(teller).await {
                        return Err(why);
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn fill(&mut self) {
        if self.outgoing.is_empty() {
            let mut frames = Vec::new();
            let random = self.rng.u64();
            self.session
                .poll_transmit(self.world.clock.now(), random, &mut frames);
            self.outgoing.extend(frames);
        }
    }

    fn written(&mut self, mut written: usize) {
        while let Some(front) = self.outgoing.front_mut() {
            let part = written.min(front.len());
            let _sent = front.split_to(part);
            written -= part;
            if !front.is_empty() {
                return;
            }
            self.outgoing.pop_front();
        }
    }

    async fn flush(&mut self) {
        loop {
            self.fill();
            let Some(next) = self.outgoing.pop_front() else {
                let _closed = self.stream.shutdown().await;
                return;
            };
            if self.stream.write_all(&next).await.is_err() {
                return;
            }
        }
    }

    /// Passes on what happened. `Some` says why the session is over.
    async fn tell_all(&mut self, teller: &Teller) -> Option<String> {
        while let Some(event) = self.session.poll_event() {
            let news = match event {
                Event::Message(received) if received.duplicate => continue,
                Event::Message(received) => News::Message(received),
                Event::Sent { message_id } => News::Sent { message_id },
                Event::Failed {
                    message_id,
                    failure,
                } => News::Failed {
                    message_id,
                    why: failure.to_string(),
                },
                Event::Ended { code } => {
                    return Some(format!("the other side knows no such session ({code})"));
                }
                Event::Nickname { code } => News::Named { code },
                Event::Abandoned { .. } | Event::Confirmed { .. } => continue,
            };
            teller.tell(news).await;
        }
        None
    }
}
