//! The MSRP end of a phone: one connection to the switch.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use bytes::{Bytes, BytesMut};
use msrp::cpim::{Cpim, NewCpim};
use msrp::{Flag, Kind, Piece, Reader};
use sip::sdp::Description;

use super::PATIENCE;

/// An offer or answer of a phone that connects by itself.
pub fn sdp(id: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=message 9 TCP/MSRP *\r\n\
         a=accept-types:message/cpim application/im-iscomposing+xml\r\n\
         a=accept-wrapped-types:text/plain message/imdn+xml\r\n\
         a=path:msrp://127.0.0.1:9/{id};tcp\r\n\
         a=setup:active\r\na=chatroom:nickname private-messages\r\na=sendrecv\r\n"
    )
}

pub struct Chat {
    stream: TcpStream,
    reader: Reader,
    buffer: BytesMut,
    pub to_path: String,
    pub from_path: String,
    next: u32,
    /// Every byte the switch has sent to it.
    pub heard: Vec<u8>,
}

impl Chat {
    /// An offer or answer for a session of this name.
    pub fn sdp(id: &str) -> String {
        sdp(id)
    }

    /// Connects to the path in a description of the server, and binds with an empty SEND.
    pub fn connect(description: &[u8], id: &str) -> Self {
        let mut chat = Self::connect_only(description, id);
        chat.send_frame("", "Byte-Range: 1-0/0\r\n", "");
        let answer = chat.piece();
        assert_eq!(
            answer.head.kind(),
            Kind::Response(200),
            "the empty SEND is answered"
        );
        chat
    }

    /// Connects and says nothing.
    pub fn connect_only(description: &[u8], id: &str) -> Self {
        let description = Description::parse(description).unwrap();
        let path = description.msrp().unwrap().1.path[0].clone();
        let at: SocketAddr = path.split('/').nth(2).unwrap().parse().unwrap();
        let stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            reader: Reader::new(),
            buffer: BytesMut::new(),
            to_path: path,
            from_path: format!("msrp://127.0.0.1:9/{id};tcp"),
            next: 0,
            heard: Vec::new(),
        }
    }

    /// Writes one SEND; `headers` are whole lines after Message-ID, `body` may be empty.
    pub fn send_frame(&mut self, message_id: &str, headers: &str, body: &str) -> String {
        let id = match message_id {
            "" => format!("mtid{:08}x", self.next + 1),
            id => id.to_owned(),
        };
        let headers = format!("Message-ID: {id}\r\n{headers}");
        self.frame("SEND", &headers, body, '$')
    }

    /// Writes one request; `headers` are whole lines after the paths, `body` may be empty.
    pub fn frame(&mut self, method: &str, headers: &str, body: &str, flag: char) -> String {
        self.next += 1;
        let tid = format!("tid{:08}x", self.next);
        let (to, from) = (&self.to_path, &self.from_path);
        let content = if body.is_empty() {
            String::new()
        } else {
            format!("\r\n{body}\r\n")
        };
        let frame = format!(
            "MSRP {tid} {method}\r\nTo-Path: {to}\r\nFrom-Path: {from}\r\n{headers}{content}-------{tid}{flag}\r\n"
        );
        self.write(frame.as_bytes());
        tid
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Writes as much as the switch takes before it closes.
    pub fn try_write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Says a text to a URI, wrapped in CPIM.
    pub fn say(&mut self, from: &str, to: &str, text: &str) {
        let cpim = NewCpim {
            from: (None, from),
            to: (None, to),
            date_time: Some("2026-11-21T00:00:00Z"),
            namespaces: &[],
            headers: &[],
            content_type: "text/plain; charset=utf-8",
            mime_headers: &[],
        };
        let body = cpim.write(text.as_bytes());
        let body = std::str::from_utf8(&body).unwrap().to_owned();
        let headers = format!(
            "Byte-Range: 1-{0}/{0}\r\nContent-Type: message/cpim\r\n",
            body.len()
        );
        self.send_frame("", &headers, &body);
    }

    /// Says a text, and waits for the switch to answer: its status.
    pub fn say_and_wait(&mut self, from: &str, to: &str, text: &str) -> u16 {
        self.say(from, to, text);
        self.answer().1
    }

    /// The next answer of the switch: to which transaction, and its status.
    pub fn answer(&mut self) -> (String, u16) {
        loop {
            let head = self.piece().head;
            if let Kind::Response(status) = head.kind() {
                return (head.transaction_id().to_owned(), status);
            }
        }
    }

    /// The next piece of anything.
    pub fn piece(&mut self) -> Piece {
        loop {
            if let Some(piece) = self.reader.next(&mut self.buffer).unwrap() {
                return piece;
            }
            let mut chunk = [0; 65_536];
            let length = self
                .stream
                .read(&mut chunk)
                .expect("the switch has something to say");
            assert!(length > 0, "the switch closed the connection");
            self.buffer.extend_from_slice(&chunk[..length]);
            self.heard.extend_from_slice(&chunk[..length]);
        }
    }

    /// The next message that somebody said, answered with 200: from, to, text.
    pub fn hear(&mut self) -> (String, String, String) {
        unwrap(&self.next_said())
    }

    /// The body of the next message, answered with 200.
    pub fn next_said(&mut self) -> Bytes {
        let mut body = BytesMut::new();
        loop {
            let piece = self.piece();
            if !piece.head.is_send() {
                continue;
            }
            body.extend_from_slice(&piece.data);
            if piece.end.is_some() {
                let mut answer = BytesMut::new();
                msrp::respond(&piece.head, 200, "OK", &mut answer);
                self.write(&answer);
            }
            if piece.end == Some(Flag::Complete) {
                return body.freeze();
            }
        }
    }

    /// Does the switch close the connection?
    pub fn is_closed(&mut self) -> bool {
        loop {
            match self.stream.read(&mut [0; 4096]) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }
}

fn unwrap(body: &Bytes) -> (String, String, String) {
    let cpim = Cpim::parse(body, true).unwrap().unwrap();
    let from = cpim.from().unwrap().uri().to_owned();
    let to = cpim.to().next().unwrap().uri().to_owned();
    let text = cpim.mime().unwrap().body();
    (from, to, String::from_utf8(text.to_vec()).unwrap())
}
