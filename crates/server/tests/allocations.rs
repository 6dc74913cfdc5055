//! How often the server asks for memory for one request, sockets and mailboxes included.
//!
//! The server runs on the thread that counts, over real UDP sockets. The peer beside it writes
//! into buffers it has made before.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::cell::RefCell;
use std::net::SocketAddr;

use allocation_counter::measure;
use server::{Policy, Server, Setup};
use store::Store;
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;
use world::World;

/// Requests counted. What is rare, such as the growth of a table, is spread over them.
const COUNT: u64 = 2000;

/// OPTIONS of 1.1 kB over UDP, answered 200.
#[test]
fn an_options_stays_within_its_budget() {
    let lab = Lab::start();
    let request = |number: u64| lab.write("OPTIONS", "sip:localhost", number, "", "");
    let per_request = lab.count(request, async |lab| lab.answered(200).await);
    println!("{:.1} allocations for an OPTIONS", per_request.allocations);
    println!(
        "{:.0} bytes for each finished transaction",
        per_request.kept
    );
    assert!(per_request.allocations <= 12.0, "{per_request:?}");
    assert!(per_request.kept <= 600.0, "{per_request:?}");
}

/// A MESSAGE of 1.1 kB from a trusted peer, relayed to a registered user, and the 200 back.
#[test]
fn a_relayed_message_stays_within_its_budget() {
    let lab = Lab::start();
    lab.runtime.block_on(lab.register());
    let extra = "P-Asserted-Identity: <sip:alice@localhost>\r\nContent-Type: text/plain\r\n";
    let body = "m".repeat(200);
    let request = |number: u64| lab.write("MESSAGE", "sip:bob@localhost", number, extra, &body);
    let per_request = lab.count(request, async |lab| {
        lab.relayed().await;
        lab.answered(200).await;
    });
    println!("{:.1} allocations for a MESSAGE", per_request.allocations);
    assert!(per_request.allocations <= 30.0, "{per_request:?}");
}

/// What one exchange costs.
#[derive(Debug)]
struct Cost {
    allocations: f64,
    /// Bytes that stay, until the request cannot come again.
    kept: f64,
}

struct Lab {
    runtime: Runtime,
    /// Held for what it runs.
    _server: Server,
    at: SocketAddr,
    /// The peer that sends.
    peer: UdpSocket,
    /// Bob's device.
    device: UdpSocket,
    /// What it writes its answers in.
    answer: RefCell<String>,
}

impl Lab {
    fn start() -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        let setup = Setup {
            sip_udp: Some(any),
            sip_tcp: None,
            msrp_tcp: any,
            http: None,
            cir_tcp: None,
            cir_udp: None,
            shards: 1,
            ..Setup::default()
        };
        let policy = Policy {
            trusted_peers: vec![any.ip()],
            ..Policy::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut store = Store::memory();
        let bob = server::admin::NewUser {
            name: "bob",
            password: "password",
            display: None,
            msisdn: None,
            imps: false,
        };
        server::admin::add_user(&mut store, "localhost", bob, None, 0).unwrap();
        let (server, peer, device) = runtime.block_on(async {
            let server = Server::start(World::os(), store, setup, policy)
                .await
                .unwrap();
            let peer = UdpSocket::bind(any).await.unwrap();
            (server, peer, UdpSocket::bind(any).await.unwrap())
        });
        Self {
            at: server.addresses().sip_udp.unwrap(),
            runtime,
            _server: server,
            peer,
            device,
            answer: RefCell::new(String::with_capacity(4096)),
        }
    }

    /// What one exchange of many costs.
    fn count(&self, request: impl Fn(u64) -> Vec<u8>, exchange: impl AsyncFn(&Self)) -> Cost {
        // The first ones fill what is kept from then on.
        let requests: Vec<_> = (0..2 * COUNT).map(request).collect();
        let run = |numbers: std::ops::Range<u64>| {
            self.runtime.block_on(async {
                for number in numbers {
                    let request = &requests[usize::try_from(number).unwrap()];
                    self.peer.send_to(request, self.at).await.unwrap();
                    exchange(self).await;
                }
            });
        };
        run(0..COUNT);
        let counted = measure(|| run(COUNT..2 * COUNT));
        #[expect(clippy::cast_precision_loss, reason = "a few millions")]
        Cost {
            allocations: counted.count_total as f64 / COUNT as f64,
            kept: counted.bytes_current as f64 / COUNT as f64,
        }
    }

    /// A request of 1.1 kB.
    fn write(&self, method: &str, uri: &str, number: u64, extra: &str, body: &str) -> Vec<u8> {
        let local = self.peer.local_addr().unwrap();
        let head = format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bK{number:016x};rport\r\n\
             Max-Forwards: 70\r\n\
             From: \"Alice\" <sip:alice@localhost>;tag=a73kszlfl\r\n\
             To: <{uri}>\r\n\
             Call-ID: {number:016x}@{local}\r\n\
             CSeq: 63104 {method}\r\n\
             Accept: application/sdp, application/resource-lists+xml, multipart/mixed\r\n\
             Supported: recipient-list-invite, timer, gruu, outbound, path\r\n\
             Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, NOTIFY, REFER, SUBSCRIBE, UPDATE\r\n\
             User-Agent: IM-client/OMA1.0 Tertulia/0.1\r\n{extra}"
        );
        let padding =
            1100 - "Subject: \r\nContent-Length: 200\r\n\r\n".len() - head.len() - body.len();
        format!(
            "{head}Subject: {}\r\nContent-Length: {}\r\n\r\n{body}",
            "s".repeat(padding),
            body.len()
        )
        .into_bytes()
    }

    /// Waits for the response.
    async fn answered(&self, status: u16) {
        let mut buffer = [0; 4096];
        let (length, _) = self.peer.recv_from(&mut buffer).await.unwrap();
        let status_line = format!("SIP/2.0 {status} ");
        assert!(
            buffer.starts_with(status_line.as_bytes()),
            "{}",
            buffer[..length].escape_ascii()
        );
    }

    /// Bob's device answers what was relayed to it.
    async fn relayed(&self) {
        let mut buffer = [0; 4096];
        let (length, from) = self.device.recv_from(&mut buffer).await.unwrap();
        let request = std::str::from_utf8(&buffer[..length]).unwrap();
        let mut answer = self.answer.take();
        answer.clear();
        answer += "SIP/2.0 200 OK\r\n";
        for line in request.split("\r\n") {
            if ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
                .iter()
                .any(|name| line.starts_with(name))
            {
                answer += line;
                answer += if line.starts_with("To:") {
                    ";tag=b\r\n"
                } else {
                    "\r\n"
                };
            }
        }
        answer += "Content-Length: 0\r\n\r\n";
        self.device.send_to(answer.as_bytes(), from).await.unwrap();
        self.answer.replace(answer);
    }

    /// Registers bob's device, on the word of the trusted peer.
    async fn register(&self) {
        let local = self.device.local_addr().unwrap();
        let extra =
            format!("P-Asserted-Identity: <sip:bob@localhost>\r\nContact: <sip:bob@{local}>\r\n");
        let request = self.write("REGISTER", "sip:localhost", u64::MAX, &extra, "");
        let request = String::from_utf8(request)
            .unwrap()
            .replace("To: <sip:localhost>", "To: <sip:bob@localhost>");
        self.peer
            .send_to(request.as_bytes(), self.at)
            .await
            .unwrap();
        self.answered(200).await;
    }
}
