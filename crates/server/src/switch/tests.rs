//! The switch in a simulated network, and once on the machine's own.

mod binding;
mod endings;
mod sending;

use std::net::{IpAddr, Ipv4Addr};

use bytes::{Bytes, BytesMut};
use msrp::{Kind, Piece, Reader, Tid};
use tokio::sync::mpsc;
use world::sim::Universe;

use super::*;

const HALL: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const AT_HALL: SocketAddr = SocketAddr::new(HALL, 2855);
const ANN: LegId = LegId(1);
const BEN: LegId = LegId(2);

/// A server with a switch, and the room's ends of its sessions.
struct Hall {
    universe: Universe,
    world: World,
    /// Where the peers are.
    home: World,
    switch: Arc<Switch>,
    door: RoomDoor,
    said: mpsc::Receiver<Said>,
    news: mpsc::UnboundedReceiver<News>,
    rng: Rng,
}

impl Hall {
    fn new() -> Self {
        Self::with_mailbox(1000)
    }

    fn with_mailbox(size: usize) -> Self {
        let universe = Universe::new(1);
        let (world, home) = (universe.host(HALL), universe.host(HOME));
        let switch = Switch::new(world.clone(), AT_HALL, None, vec![HOME]);
        let listener = world.net.listen(AT_HALL).unwrap();
        world
            .tasks
            .spawn("msrp", listen(listener, Arc::clone(&switch)));
        let (said_in, said) = mpsc::channel(size);
        let (news_in, news) = mpsc::unbounded_channel();
        Self {
            universe,
            world,
            home,
            switch,
            door: RoomDoor {
                said: said_in,
                news: news_in,
            },
            said,
            news,
            rng: Rng::from_seed(1, 2),
        }
    }

    fn open(&mut self, leg: LegId) -> Arc<Session> {
        let session = self.switch.open(leg, self.door.clone(), &mut self.rng);
        session.peer(&format!("msrp://home.example:9/{};tcp", leg.0));
        session
    }

    async fn connect(&self) -> Peer {
        let stream = self.home.net.connect(None, AT_HALL).await.unwrap();
        Peer::new(stream, &self.home)
    }

    /// A session that is bound to a connection, and its peer.
    async fn bound(&mut self, leg: LegId) -> (Arc<Session>, Peer) {
        let session = self.open(leg);
        let peer = self.connect().await;
        peer.send(&send(&session.path(), "hello", "")).await;
        assert_eq!(self.news().await, Some(News::Up { leg }));
        assert_eq!(self.said().await.unwrap().leg, leg);
        (session, peer)
    }

    async fn news(&mut self) -> Option<News> {
        soon(&self.home, self.news.recv()).await.flatten()
    }

    async fn said(&mut self) -> Option<Said> {
        soon(&self.home, self.said.recv()).await.flatten()
    }

    async fn wait(&self, seconds: u64) {
        self.home.clock.sleep(Duration::from_secs(seconds)).await;
    }
}

/// What comes within five seconds.
async fn soon<T>(world: &World, future: impl Future<Output = T>) -> Option<T> {
    world
        .clock
        .timeout(Duration::from_secs(5), future)
        .await
        .ok()
}

/// The other end of a connection.
struct Peer {
    stream: Stream,
    world: World,
    reader: Reader,
    inbox: BytesMut,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Got {
    Answer(u16),
    /// The path it came to, its transaction id and its body.
    Send(String, String, String),
    /// The connection was closed in order.
    End,
    /// It was reset.
    Reset,
    /// Nothing came in five seconds.
    Silence,
}

impl Peer {
    fn new(stream: Stream, world: &World) -> Self {
        Self {
            stream,
            world: world.clone(),
            reader: Reader::new(),
            inbox: BytesMut::new(),
        }
    }

    async fn send(&self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn piece(&mut self) -> Result<Piece, Got> {
        loop {
            if let Some(piece) = self.reader.next(&mut self.inbox).unwrap() {
                return Ok(piece);
            }
            match soon(&self.world, self.stream.read(&mut self.inbox)).await {
                None => return Err(Got::Silence),
                Some(Ok(0)) => return Err(Got::End),
                Some(Ok(_)) => {}
                Some(Err(_)) => return Err(Got::Reset),
            }
        }
    }

    async fn got(&mut self) -> Got {
        let mut body = Vec::new();
        loop {
            let piece = match self.piece().await {
                Ok(piece) => piece,
                Err(got) => return got,
            };
            body.extend_from_slice(&piece.data);
            if piece.end.is_none() {
                continue;
            }
            let head = piece.head;
            return match head.kind() {
                Kind::Response(code) => Got::Answer(code),
                Kind::Request(_) => Got::Send(
                    head.to_path_text().to_owned(),
                    head.transaction_id().to_owned(),
                    String::from_utf8(body).unwrap(),
                ),
            };
        }
    }

    /// Answers a request.
    async fn answer(&self, tid: &str, code: u16) {
        let answer = format!(
            "MSRP {tid} {code} Word\r\nTo-Path: msrp://a:1/x;tcp\r\nFrom-Path: msrp://b:1/y;tcp\r\n\
            -------{tid}$\r\n"
        );
        self.send(answer.as_bytes()).await;
    }
}

/// A SEND to `path`.
fn send(path: &str, body: &str, headers: &str) -> Vec<u8> {
    request("SEND", path, body, headers)
}

fn request(method: &str, path: &str, body: &str, headers: &str) -> Vec<u8> {
    format!(
        "MSRP tid12345 {method}\r\nTo-Path: {path}\r\nFrom-Path: msrp://home.example:9/p;tcp\r\n\
        Message-ID: m123\r\n{headers}Content-Type: text/plain\r\n\r\n{body}\r\n-------tid12345$\r\n"
    )
    .into_bytes()
}

/// A chunk as a room makes it.
fn chunk(body: &str, message: u64, report: FailureReport) -> Outgoing {
    let head = SendHead {
        message_id: "m-of-room",
        offset: 0,
        total: None,
        success_report: false,
        failure_report: report,
        extra: &[],
        content_type: Some("text/plain"),
    };
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let random = u64::from_be_bytes(*b"chunk-id") ^ u64::from(body.len() as u32);
    let chunk = Chunk::new(&head, b"", bytes, Flag::Complete, random);
    Outgoing::Chunk(Arc::new(Part::new(chunk, message, report, body.len())))
}

fn text(body: &str) -> Outgoing {
    chunk(body, NO_MESSAGE, FailureReport::No)
}

/// A participant who says nothing costs less than 16 kB: no buffer, and this.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_small() {
    let hall = Hall::new();
    let peer = hall.connect().await;
    let connection = Connection::new(Arc::clone(&hall.switch), peer.stream, AT_HALL);
    let size = size_of_val(&connection.run());
    assert!(size < 8 << 10, "{size}");
}

/// The same code over the machine's loopback, on two threads: what is pushed arrives whole and in
/// order, however the two sides interleave.
#[test]
fn over_real_sockets() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::os();
        let listener = world.net.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let at = listener.local_addr().unwrap();
        let switch = Switch::new(world.clone(), at, None, Vec::new());
        world
            .tasks
            .spawn("msrp", listen(listener, Arc::clone(&switch)));
        let (said_in, mut said) = mpsc::channel(8);
        let (news_in, mut news) = mpsc::unbounded_channel();
        let door = RoomDoor {
            said: said_in,
            news: news_in,
        };
        let session = switch.open(ANN, door, &mut world.rng.fork());
        session.peer("msrp://127.0.0.1:9/p;tcp");
        let mut peer = Peer::new(world.net.connect(None, at).await.unwrap(), &world);
        peer.send(&send(&session.path(), "hello", "")).await;
        assert_eq!(news.recv().await, Some(News::Up { leg: ANN }));
        assert_eq!(said.recv().await.unwrap().piece.data, "hello");
        for n in 0..5000u32 {
            let body = format!("{n} {}", "x".repeat((n % 7 * 1000) as usize));
            while session.line().push(text(&body)).is_err() {
                tokio::task::yield_now().await;
            }
            if n % 500 == 499 {
                for n in n - 499..=n {
                    let Got::Send(_, _, body) = peer.got().await else {
                        panic!("{n}");
                    };
                    assert!(body.starts_with(&format!("{n} ")));
                }
            }
        }
        switch.close(&session);
        assert_eq!(peer.got().await, Got::End);
    });
}
