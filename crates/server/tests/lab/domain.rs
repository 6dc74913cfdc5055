//! The server of another domain, played by a test: it speaks SSP, and says what no server should.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use imps::ssp::link::{Event, Link, Settings, Ticket};
use imps::ssp::{Message, Primitive, Secret};
use server::config::SspPeer;
use server::{Policy, Setup};

use super::http::{Wire, connect};
use super::{Lab, PATIENCE};

/// Its domain.
pub const DOMAIN: &str = "b.example";

pub struct Domain {
    link: Link,
    /// How often it has started.
    starts: u8,
    secret: String,
    server: SocketAddr,
    /// What the server posts.
    posted: Receiver<Vec<u8>>,
    /// What happened and no test has looked at.
    pub events: Vec<Event>,
}

/// A server that knows this domain, and the domain, which has logged in.
pub fn meet(change: impl FnOnce(&mut Policy)) -> (Lab, Domain) {
    let (lab, mut domain) = stranger("b's", change);
    domain.comes_up();
    (lab, domain)
}

/// The same where the server is told no URL, and to ask this DNS server. `announce` puts there
/// where the domain is.
pub fn meet_by_name(dns: SocketAddr, announce: impl FnOnce(SocketAddr)) -> (Lab, Domain) {
    let (lab, mut domain) = appear("b's", |setup, _, at| {
        setup.dns_servers = vec![dns];
        for peer in &mut setup.ssp_peers {
            peer.url = None;
        }
        announce(at);
    });
    domain.comes_up();
    (lab, domain)
}

/// The same before it has logged in, with this secret.
pub fn stranger(secret: &str, change: impl FnOnce(&mut Policy)) -> (Lab, Domain) {
    appear(secret, |_, policy, _| change(policy))
}

fn appear(secret: &str, change: impl FnOnce(&mut Setup, &mut Policy, SocketAddr)) -> (Lab, Domain) {
    let (at, posted) = letter_box();
    let lab = Lab::with(|setup, policy| {
        setup.ssp_secret = Some("a's".to_owned());
        setup.ssp_peers = vec![SspPeer {
            domain: DOMAIN.to_owned(),
            url: Some(format!("http://{at}/ssp")),
            secret: Some("b's".to_owned()),
            tls: false,
        }];
        change(setup, policy, at);
    });
    let domain = Domain {
        link: link(secret, 1),
        starts: 1,
        secret: secret.to_owned(),
        server: lab.at.http.unwrap(),
        posted,
        events: Vec::new(),
    };
    (lab, domain)
}

fn link(secret: &str, seed: u8) -> Link {
    let settings = Settings {
        secret: Some(Secret::new(secret.as_bytes())),
        peer_secret: Some(Secret::new(*b"a's")),
        ..Settings::new(format!("wv:@{DOMAIN}"), "wv:@localhost")
    };
    Link::new(settings, [seed; 16]).unwrap()
}

/// A place where POSTs are taken, and what comes.
pub fn letter_box() -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let (bodies, posted) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let bodies = bodies.clone();
            std::thread::spawn(move || {
                take(stream, |body| bodies.send(body).is_ok());
            });
        }
    });
    (at, posted)
}

/// Reads POSTs from a connection and answers each with 200.
fn take(mut stream: TcpStream, heard: impl Fn(Vec<u8>) -> bool) {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let end = read.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if read.len() >= end + 4 + length {
                let rest = read.split_off(end + 4 + length);
                let body = read.split_off(end + 4);
                read = rest;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                if stream.write_all(answer).is_err() || !heard(body) {
                    return;
                }
                continue;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
    }
}

impl Domain {
    /// Asks something: the answer.
    pub fn ask(&mut self, primitive: Primitive) -> Primitive {
        let ticket = self.asks(primitive);
        self.answer(ticket)
    }

    /// Asks something without waiting.
    pub fn asks(&mut self, primitive: Primitive) -> Ticket {
        let ticket = self.link.request(primitive, Instant::now()).unwrap();
        self.flush();
        ticket
    }

    pub fn answer(&mut self, of: Ticket) -> Primitive {
        self.until(|event| match event {
            Event::Answered { ticket, primitive } if *ticket == of => Some(primitive.clone()),
            Event::Failed { ticket, why } if *ticket == of => panic!("{why}"),
            _ => None,
        })
    }

    /// The status of the answer to something.
    pub fn code(&mut self, primitive: Primitive) -> u16 {
        let answer = self.ask(primitive);
        answer
            .outcome()
            .map_or(200, |outcome| outcome.code.number())
    }

    /// The next thing that the server asks, answered.
    pub fn asked(&mut self) -> Primitive {
        self.asked_and(Primitive::status(imps::status::Code::SUCCESSFUL))
    }

    /// The same, answered with this.
    pub fn asked_and(&mut self, answer: Primitive) -> Primitive {
        let (id, asked) = self.asked_only();
        self.answers(&id, answer);
        asked
    }

    /// The next thing that the server asks, and its transaction.
    pub fn asked_only(&mut self) -> (String, Primitive) {
        self.until(|event| match event {
            Event::Asked {
                transaction_id,
                primitive,
            } => Some((transaction_id.clone(), primitive.clone())),
            _ => None,
        })
    }

    /// Answers what the server has asked.
    pub fn answers(&mut self, transaction_id: &str, answer: Primitive) {
        self.link.answer(transaction_id, answer).unwrap();
        self.flush();
    }

    /// Starts anew, and knows nothing of what was before.
    pub fn restarts(&mut self) {
        self.starts += 1;
        self.link = link(&self.secret, self.starts);
        self.events.clear();
        self.comes_up();
    }

    /// Logs out, and is not heard of again.
    pub fn leaves(&mut self) {
        self.link.close(Instant::now());
        self.until(|event| matches!(event, Event::Down(_)).then_some(()));
    }

    /// Logs in.
    fn comes_up(&mut self) {
        self.dials();
        self.until(|event| matches!(event, Event::Up).then_some(()));
    }

    /// Begins to log in.
    pub fn dials(&mut self) {
        self.link.dial(Instant::now());
    }

    /// Waits for something to happen; the rest is kept.
    pub fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.flush();
            while let Some(event) = self.link.poll_event() {
                self.events.push(event);
            }
            if let Some(at) = self.events.iter().position(|event| wanted(event).is_some()) {
                return wanted(&self.events.remove(at)).unwrap();
            }
            assert!(Instant::now() < deadline, "only {:?}", self.events);
            if let Ok(body) = self.posted.recv_timeout(Duration::from_millis(100)) {
                let message = Message::parse(&body).unwrap();
                self.link.receive(&message, Instant::now());
            }
        }
    }

    /// The next that the server posts, unread by the link.
    pub fn posted(&self) -> Message {
        let body = self.posted.recv_timeout(PATIENCE).unwrap();
        Message::parse(&body).unwrap()
    }

    fn flush(&mut self) {
        while let Some(transmit) = self.link.poll_transmit() {
            assert_eq!(self.post(&transmit.body), 200);
        }
    }

    /// Posts a body: the status of the answer.
    pub fn post(&self, body: &[u8]) -> u16 {
        post(self.server, "application/vnd.wv.ssp+xml", body)
    }
}

/// Posts a body to `/ssp`: the status of the answer.
pub fn post(server: SocketAddr, media_type: &str, body: &[u8]) -> u16 {
    put(connect(server), media_type, body).unwrap()
}

/// Posts a body to `/ssp` over a connection: the status of the answer, if one comes.
pub fn put(mut stream: impl Wire, media_type: &str, body: &[u8]) -> Option<u16> {
    let head = format!(
        "POST /ssp HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {media_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    // A body that is refused unread may not be taken to its end.
    let _cut = stream.write_all(body);
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1)?.parse().ok()
}
