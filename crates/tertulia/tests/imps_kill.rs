//! What a handset was told is kept, is kept: the server is killed and started again on its data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use imps::csp::{
    LoginRequest, MessageDelivered, MessageInfo, NewMessage, PollingRequest, Recipient,
    SendMessageRequest, User,
};
use imps::status::Code;
use imps::{Encoding, Message, Primitive, Session, Transaction, Version};

/// How long a test waits for the server.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on a folder of its own. Killed when it goes, and not asked before.
struct Server {
    child: Child,
    http: SocketAddr,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let ready = folder.join("ready.json");
        let _former = fs::remove_file(&ready);
        let mut command = Command::new(env!("CARGO_BIN_EXE_tertulia"));
        command.args(["serve", "--dev", "--log", "warn"]);
        for key in ["sip.udp", "sip.tcp", "msrp.tcp", "http.listen"] {
            command.args(["--set", &format!("{key}=127.0.0.1:0")]);
        }
        for key in ["imps.cir_tcp", "imps.cir_udp"] {
            command.args(["--set", &format!("{key}=off")]);
        }
        command.arg("--data").arg(folder);
        command.arg("--ready-file").arg(&ready);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let text = loop {
            if let Ok(text) = fs::read_to_string(&ready) {
                break text;
            }
            assert_eq!(child.try_wait().unwrap(), None, "it has ended");
            assert!(Instant::now() < deadline, "it does not start");
            std::thread::yield_now();
        };
        let addresses: serde_json::Value = serde_json::from_str(&text).unwrap();
        let http = addresses["http"].as_str().unwrap().parse().unwrap();
        Self { child, http }
    }

    /// SIGKILL: nothing is written or said any more.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// A handset that says what a test tells it to, and no more.
struct Handset {
    stream: TcpStream,
    session: Session,
    count: u32,
}

impl Handset {
    fn log_in(server: &Server, user: &str) -> Self {
        let stream = TcpStream::connect(server.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut handset = Self {
            stream,
            session: Session::Outband,
            count: 0,
        };
        let login = LoginRequest {
            user: format!("wv:{user}@localhost"),
            password: Some("password".to_owned()),
            ..LoginRequest::default()
        };
        let Primitive::LoginResponse(response) = handset.ask(login) else {
            panic!("no answer to a login");
        };
        assert_eq!(response.outcome.code, Code::SUCCESSFUL, "{response:?}");
        handset.session = Session::Inband(response.session.unwrap());
        handset
    }

    /// Sends a text. Returns the id that the message got with its 200.
    fn send(&mut self, to: &str, text: &str) -> String {
        let request = SendMessageRequest {
            delivery_report: false,
            info: MessageInfo {
                content_size: u32::try_from(text.len()).unwrap(),
                recipient: Recipient {
                    users: vec![User::new(format!("wv:{to}@localhost"))],
                    ..Recipient::default()
                },
                ..MessageInfo::default()
            },
            content: Some(text.into()),
        };
        let Primitive::SendMessageResponse(response) = self.ask(request) else {
            panic!("no answer to a message");
        };
        assert_eq!(response.outcome.code, Code::SUCCESSFUL, "{response:?}");
        response.message.unwrap()
    }

    /// Polls, and leaves what comes unanswered.
    fn poll(&mut self) -> Option<Told> {
        let id = self.next_id();
        self.exchange(Transaction::request(id, PollingRequest {}))
            .map(Told::of)
    }

    /// Says that a message has come. What else waits comes with the answer.
    fn delivered(&mut self, told: &Told) -> Option<Told> {
        let delivered = MessageDelivered {
            message: told.id().to_owned(),
        };
        self.exchange(Transaction::response(told.transaction.clone(), delivered))
            .map(Told::of)
    }

    fn ask(&mut self, request: impl Into<Primitive>) -> Primitive {
        let id = self.next_id();
        let answer = self.exchange(Transaction::request(id, request));
        answer.expect("an answer").primitive
    }

    fn next_id(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }

    /// A POST with one transaction, and the one that is answered, if there is any.
    fn exchange(&mut self, transaction: Transaction) -> Option<Transaction> {
        let said = Message::new(Version::V1_3, self.session.clone()).with(transaction);
        let body = said.encode(Encoding::Wbxml);
        let head = format!(
            "POST /csp HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/vnd.wv.csp+wbxml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.stream
            .write_all(&[head.as_bytes(), &body].concat())
            .unwrap();
        let body = self.answer();
        if body.is_empty() {
            return None;
        }
        let mut answer = Message::decode(&body, Encoding::Wbxml).unwrap();
        assert_eq!(answer.transactions.len(), 1, "{answer:?}");
        answer.transactions.pop()
    }

    fn answer(&mut self) -> Vec<u8> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        body
    }
}

/// A message that a handset was told, and the transaction that told it.
#[derive(Debug)]
struct Told {
    transaction: String,
    message: NewMessage,
}

impl Told {
    fn of(transaction: Transaction) -> Self {
        let Primitive::NewMessage(message) = transaction.primitive else {
            panic!("not a message: {transaction:?}");
        };
        Self {
            transaction: transaction.id,
            message,
        }
    }

    fn id(&self) -> &str {
        self.message.info.id.as_deref().unwrap()
    }

    fn text(&self) -> &str {
        self.message.content.as_ref().unwrap().as_text().unwrap()
    }
}

/// Logs in and says what there is, which has to be this one message; and takes it.
fn takes_alone(server: &Server, user: &str, id: &str, text: &str) {
    let mut handset = Handset::log_in(server, user);
    let told = handset.poll().expect("a message");
    assert_eq!((told.id(), told.text()), (id, text));
    let more = handset.delivered(&told);
    assert!(more.is_none(), "once only: {more:?}");
    let more = handset.poll();
    assert!(more.is_none(), "once only: {more:?}");
}

#[test]
fn a_message_that_was_taken_survives_a_kill_and_comes_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let id = Handset::log_in(&server, "alice").send("bob", "Are you there?");
    server.kill();

    let server = Server::start(folder.path());
    takes_alone(&server, "bob", &id, "Are you there?");
    server.kill();

    let server = Server::start(folder.path());
    let more = Handset::log_in(&server, "bob").poll();
    assert!(more.is_none(), "it had come: {more:?}");
}

#[test]
fn a_message_comes_again_until_the_client_says_that_it_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut alice = Handset::log_in(&server, "alice");
    let first = alice.send("bob", "first");
    let second = alice.send("bob", "second");

    let mut bob = Handset::log_in(&server, "bob");
    let told = bob.poll().expect("a message");
    assert_eq!((told.id(), told.text()), (first.as_str(), "first"));
    // This one is said to have come. The next comes with the answer, and nothing is said of it.
    let told = bob.delivered(&told).expect("another message");
    assert_eq!((told.id(), told.text()), (second.as_str(), "second"));
    server.kill();

    let server = Server::start(folder.path());
    takes_alone(&server, "bob", &second, "second");
}

#[test]
fn a_new_session_is_told_again_what_the_former_left_unanswered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let id = Handset::log_in(&server, "alice").send("bob", "Hello");
    let told = Handset::log_in(&server, "bob").poll().expect("a message");
    assert_eq!(told.id(), id);
    // The first handset is gone without a word.
    takes_alone(&server, "bob", &id, "Hello");
}
