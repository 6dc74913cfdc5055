//! How often the server asks for memory to answer a poll, and what it keeps for a session.
//!
//! The server runs on the thread that counts, over a real connection. The handset beside it writes
//! what it has written before, and reads into a buffer that it has made before.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]

use std::net::SocketAddr;

use allocation_counter::measure;
use imps::csp::{CapabilityList, CirMethod, ClientId, LoginRequest, PollingRequest};
use imps::service::Functions;
use imps::status::Code;
use imps::{Encoding, Message, Primitive, Session, Transaction, Version};
use server::admin::{NewUser, add_users};
use server::{Policy, SealKey, Sealer, Server, Setup};
use store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use world::World;

/// Polls counted. What is rare, such as the growth of a table, is spread over them.
const POLLS: u64 = 2000;

/// Sessions counted.
const SESSIONS: u32 = 1000;

/// A poll over a connection that stays, answered with nothing.
#[test]
fn a_poll_stays_within_its_budget() {
    let lab = Lab::start(1);
    let (mut stream, session) = lab.runtime.block_on(lab.log_in(0));
    let poll = Message::new(Version::V1_3, session)
        .with(Transaction::request("poll", PollingRequest {}))
        .encode(Encoding::Wbxml);
    let poll = post(&poll);
    let mut poll = || {
        lab.runtime.block_on(async {
            for _ in 0..POLLS {
                assert_eq!(exchange(&mut stream, &poll, &mut [0; 1024]).await, 0);
            }
        });
    };
    poll();
    let counted = measure(poll);
    let each = counted.count_total / POLLS;
    println!("{each} allocations for a poll");
    assert!(each <= 12, "{counted:?}");
}

/// A session that has agreed on everything, whose connection is gone.
#[test]
fn a_session_stays_within_its_budget() {
    let lab = Lab::start(2 * SESSIONS);
    let log_in = |users: std::ops::Range<u32>| {
        lab.runtime.block_on(async {
            for user in users {
                drop(lab.log_in(user).await);
            }
        });
    };
    log_in(0..SESSIONS);
    let counted = measure(|| log_in(SESSIONS..2 * SESSIONS));
    let each = counted.bytes_current / i64::from(SESSIONS);
    println!("{each} bytes for each session");
    assert!(each <= 2000, "{counted:?}");
}

struct Lab {
    runtime: Runtime,
    /// Held for what it runs.
    _server: Server,
    at: SocketAddr,
}

impl Lab {
    fn start(users: u32) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        let key = SealKey::new([7; 32]);
        let setup = Setup {
            sip_udp: None,
            sip_tcp: None,
            msrp_tcp: any,
            http: Some(any),
            cir_tcp: Some(any),
            cir_udp: None,
            shards: 1,
            seal: Some(key.clone()),
            ..Setup::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut store = Store::memory();
        let names: Vec<_> = (0..users).map(|user| format!("u{user}")).collect();
        let server = runtime.block_on(async {
            let world = World::os();
            let mut sealer = Sealer::new(key, world.rng.fork());
            for names in names.chunks(100) {
                let users = names.iter().map(|name| NewUser {
                    name,
                    password: "password",
                    display: None,
                    msisdn: None,
                    imps: true,
                });
                add_users(&mut store, "localhost", users, Some(&mut sealer), 0).unwrap();
            }
            let policy = Policy::default();
            Server::start(world, store, setup, policy).await.unwrap()
        });
        Self {
            at: server.addresses().http.unwrap(),
            runtime,
            _server: server,
        }
    }

    /// A session that has agreed on everything in one step.
    async fn log_in(&self, user: u32) -> (TcpStream, Session) {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        let login = LoginRequest {
            user: format!("wv:u{user}@localhost"),
            client: Some(ClientId {
                url: Some(format!("handset{user}@somewhere")),
                msisdn: None,
            }),
            password: Some("password".to_owned()),
            time_to_live_s: Some(3600),
            session_cookie: Some(format!("cookie{user}")),
            functions: Some(Functions::all(Version::V1_3)),
            capabilities: Some(Box::new(CapabilityList {
                any_content: Some(true),
                cir_methods: vec![CirMethod::StandaloneTcp],
                ..CapabilityList::default()
            })),
            ..LoginRequest::default()
        };
        let answer = ask(&mut stream, Session::Outband, login).await;
        let Primitive::LoginResponse(response) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(response.outcome.code, Code::SUCCESSFUL, "{response:?}");
        (stream, Session::Inband(response.session.unwrap()))
    }
}

async fn ask(stream: &mut TcpStream, session: Session, request: impl Into<Primitive>) -> Primitive {
    let asked = Message::new(Version::V1_3, session).with(Transaction::request("1", request));
    let mut buffer = [0; 4096];
    let asked = post(&asked.encode(Encoding::Wbxml));
    let length = exchange(stream, &asked, &mut buffer).await;
    let mut answer = Message::decode(&buffer[..length], Encoding::Wbxml).unwrap();
    answer.transactions.remove(0).primitive
}

fn post(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /csp HTTP/1.1\r\nHost: im.example.com\r\nUser-Agent: a handset\r\n\
         Accept: application/vnd.wv.csp+wbxml\r\nContent-Type: application/vnd.wv.csp+wbxml\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Sends a request and puts the body of the answer at the front of the buffer. Its length.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut [u8]) -> usize {
    stream.write_all(request).await.unwrap();
    let mut read = 0;
    loop {
        read += stream.read(&mut buffer[read..]).await.unwrap();
        let text = buffer[..read].escape_ascii();
        let end = memchr::memmem::find(&buffer[..read], b"\r\n\r\n");
        let Some(end) = end else { continue };
        let head = std::str::from_utf8(&buffer[..end]).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{text}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap().parse().unwrap();
        if read == end + 4 + length {
            buffer.copy_within(end + 4..read, 0);
            return length;
        }
    }
}
