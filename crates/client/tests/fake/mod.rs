//! A server that does what the test says, in a simulated world, and an agent behind it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code
)]

mod calls;
mod read;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use client::{Agent, Config, CopyControl, Entry, Event, Events, Options, SessionId, guest};
use msrp::{Flag, Head, Kind, Piece, Reader};
use sip::dialog::Dialog;
use sip::{Draft, Frame, Framer, Message, Method, Name, Request, Response};
use world::sim::Universe;
use world::{Listener, Stream, World};

#[allow(unused_imports, reason = "each test file uses some of them")]
pub(crate) use self::{
    calls::{acknowledge, acknowledge_with, answered, in_a_session, invited, replaces, within},
    read::{entries, listed, offer, offered_types, part},
};

/// The identity of the conference that the fake makes.
pub(crate) const SESSION: &str = "sip:s-7f3a@im.localhost";

pub(crate) const ALICE: &str = "sip:alice@localhost";

/// A server at 10.0.0.1, of which the agent at 10.0.0.2 is the only client.
pub(crate) struct Server {
    pub(crate) universe: Universe,
    pub(crate) world: World,
    pub(crate) client: World,
    sip: Stream,
    framer: Framer,
    buffer: BytesMut,
    pub(crate) msrp: Listener,
    branch: u32,
}

pub(crate) fn config() -> Config {
    let mut config = Config::new(ALICE, "password", "10.0.0.1:5060".parse().unwrap());
    config.local = Some("10.0.0.2:0".parse().unwrap());
    config
}

/// Starts both and lets the agent connect.
pub(crate) async fn meet(config: Config) -> (Server, Agent, Events) {
    let universe = Universe::new(7);
    let world = universe.host("10.0.0.1".parse().unwrap());
    let client = universe.host("10.0.0.2".parse().unwrap());
    let listener = world.net.listen("10.0.0.1:5060".parse().unwrap()).unwrap();
    let msrp = world.net.listen("10.0.0.1:2855".parse().unwrap()).unwrap();
    let (agent, events) = Agent::start(&client, config).unwrap();
    let (sip, _) = listener.accept().await.unwrap();
    // The agent hears of the connection a moment later.
    world.clock.sleep(Duration::from_millis(50)).await;
    let server = Server {
        universe,
        world,
        client,
        sip,
        framer: Framer::default(),
        buffer: BytesMut::new(),
        msrp,
        branch: 0,
    };
    (server, agent, events)
}

impl Server {
    /// The next message, within a virtual hour.
    pub(crate) async fn message(&mut self) -> Message {
        let patience = Duration::from_secs(3600);
        let clock = self.world.clock;
        let next = async {
            loop {
                match self.framer.next(&mut self.buffer).unwrap() {
                    Some(Frame::Message(message)) => return message,
                    Some(Frame::Ping | Frame::Pong) => {}
                    None => assert_ne!(self.sip.read(&mut self.buffer).await.unwrap(), 0, "closed"),
                }
            }
        };
        clock.timeout(patience, next).await.expect("a message")
    }

    /// The next message, which must be this request.
    pub(crate) async fn expect(&mut self, method: Method) -> Request {
        match self.message().await {
            Message::Request(mut request) => {
                assert_eq!(*request.method(), method, "{:?}", request.wire());
                assert_eq!(request.fault(), None, "{:?}", request.wire());
                request.set_source(self.sip.peer_addr().unwrap());
                request
            }
            Message::Response(response) => panic!("{method} and not {:?}", response.wire()),
        }
    }

    /// The next message, which must be a response with this status.
    pub(crate) async fn response(&mut self, status: u16) -> Response {
        match self.message().await {
            Message::Response(response) => {
                assert_eq!(response.status(), status, "{:?}", response.wire());
                response
            }
            Message::Request(request) => panic!("{status} and not {:?}", request.wire()),
        }
    }

    /// The requests that have come so far.
    pub(crate) async fn drain(&mut self) -> Vec<Request> {
        let mut all = Vec::new();
        let clock = self.world.clock;
        let moment = Duration::from_millis(20);
        while let Ok(Ok(1..)) = clock.timeout(moment, self.sip.read(&mut self.buffer)).await {
            while let Some(frame) = self.framer.next(&mut self.buffer).unwrap() {
                if let Frame::Message(Message::Request(mut request)) = frame {
                    request.set_source(self.sip.peer_addr().unwrap());
                    all.push(request);
                }
            }
        }
        all
    }

    /// Waits for a ping.
    pub(crate) async fn ping(&mut self) {
        while self.buffer.len() < 4 {
            assert_ne!(self.sip.read(&mut self.buffer).await.unwrap(), 0, "closed");
        }
        assert_eq!(self.buffer.split_to(4), "\r\n\r\n");
    }

    /// Is there nothing to read for a while?
    pub(crate) async fn is_quiet(&mut self, wait: Duration) -> bool {
        if !self.buffer.is_empty() {
            return false;
        }
        let clock = self.world.clock;
        clock
            .timeout(wait, self.sip.read(&mut self.buffer))
            .await
            .is_err()
    }

    pub(crate) async fn send(&self, bytes: &[u8]) {
        self.sip.write_all(bytes).await.unwrap();
    }

    /// Answers, with further headers and without body.
    pub(crate) async fn answer(
        &self,
        request: &Request,
        status: u16,
        reason: &str,
        more: &[(Name, &str)],
    ) {
        let mut draft = Draft::response(request, status, reason, Some("srv"));
        for (name, value) in more {
            draft.header(*name, value);
        }
        self.send(&draft.finish()).await;
    }

    /// The 200 to an INVITE, with what a focus says in it.
    pub(crate) fn welcome(request: &Request) -> Draft {
        let mut draft = Draft::response(request, 200, "OK", Some("srv"));
        draft
            .header(
                Name::Contact,
                format_args!("<{SESSION}>;isfocus;+g.oma.sip-im"),
            )
            .header(Name::Allow, "INVITE, ACK, BYE, CANCEL, REFER")
            .header(Name::SessionExpires, "1800;refresher=uac")
            .header(Name::Require, "timer");
        draft
    }

    /// Plays a whole invitation to the factory; returns the INVITE and our side of its dialog.
    pub(crate) async fn receive_call(&mut self) -> (Request, Dialog) {
        let invite = self.expect(Method::Invite).await;
        let bytes = Self::welcome(&invite).finish_with("application/sdp", &sdp("passive", 2855));
        self.send(&bytes).await;
        let mut dialog = Dialog::uas(&invite, "srv", &format!("<{SESSION}>;isfocus")).unwrap();
        dialog.confirm();
        let ack = self.expect(Method::Ack).await;
        dialog.receive(&ack).unwrap();
        (invite, dialog)
    }

    /// A Via for a request of the server's.
    pub(crate) fn via(&mut self) -> String {
        self.branch += 1;
        format!(
            "SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bKsrv{};rport",
            self.branch
        )
    }

    /// Rings the agent: an INVITE from a conference. `more` takes the place of what it says of
    /// itself; an empty value leaves a header out.
    pub(crate) async fn call(&mut self, more: &[(Name, &str)], offer: &[u8]) -> Request {
        self.call_with("application/sdp", more, offer).await
    }

    /// The same with any body.
    pub(crate) async fn call_with(
        &mut self,
        content_type: &str,
        more: &[(Name, &str)],
        body: &[u8],
    ) -> Request {
        let via = self.via();
        let mut draft = Draft::request(&Method::Invite, "sip:alice@10.0.0.2");
        let from = format!("<{SESSION}>;tag=f1");
        let contact = format!("<{SESSION}>;isfocus");
        let usual = [
            (Name::From, from.as_str()),
            (Name::Contact, &contact),
            (Name::ReferredBy, "\"Bob\" <sip:bob@localhost>"),
            (Name::Supported, "timer"),
        ];
        draft
            .header(Name::Via, via)
            .header(Name::MaxForwards, 70)
            .header(Name::To, format_args!("<{ALICE}>"))
            .header(Name::CallId, format_args!("call{}", self.branch))
            .header(Name::CSeq, "1 INVITE");
        let is_given = |name: &Name| more.iter().any(|(given, _)| given == name);
        let usual = usual.iter().filter(|(name, _)| !is_given(name));
        for (name, value) in usual.chain(more).filter(|(_, value)| !value.is_empty()) {
            draft.header(*name, value);
        }
        let bytes = draft.finish_with(content_type, body);
        self.send(&bytes).await;
        match Message::parse(bytes).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!(),
        }
    }

    /// Waits for the agent to connect for messages.
    pub(crate) async fn talk(&self) -> Talk {
        let accept = self
            .world
            .clock
            .timeout(Duration::from_secs(60), self.msrp.accept());
        let (stream, _) = accept.await.expect("a connection").unwrap();
        Talk::new(self.world.clone(), stream)
    }

    /// Connects to the agent for messages.
    pub(crate) async fn dial(&self, to: SocketAddr) -> Talk {
        let stream = self.world.net.connect(None, to).await.unwrap();
        Talk::new(self.world.clone(), stream)
    }
}

/// A session description of the server's.
pub(crate) fn sdp(setup: &str, port: u16) -> Bytes {
    format!(
        "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
         m=message {port} TCP/MSRP *\r\na=accept-types:message/cpim\r\n\
         a=accept-wrapped-types:*\r\na=path:msrp://10.0.0.1:{port}/srv1;tcp\r\na=setup:{setup}\r\n"
    )
    .into()
}

/// The server's end of a connection for messages.
pub(crate) struct Talk {
    world: World,
    stream: Stream,
    reader: Reader,
    buffer: BytesMut,
}

impl Talk {
    fn new(world: World, stream: Stream) -> Self {
        Self {
            world,
            stream,
            reader: Reader::new(),
            buffer: BytesMut::new(),
        }
    }

    /// The next frame, which must be complete in one piece.
    pub(crate) async fn piece(&mut self) -> Piece {
        loop {
            if let Some(piece) = self.reader.next(&mut self.buffer).unwrap() {
                assert_eq!(piece.end, Some(Flag::Complete));
                return piece;
            }
            let read = self.stream.read(&mut self.buffer);
            let read = self.world.clock.timeout(Duration::from_secs(60), read);
            assert_ne!(read.await.expect("a frame").unwrap(), 0, "closed");
        }
    }

    /// The next SEND with a body, which is answered with `status`.
    pub(crate) async fn said(&mut self, status: u16) -> Piece {
        loop {
            let piece = self.piece().await;
            if !piece.head.is_send() {
                continue;
            }
            let empty = piece.data.is_empty();
            self.answer(&piece.head, if empty { 200 } else { status })
                .await;
            if !empty {
                return piece;
            }
        }
    }

    /// The empty SEND with which the active side begins.
    pub(crate) async fn said_hello(&mut self) {
        let hello = self.piece().await;
        assert!(hello.head.is_send() && hello.data.is_empty());
        self.answer(&hello.head, 200).await;
    }

    /// Sends a SEND without body to a path.
    pub(crate) async fn ask(&self, to: &str) {
        let frame = format!(
            "MSRP tid0000000000 SEND\r\nTo-Path: {to}\r\nFrom-Path: msrp://10.0.0.1:9/srv1;tcp\r\n\
             Message-ID: hello\r\nByte-Range: 1-0/0\r\n-------tid0000000000$\r\n"
        );
        self.stream.write_all(frame.as_bytes()).await.unwrap();
    }

    /// The status of the next response.
    pub(crate) async fn status(&mut self) -> u16 {
        loop {
            if let Kind::Response(status) = self.piece().await.head.kind() {
                return status;
            }
        }
    }

    /// Does the agent close the connection?
    pub(crate) async fn is_closed(&mut self) -> bool {
        let read = self.stream.read(&mut self.buffer);
        let read = self
            .world
            .clock
            .timeout(Duration::from_secs(60), read)
            .await;
        !matches!(read, Ok(Ok(1..)) | Err(_))
    }

    pub(crate) async fn answer(&self, head: &Head, status: u16) {
        let mut out = BytesMut::new();
        msrp::respond(head, status, "Answer", &mut out);
        self.stream.write_all(&out).await.unwrap();
    }

    /// Says something to the agent, whose path is `to`, and waits for its answer.
    pub(crate) async fn say(&mut self, to: &str, content_type: &str, body: &str) -> u16 {
        let frame = format!(
            "MSRP tid0000000001 SEND\r\nTo-Path: {to}\r\nFrom-Path: msrp://10.0.0.1:2855/srv1;tcp\r\n\
             Message-ID: mid1\r\nByte-Range: 1-{0}/{0}\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n\
             -------tid0000000001$\r\n",
            body.len()
        );
        self.stream.write_all(frame.as_bytes()).await.unwrap();
        self.status().await
    }
}

pub(crate) fn guests() -> Vec<Entry> {
    vec![
        guest("sip:bob@localhost", CopyControl::To),
        guest("sip:carol@localhost", CopyControl::Cc),
        // Named twice, invited once.
        guest("sip:bob@LOCALHOST", CopyControl::To),
    ]
}

/// A conference that the fake server has made, before anybody has subscribed.
pub(crate) async fn conference(server: &mut Server, agent: &Agent) -> (SessionId, Request, Dialog) {
    let (made, (invite, dialog)) = tokio::join!(
        agent.create_conference(guests(), Options::default()),
        server.receive_call()
    );
    (made.unwrap(), invite, dialog)
}

/// The same without a subscription, for tests of other things.
pub(crate) async fn quiet_conference() -> (Server, Agent, Events, SessionId, Dialog) {
    let mut config = config();
    config.subscribe = false;
    let (mut server, agent, events) = meet(config).await;
    let (session, _, dialog) = conference(&mut server, &agent).await;
    (server, agent, events, session, dialog)
}

/// The next event that `wanted` takes, within a virtual hour; others are passed over.
pub(crate) async fn event<T>(events: &mut Events, wanted: impl Fn(&Event) -> Option<T>) -> T {
    let mut passed = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(3600), events.recv());
        let Ok(Some(event)) = next.await else {
            panic!("only {passed:?}")
        };
        if let Some(got) = wanted(&event) {
            return got;
        }
        passed.push(event);
    }
}

/// Everything that has been told so far.
pub(crate) fn told(events: &mut Events) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}
