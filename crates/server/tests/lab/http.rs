//! HTTP by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// A connection, of whatever kind.
pub trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// How a handset connects.
pub type Dial = Box<dyn Fn() -> Box<dyn Wire>>;

/// An answer of HTTP.
#[derive(Debug)]
pub struct Http {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

pub fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Writes a request and reads its answer.
pub fn round<W: Wire>(mut stream: W, request: &[u8]) -> (Http, Option<W>) {
    stream.write_all(request).unwrap();
    read_answer(stream)
}

/// Reads the answer to a request.
pub fn read_answer<W: Wire>(mut stream: W) -> (Http, Option<W>) {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = find(&read, b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).unwrap();
            let field = |name: &str| {
                let is_it = |line: &&str| line.to_ascii_lowercase().starts_with(name);
                head.lines()
                    .find(is_it)
                    .map(|line| line[name.len()..].trim().to_owned())
            };
            let length: usize = field("content-length:").map_or(0, |l| l.parse().unwrap());
            let whole = end + 4 + length;
            if read.len() >= whole {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                let stays = field("connection:").as_deref() != Some("close");
                let http = Http {
                    status,
                    body: read[end + 4..whole].to_vec(),
                    head,
                };
                return (http, stays.then_some(stream));
            }
        }
        let count = stream.read(&mut buffer).unwrap();
        assert!(
            count > 0,
            "the server closed: {}",
            String::from_utf8_lossy(&read)
        );
        read.extend_from_slice(&buffer[..count]);
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|part| part == needle)
}
