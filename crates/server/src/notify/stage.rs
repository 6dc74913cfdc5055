//! A stage for tests in virtual time: a server, and a peer that plays Alice, who has opened a
//! conference, and Bob, who has come to it. The peer is trusted, so nobody asks it for passwords.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use sip::dialog::{Dialog, Outset};
use sip::header::CSeq;
use sip::{Draft, Fields, Message, Method, Name, Request, Response};
use store::Store;
use world::sim::Universe;
use world::{Batch, Clock, Datagrams};

use crate::config::FocusAnswer;
use crate::{Policy, Server, Setup};

/// What Bob says about session timers when he accepts: 90 seconds, and the focus refreshes.
const BOB_ACCEPTS: &[(Name, &str)] = &[
    (Name::SessionExpires, "90;refresher=uac"),
    (Name::Require, "timer"),
    (Name::Allow, "INVITE, ACK, BYE, CANCEL, UPDATE"),
];

pub(crate) struct Stage {
    pub(crate) peer: Peer,
    pub(crate) alice: Dialog,
    pub(crate) bob: Dialog,
    /// The 200 that Alice got, and the INVITE that Bob got.
    pub(crate) accepted: Response,
    pub(crate) invited: Request,
    /// The session identity.
    pub(crate) room: String,
    _server: Server,
    _universe: Universe,
}

/// A socket with everything that came to it.
pub(crate) struct Peer {
    pub(crate) clock: Clock,
    socket: Datagrams,
    server: SocketAddr,
    batch: Batch,
    inbox: VecDeque<Message>,
    seen: HashSet<(String, String)>,
    branches: u32,
}

/// An offer or answer of the peer.
pub(crate) fn sdp(version: u32, path: &str, setup: &str) -> String {
    format!(
        "v=0\r\no=- 7 {version} IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
         m=message 2855 TCP/MSRP *\r\na=accept-types:message/cpim\r\na=accept-wrapped-types:*\r\n\
         a=path:msrp://10.0.0.2:2855/{path};tcp\r\na=setup:{setup}\r\n"
    )
}

/// The value of a header that has to be there.
pub(crate) fn value(message: &Fields, name: Name) -> &str {
    message
        .raw(name)
        .unwrap_or_else(|| panic!("no {name:?} in {:?}", message.wire()))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl Stage {
    /// Everybody is in.
    pub(crate) async fn set() -> Self {
        let universe = Universe::new(1);
        let world = universe.host("10.0.0.1".parse().unwrap());
        let setup = Setup {
            domain: "example.org".to_owned(),
            sip_udp: Some("10.0.0.1:5060".parse().unwrap()),
            sip_tcp: None,
            msrp_tcp: "10.0.0.1:2855".parse().unwrap(),
            http: None,
            cir_tcp: None,
            cir_udp: None,
            shards: 2,
            ..Setup::default()
        };
        let mut policy = Policy {
            trusted_peers: vec!["10.0.0.2".parse().unwrap()],
            ..Policy::default()
        };
        policy.focus.answer = FocusAnswer::Immediate;
        // The peers here speak SIP alone.
        policy.focus.media = Duration::from_secs(86_400);
        let server = Server::start(world, Store::memory(), setup, policy)
            .await
            .unwrap();
        let host = universe.host("10.0.0.2".parse().unwrap());
        let mut peer = Peer {
            clock: universe.clock(),
            socket: host.net.bind_udp("10.0.0.2:5060".parse().unwrap()).unwrap(),
            server: "10.0.0.1:5060".parse().unwrap(),
            batch: Batch::new(),
            inbox: VecDeque::new(),
            seen: HashSet::new(),
            branches: 0,
        };
        peer.register_bob().await;
        let (alice, accepted) = peer.open().await;
        let (bob, invited) = peer.join().await;
        let room = alice.remote_target().to_owned();
        Self {
            peer,
            alice,
            bob,
            accepted,
            invited,
            room,
            _server: server,
            _universe: universe,
        }
    }

    /// Sends a request of Alice's inside her dialog and waits for the final response.
    pub(crate) async fn alice(
        &mut self,
        method: &Method,
        headers: &[(Name, &str)],
        body: Option<(&str, &str)>,
    ) -> Response {
        self.peer.ask(&mut self.alice, method, headers, body).await
    }

    /// Acknowledges the 2xx that Alice's latest INVITE got.
    pub(crate) fn alice_acknowledges(&mut self, body: Option<&str>) {
        let cseq = self.alice.local_cseq();
        self.peer.acknowledge(&self.alice, cseq, body);
    }

    /// Answers a request that was received in Bob's dialog.
    pub(crate) fn bob(
        &mut self,
        request: &Request,
        status: u16,
        headers: &[(Name, &str)],
        body: Option<&str>,
    ) {
        self.bob.receive(request).unwrap();
        self.peer.answer(&self.bob, request, status, headers, body);
    }
}

impl Peer {
    pub(crate) fn via(&mut self) -> String {
        self.branches += 1;
        format!(
            "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKpeer{};rport",
            self.branches
        )
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        self.socket.try_send(self.server, bytes).unwrap();
    }

    pub(crate) fn acknowledge(&mut self, dialog: &Dialog, cseq: u32, body: Option<&str>) {
        let draft = dialog.ack(cseq, &self.via());
        self.send(&finish(
            draft,
            &[],
            body.map(|sdp| ("application/sdp", sdp)),
        ));
    }

    pub(crate) fn answer(
        &mut self,
        dialog: &Dialog,
        request: &Request,
        status: u16,
        headers: &[(Name, &str)],
        body: Option<&str>,
    ) {
        let draft = dialog.response(request, status, "Whatever");
        self.send(&finish(
            draft,
            headers,
            body.map(|sdp| ("application/sdp", sdp)),
        ));
    }

    /// Sends a request inside a dialog and waits for the final response.
    pub(crate) async fn ask(
        &mut self,
        dialog: &mut Dialog,
        method: &Method,
        headers: &[(Name, &str)],
        body: Option<(&str, &str)>,
    ) -> Response {
        let draft = dialog.request(method, &self.via());
        self.send(&finish(draft, headers, body));
        self.response(dialog.local_cseq(), method).await
    }

    /// The final response to a request.
    pub(crate) async fn response(&mut self, number: u32, method: &Method) -> Response {
        let wanted = |message: &Message| match message {
            Message::Response(response) => {
                let cseq = response.require::<CSeq<'_>>().unwrap();
                response.is_final() && cseq.number == number && cseq.method == method.as_str()
            }
            Message::Request(_) => false,
        };
        match self.find(wanted, Duration::from_secs(40)).await {
            Some(Message::Response(response)) => response,
            _ => panic!("no response to {method} {number}: {:?}", self.inbox),
        }
    }

    /// The next request of a method, repetitions left out.
    pub(crate) async fn request(&mut self, method: &Method) -> Request {
        match self.request_within(method, Duration::from_secs(8000)).await {
            Some(request) => request,
            None => panic!("no {method}: {:?}", self.inbox),
        }
    }

    /// The same, if it comes in time.
    pub(crate) async fn request_within(
        &mut self,
        method: &Method,
        time: Duration,
    ) -> Option<Request> {
        let wanted = |message: &Message| matches!(message, Message::Request(request) if request.method() == method);
        match self.find(wanted, time).await {
            Some(Message::Request(request)) => Some(request),
            _ => None,
        }
    }

    /// Takes the same request again, as if it had not come.
    pub(crate) fn forget(&mut self, request: &Request) {
        let key = (
            value(request, Name::Via).to_owned(),
            request.method().to_string(),
        );
        self.seen.remove(&key);
    }

    async fn find(&mut self, wanted: impl Fn(&Message) -> bool, time: Duration) -> Option<Message> {
        let deadline = self.clock.now() + time;
        loop {
            if let Some(at) = self.inbox.iter().position(&wanted) {
                return self.inbox.remove(at);
            }
            let left = deadline.checked_duration_since(self.clock.now())?;
            let came = self
                .clock
                .timeout(left, self.socket.recv(&mut self.batch))
                .await;
            came.ok()?.unwrap();
            for datagram in self.batch.drain() {
                let message = Message::parse(datagram.bytes.clone()).unwrap();
                if let Message::Request(request) = &message {
                    let key = (
                        value(request, Name::Via).to_owned(),
                        request.method().to_string(),
                    );
                    if !self.seen.insert(key) {
                        continue;
                    }
                }
                self.inbox.push_back(message);
            }
        }
    }

    async fn register_bob(&mut self) {
        let bob = "<sip:bob@example.org>";
        let mut outset = Outset::new(
            "reg",
            "r",
            bob,
            bob,
            "sip:example.org",
            "<sip:bob@10.0.0.2:5060>",
        );
        let draft = outset.request(&Method::Register, &self.via());
        self.send(&finish(draft, &[(Name::PAssertedIdentity, bob)], None));
        let response = self.response(1, &Method::Register).await;
        assert_eq!(response.status(), 200);
    }

    async fn open(&mut self) -> (Dialog, Response) {
        let (alice, factory) = (
            "<sip:alice@example.org>",
            "sip:conference-factory@example.org",
        );
        let to = format!("<{factory}>");
        let mut outset = Outset::new(
            "call-a",
            "a",
            alice,
            &to,
            factory,
            "<sip:alice@10.0.0.2:5060>",
        );
        let draft = outset.request(&Method::Invite, &self.via());
        let body = format!(
            "--x\r\nContent-Type: application/sdp\r\n\r\n{}\r\n--x\r\n\
             Content-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n\
             <resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list>\
             <entry uri=\"sip:bob@example.org\"/></list></resource-lists>\r\n--x--\r\n",
            sdp(1, "alice", "active")
        );
        let headers = &[
            (Name::PAssertedIdentity, alice),
            (Name::Require, "recipient-list-invite"),
            (Name::Supported, "timer"),
            (Name::SessionExpires, "1800;refresher=uac"),
        ];
        self.send(&finish(
            draft,
            headers,
            Some(("multipart/mixed;boundary=x", &body)),
        ));
        let accepted = self.response(1, &Method::Invite).await;
        assert_eq!(accepted.status(), 200, "{:?}", accepted.wire());
        let dialog = Dialog::uac(&outset, &accepted).unwrap();
        self.acknowledge(&dialog, 1, None);
        (dialog, accepted)
    }

    async fn join(&mut self) -> (Dialog, Request) {
        let invite = self.request(&Method::Invite).await;
        let mut dialog = Dialog::uas(&invite, "b", "<sip:bob@10.0.0.2:5060>").unwrap();
        dialog.confirm();
        self.answer(
            &dialog,
            &invite,
            200,
            BOB_ACCEPTS,
            Some(&sdp(1, "bob", "active")),
        );
        self.request(&Method::Ack).await;
        (dialog, invite)
    }
}

pub(crate) fn finish(
    mut draft: Draft,
    headers: &[(Name, &str)],
    body: Option<(&str, &str)>,
) -> Vec<u8> {
    for (name, value) in headers {
        draft.header(*name, value);
    }
    match body {
        Some((content_type, body)) => draft.finish_with(content_type, body.as_bytes()),
        None => draft.finish(),
    }
    .to_vec()
}
