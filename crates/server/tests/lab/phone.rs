//! A SIP phone: one socket, requests written by hand, digest when asked.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use bytes::BytesMut;
use sip::digest::{self, Secret};
use sip::{Message, Name, Request, Response};

use super::sim::{SimLine, SimSocket};
use super::socket::Socket;
use super::{Lab, PATIENCE};

pub struct Phone {
    socket: Socket,
    pub user: String,
    pub server: SocketAddr,
    pub local: SocketAddr,
    cseq: u32,
    calls: u32,
    /// What came while something else was waited for.
    waiting: VecDeque<Message>,
    /// Every byte the server has sent to it.
    pub heard: Vec<u8>,
}

/// An INVITE that a phone got, with what is needed to answer it.
pub struct Incoming {
    pub request: Request,
    pub tag: String,
}

impl Incoming {
    /// The session description in it, alone or beside others.
    pub fn sdp(&self) -> bytes::Bytes {
        let headers = sip::multipart::BodyHeaders {
            content_type: self.request.raw(Name::ContentType).unwrap(),
            ..Default::default()
        };
        let parts = sip::multipart::parts(&headers, &self.request.body()).unwrap();
        let sdp = sip::multipart::find(&parts, "application/sdp", None);
        sdp.unwrap().body.clone()
    }
}

impl Phone {
    pub fn udp(lab: &Lab, user: &str) -> Self {
        let (socket, local) = Socket::udp();
        Self::new(socket, user, lab.at.sip_udp.unwrap(), local)
    }

    pub fn tcp(lab: &Lab, user: &str) -> Self {
        let server = lab.at.sip_tcp.unwrap();
        let (socket, local) = Socket::tcp(server);
        Self::new(socket, user, server, local)
    }

    /// The end of the next connection that the server opens.
    pub fn taken(lab: &Lab, listener: &TcpListener, user: &str) -> Self {
        let (accepted, taken) = std::sync::mpsc::channel();
        let listener = listener.try_clone().unwrap();
        std::thread::spawn(move || accepted.send(listener.accept()));
        let (stream, _) = taken.recv_timeout(PATIENCE).unwrap().unwrap();
        let (socket, local) = Socket::taken(stream);
        Self::new(socket, user, lab.at.sip_tcp.unwrap(), local)
    }

    /// Closes its connection, and waits until the server has too.
    pub fn hangs_up(mut self) {
        self.socket.shut();
        assert!(self.socket.is_closed());
    }

    /// A phone in a simulated universe.
    pub fn sim(socket: SimSocket, user: &str, server: SocketAddr, local: SocketAddr) -> Self {
        Self::new(Socket::Sim(Box::new(socket)), user, server, local)
    }

    /// A phone at the end of a connection in a simulated universe.
    pub fn line(line: SimLine, user: &str, server: SocketAddr, local: SocketAddr) -> Self {
        let socket = Socket::Line(Box::new(line), Box::default(), BytesMut::new());
        Self::new(socket, user, server, local)
    }

    fn new(socket: Socket, user: &str, server: SocketAddr, local: SocketAddr) -> Self {
        Self {
            socket,
            user: user.to_owned(),
            server,
            local,
            cseq: 0,
            calls: 0,
            waiting: VecDeque::new(),
            heard: Vec::new(),
        }
    }

    pub fn transport(&self) -> &'static str {
        self.socket.transport()
    }

    pub fn contact(&self) -> String {
        let transport = self.transport().to_ascii_lowercase();
        format!(
            "<sip:{}@{};transport={transport}>;+g.oma.sip-im",
            self.user, self.local
        )
    }

    // ---- Bytes ----

    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.send(self.server, bytes);
    }

    fn read(&mut self) -> Option<Message> {
        self.socket.read(&mut self.heard)
    }

    /// The next message that fits, keeping the others for later.
    pub fn next(&mut self, what: &str, fits: impl Fn(&Message) -> bool) -> Message {
        if let Some(at) = self.waiting.iter().position(&fits) {
            return self.waiting.remove(at).unwrap();
        }
        loop {
            let message = self
                .read()
                .unwrap_or_else(|| panic!("{} waited in vain for {what}", self.user));
            if fits(&message) {
                return message;
            }
            self.waiting.push_back(message);
        }
    }

    /// Has a request of this method come by now? Does not wait.
    pub fn has_heard(&mut self, method: &sip::Method) -> bool {
        self.socket.set_patience(Duration::from_millis(1));
        while let Some(message) = self.read() {
            self.waiting.push_back(message);
        }
        self.socket.set_patience(PATIENCE);
        self.waiting.iter().any(
            |message| matches!(message, Message::Request(request) if request.method() == method),
        )
    }

    /// The final response in a call, if it has come by now. Does not wait.
    pub fn final_by_now(&mut self, call_id: &str) -> Option<Response> {
        self.socket.set_patience(Duration::from_millis(1));
        while let Some(message) = self.read() {
            self.waiting.push_back(message);
        }
        self.socket.set_patience(PATIENCE);
        let at = self.waiting.iter().position(|message| match message {
            Message::Response(response) => {
                response.is_final() && response.raw(Name::CallId) == Some(call_id)
            }
            Message::Request(_) => false,
        })?;
        match self.waiting.remove(at)? {
            Message::Response(response) => Some(response),
            Message::Request(_) => None,
        }
    }

    /// What came and was not waited for.
    pub fn unheard(&self) -> impl Iterator<Item = &Message> {
        self.waiting.iter()
    }

    /// Asserts that nothing more comes within a moment, but what `allowed` lets pass.
    pub fn hears_nothing(&mut self, allowed: impl Fn(&Message) -> bool) {
        self.socket.set_patience(Duration::from_millis(200));
        while let Some(message) = self.read() {
            assert!(allowed(&message), "{} got {message:?}", self.user);
            self.waiting.push_back(message);
        }
        self.socket.set_patience(PATIENCE);
    }

    /// Does the server close the connection?
    pub fn is_closed(&mut self) -> bool {
        self.socket.is_closed()
    }

    // ---- Requests ----

    /// The number of the latest request.
    pub fn cseq(&self) -> u32 {
        self.cseq
    }

    /// The number of the next request.
    pub fn next_cseq(&mut self) -> u32 {
        self.cseq += 1;
        self.cseq
    }

    /// A new Call-ID.
    pub fn call_id(&mut self) -> String {
        self.calls += 1;
        format!("{}-{}-{}", self.user, self.calls, self.local.port())
    }

    /// Sends a request with credentials, so that what comes next is the answer of the other side:
    /// its Call-ID. `extra` is whole header lines.
    pub fn begins(&mut self, method: &str, uri: &str, extra: &str) -> String {
        let call_id = self.call_id();
        let text = self.write(method, uri, &call_id, extra, "");
        self.send(text.as_bytes());
        let challenge = self.final_response(&call_id);
        assert_eq!(challenge.status(), 407);
        self.ack_failure(&challenge, uri);
        let credentials = self.credentials(&challenge, method, uri, "password");
        let text = self.write(method, uri, &call_id, &format!("{extra}{credentials}"), "");
        self.send(text.as_bytes());
        call_id
    }

    /// Writes a request outside any dialog. `extra` is whole header lines.
    pub fn write(
        &mut self,
        method: &str,
        uri: &str,
        call_id: &str,
        extra: &str,
        body: &str,
    ) -> String {
        self.cseq += 1;
        let (user, cseq, local, transport) = (&self.user, self.cseq, self.local, self.transport());
        let to = if method == "REGISTER" {
            format!("sip:{user}@localhost")
        } else {
            uri.to_owned()
        };
        let mut text = format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {local};branch=z9hG4bK{call_id}{cseq};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:{user}@localhost>;tag=f{call_id}\r\n\
             To: <{to}>\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n\
             {extra}"
        );
        let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
        text
    }

    /// Sends a request; with the second try when the server asks for credentials.
    pub fn request(&mut self, method: &str, uri: &str, extra: &str, body: &str) -> Response {
        let call_id = self.call_id();
        self.request_in(&call_id, method, uri, extra, body)
    }

    pub fn request_in(
        &mut self,
        call_id: &str,
        method: &str,
        uri: &str,
        extra: &str,
        body: &str,
    ) -> Response {
        let text = self.write(method, uri, call_id, extra, body);
        self.send(text.as_bytes());
        let response = self.final_response(call_id);
        if !matches!(response.status(), 401 | 407) {
            return response;
        }
        self.ack_failure(&response, uri);
        let credentials = self.credentials(&response, method, uri, "password");
        let text = self.write(method, uri, call_id, &format!("{extra}{credentials}"), body);
        self.send(text.as_bytes());
        self.final_response(call_id)
    }

    /// The header line that answers a challenge.
    pub fn credentials(
        &self,
        response: &Response,
        method: &str,
        uri: &str,
        password: &str,
    ) -> String {
        let (challenge, name) = match response.status() {
            401 => (Name::WwwAuthenticate, "Authorization"),
            _ => (Name::ProxyAuthenticate, "Proxy-Authorization"),
        };
        let challenge = digest::choose(response.raw_all(challenge)).unwrap();
        let answer = digest::respond(
            &challenge,
            &self.user,
            Secret::Password(password),
            method,
            uri,
            "c0ffee",
            1,
        );
        format!("{name}: {answer}\r\n")
    }

    pub fn response(&mut self, call_id: &str) -> Response {
        let what = format!("a response in {call_id}");
        let message = self.next(&what, |message| {
            matches!(message, Message::Response(response) if response.raw(Name::CallId) == Some(call_id))
        });
        match message {
            Message::Response(response) => response,
            Message::Request(_) => unreachable!(),
        }
    }

    /// The final response in a call; an INVITE's failure is acknowledged by the caller.
    pub fn final_response(&mut self, call_id: &str) -> Response {
        loop {
            let response = self.response(call_id);
            if response.is_final() {
                return response;
            }
        }
    }

    /// Acknowledges a failure of an INVITE (same branch).
    pub fn ack_failure(&mut self, response: &Response, uri: &str) {
        let cseq = response.raw(Name::CSeq).unwrap();
        let Some(number) = cseq.strip_suffix(" INVITE") else {
            return;
        };
        let (via, from, to) = (Name::Via, Name::From, Name::To);
        let text = format!(
            "ACK {uri} SIP/2.0\r\nVia: {}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} ACK\r\nContent-Length: 0\r\n\r\n",
            response.raw(via).unwrap(),
            response.raw(from).unwrap(),
            response.raw(to).unwrap(),
            response.raw(Name::CallId).unwrap(),
        );
        self.send(text.as_bytes());
    }

    /// A request inside the dialog that a 2xx to our request made.
    pub fn inside(
        &mut self,
        method: &str,
        response: &Response,
        cseq: u32,
        extra: &str,
        body: &str,
    ) -> String {
        let contact = response.raw(Name::Contact).unwrap();
        let target = contact.split(['<', '>']).nth(1).unwrap();
        let (local, transport) = (self.local, self.transport());
        let call_id = response.raw(Name::CallId).unwrap();
        let routes: String =
            response
                .raw_all(Name::RecordRoute)
                .fold(String::new(), |mut text, route| {
                    text.insert_str(0, &format!("Route: {route}\r\n"));
                    text
                });
        format!(
            "{method} {target} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {local};branch=z9hG4bKin{call_id}{cseq}{method};rport\r\n\
             Max-Forwards: 70\r\n{routes}\
             From: {}\r\nTo: {}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            response.raw(Name::From).unwrap(),
            response.raw(Name::To).unwrap(),
            body.len(),
        )
    }

    /// Acknowledges a 2xx to an INVITE.
    pub fn ack(&mut self, response: &Response, body: &str) {
        let number = cseq(response.raw(Name::CSeq).unwrap());
        let extra = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let text = self.inside("ACK", response, number, extra, body);
        self.send(text.as_bytes());
    }

    pub fn register(&mut self) -> Response {
        let contact = format!("Contact: {}\r\nExpires: 3600\r\n", self.contact());
        let response = self.request("REGISTER", "sip:localhost", &contact, "");
        assert_eq!(response.status(), 200, "{} registers", self.user);
        response
    }

    // ---- Requests of the server ----

    pub fn incoming(&mut self, method: &str) -> Request {
        let what = format!("{method} from the server");
        let message = self.next(&what, |message| {
            matches!(message, Message::Request(request) if request.method().as_str() == method)
        });
        match message {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!(),
        }
    }

    /// Answers a request of the server.
    pub fn answer(&mut self, request: &Request, status: &str, tag: &str, extra: &str, body: &str) {
        let code = status.split(' ').next().unwrap().parse().unwrap();
        let reason = status.split_once(' ').unwrap().1;
        let mut draft = sip::Draft::response(request, code, reason, Some(tag));
        for line in extra.lines() {
            let (label, value) = line.split_once(": ").unwrap();
            draft.other(label, value);
        }
        if code < 300 && !extra.contains("Record-Route") {
            // RFC 3261 section 12.1.1: the route back is that of the request.
            draft.copy_all(request, Name::RecordRoute);
        }
        let bytes = draft.body(body.as_bytes());
        self.send(&bytes);
    }

    /// Waits for an INVITE of the server.
    pub fn invited(&mut self) -> Incoming {
        let request = self.incoming("INVITE");
        let tag = format!("t{}{}", self.user, self.local.port());
        Incoming { request, tag }
    }

    /// Accepts an INVITE with a description, and waits for the ACK.
    pub fn accept(&mut self, incoming: &Incoming, extra: &str, sdp: &str) -> Request {
        let extra = format!(
            "Contact: {}\r\nContent-Type: application/sdp\r\n{extra}",
            self.contact()
        );
        self.answer(&incoming.request, "200 OK", &incoming.tag, &extra, sdp);
        self.incoming("ACK")
    }
}

/// The number of a CSeq value.
pub fn cseq(value: &str) -> u32 {
    value.split(' ').next().unwrap().parse().unwrap()
}
