//! The one way to the server: a datagram socket, or a connection that is made anew when it is lost.
//!
//! Tasks read and write; the agent only hands bytes over and takes [`Mail`] in.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use sip::{Frame, Framer, Message};
use tokio::sync::mpsc;
use world::{Batch, Datagrams, Stream, World};

use crate::config::{Config, Transport};
use crate::core::Mail;

/// Messages that may wait for the connection. A server that lets more pile up is not reading.
const QUEUE: usize = 256;

/// How long to wait for the connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The first wait before the connection is tried again, and the longest.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// RFC 5626 section 4.4.1: a ping between 95 and 120 seconds after the one before, drawn anew each
/// time so that the clients of one server do not ping together.
const PING_MIN: Duration = Duration::from_secs(95);
const PING_SPREAD_MS: u64 = 25_000;

/// The agent's end of the way to the server.
pub(crate) enum Wire {
    Udp(Arc<Datagrams>),
    Tcp {
        /// What is to be written, and the number of the connection it is meant for.
        queue: mpsc::Sender<(u64, Bytes)>,
        /// How many connections were lost, as far as the agent knows.
        lost: u64,
    },
}

impl Wire {
    /// Opens the way. Over TCP this begins to connect; [`Mail::Up`] tells when it is done.
    pub(crate) fn open(
        world: &World,
        config: &Config,
        mailbox: mpsc::Sender<Mail>,
    ) -> io::Result<Self> {
        match config.transport {
            Transport::Udp => {
                let socket = Arc::new(world.net.bind_udp(local(config))?);
                let up = Mail::Up {
                    local: socket.local_addr()?,
                };
                let reader = Arc::clone(&socket);
                world.tasks.spawn("client datagrams", async move {
                    if mailbox.send(up).await.is_ok() {
                        read_datagrams(&reader, &mailbox).await;
                    }
                });
                Ok(Self::Udp(socket))
            }
            Transport::Tcp => {
                let (queue, waiting) = mpsc::channel(QUEUE);
                let line = Line {
                    world: world.clone(),
                    from: config.local.map(|local| local.ip()),
                    server: config.server,
                    mailbox,
                    waiting,
                    lost: 0,
                };
                world.tasks.spawn("client connection", line.run());
                Ok(Self::Tcp { queue, lost: 0 })
            }
        }
    }

    /// Sends one message. What cannot be sent is lost, as on any network: timers find out.
    pub(crate) fn send(&self, to: SocketAddr, bytes: Bytes) {
        let sent = match self {
            Self::Udp(socket) => socket
                .try_send(to, &bytes)
                .map_err(|error| error.to_string()),
            Self::Tcp { queue, lost } => queue
                .try_send((*lost, bytes))
                .map_err(|error| error.to_string()),
        };
        if let Err(error) = sent {
            tracing::debug!(%to, error, "a SIP message was not sent");
        }
    }

    /// The agent has learnt that the connection is lost: what it sends from now on is meant for
    /// the next. What it sent before must not be, since its transactions are over.
    pub(crate) const fn was_lost(&mut self) {
        if let Self::Tcp { lost, .. } = self {
            *lost = lost.saturating_add(1);
        }
    }
}

fn local(config: &Config) -> SocketAddr {
    let any = match config.server.ip() {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    };
    config.local.unwrap_or(SocketAddr::new(any, 0))
}

async fn read_datagrams(socket: &Datagrams, mailbox: &mpsc::Sender<Mail>) {
    let mut batch = Batch::new();
    while socket.recv(&mut batch).await.is_ok() {
        for datagram in batch.drain() {
            // RFC 5626: a keep-alive of the server's is no message.
            if datagram
                .bytes
                .iter()
                .all(|b| matches!(b, b'\r' | b'\n' | 0))
            {
                continue;
            }
            let mail = match Message::parse(datagram.bytes) {
                Ok(message) => Mail::Sip {
                    message: Box::new(message),
                    from: datagram.remote,
                },
                Err(error) => Mail::Unreadable {
                    why: error.to_string(),
                },
            };
            if mailbox.send(mail).await.is_err() {
                return;
            }
        }
    }
    let _gone = mailbox
        .send(Mail::Down {
            why: "the socket is of no more use".to_owned(),
        })
        .await;
}

/// How long an answer to a ping may take (RFC 5626 section 4.4.1).
const PONG: Duration = Duration::from_secs(10);

/// Whether pings are answered: a server that has answered one answers all, or is gone.
#[derive(Default)]
struct Pongs {
    answers: bool,
    due: Option<Instant>,
}

impl Pongs {
    fn asked(&mut self, now: Instant) {
        self.due = self.answers.then(|| now + PONG);
    }

    fn came(&mut self) {
        self.answers = true;
        self.due = None;
    }
}

/// The connection and what makes it anew.
struct Line {
    world: World,
    from: Option<IpAddr>,
    server: SocketAddr,
    mailbox: mpsc::Sender<Mail>,
    waiting: mpsc::Receiver<(u64, Bytes)>,
    /// How many connections were lost.
    lost: u64,
}

impl Line {
    async fn run(mut self) {
        let mut retry = RETRY;
        loop {
            let dial = self.world.net.connect(self.from, self.server);
            let why = match self.world.clock.timeout(CONNECT, dial).await {
                Ok(Ok(stream)) => {
                    retry = RETRY;
                    match self.serve(stream).await {
                        Ok(()) => return, // The agent has ended.
                        Err(error) => error.to_string(),
                    }
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the server does not answer".to_owned(),
            };
            self.lost = self.lost.saturating_add(1);
            if self.mailbox.send(Mail::Down { why }).await.is_err() {
                return;
            }
            self.world.clock.sleep(retry).await;
            retry = (retry * 2).min(RETRY_MAX);
        }
    }

    /// Reads and writes until the connection is lost (an error) or the agent ends.
    async fn serve(&mut self, stream: Stream) -> io::Result<()> {
        let up = Mail::Up {
            local: stream.local_addr()?,
        };
        if self.mailbox.send(up).await.is_err() {
            return Ok(());
        }
        let clock = self.world.clock;
        let mut rng = self.world.rng.fork();
        let mut next_ping = || PING_MIN + Duration::from_millis(rng.below(PING_SPREAD_MS));
        let mut ping_at = clock.now() + next_ping();
        let mut pongs = Pongs::default();
        let mut framer = Framer::default();
        let mut buffer = BytesMut::new();
        let mut outgoing = Bytes::new();
        loop {
            let slices = [io::IoSlice::new(&outgoing)];
            tokio::select! {
                biased;
                written = stream.write_vectored(&slices), if !outgoing.is_empty() => {
                    let _ = outgoing.split_to(written?.min(outgoing.len()));
                }
                bytes = self.waiting.recv(), if outgoing.is_empty() => match bytes {
                    Some((lost, bytes)) if lost == self.lost => outgoing = bytes,
                    // It was for a connection that is gone.
                    Some(_) => {}
                    None => return Ok(()),
                },
                read = stream.read(&mut buffer) => {
                    if read? == 0 {
                        return Err(io::ErrorKind::ConnectionReset.into());
                    }
                    while let Some(frame) = framer.next(&mut buffer).map_err(io::Error::other)? {
                        let mail = match frame {
                            Frame::Message(message) => Mail::Sip {
                                message: Box::new(message),
                                from: self.server,
                            },
                            // Two answers with nothing between them look like a ping.
                            Frame::Ping | Frame::Pong => {
                                pongs.came();
                                continue;
                            }
                        };
                        if self.mailbox.send(mail).await.is_err() {
                            return Ok(());
                        }
                    }
                }
                () = clock.sleep_until(ping_at), if outgoing.is_empty() => {
                    outgoing = Bytes::from_static(b"\r\n\r\n");
                    ping_at = clock.now() + next_ping();
                    pongs.asked(clock.now());
                }
                () = clock.sleep_until(pongs.due.unwrap_or(ping_at)), if pongs.due.is_some() => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
        }
    }
}
