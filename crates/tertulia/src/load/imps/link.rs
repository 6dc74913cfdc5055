//! One connection, one POST after the other.

use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;
use world::Stream;

use crate::load::tally::Fault;
use crate::load::target::Ground;

/// The largest answer that is taken, in bytes.
const ANSWER_MAX: usize = 1 << 20;

/// The largest head of one.
const HEAD_MAX: usize = 16 << 10;

/// A connection of a handset. After a fault nothing is to be expected of it.
pub(super) struct Link {
    stream: Stream,
    /// The head of every request, up to the length of the body.
    head: String,
    /// What is written of a request before its body.
    out: Vec<u8>,
    read: BytesMut,
}

impl Link {
    /// Connects, from the `turn`-th address of ours.
    pub(super) async fn open(ground: &Ground, turn: usize) -> Result<Self, Fault> {
        let from = ground.source(turn);
        let connecting = ground.world.net.connect(from, ground.target);
        let stream = connecting.await.map_err(|_| Fault::Lost)?;
        let head = format!(
            "POST /csp HTTP/1.1\r\n\
             Host: {host}\r\n\
             User-Agent: tertulia-load/{version}\r\n\
             Accept: application/vnd.wv.csp+wbxml\r\n\
             Content-Type: application/vnd.wv.csp+wbxml\r\n\
             Content-Length: ",
            host = ground.target,
            version = env!("CARGO_PKG_VERSION"),
        );
        Ok(Self {
            stream,
            head,
            out: Vec::new(),
            read: BytesMut::new(),
        })
    }

    /// Sends a document and waits for what is answered: its body, which may be empty.
    pub(super) async fn post(&mut self, body: &[u8]) -> Result<Bytes, Fault> {
        self.out.clear();
        self.out.extend_from_slice(self.head.as_bytes());
        self.out
            .extend_from_slice(body.len().to_string().as_bytes());
        self.out.extend_from_slice(b"\r\n\r\n");
        let whole = self.out.len() + body.len();
        let slices = [IoSlice::new(&self.out), IoSlice::new(body)];
        // A new request finds the socket empty, and goes as a whole.
        let written = match self.stream.try_write_vectored(&slices) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => 0,
            written => written.map_err(|_| Fault::Lost)?,
        };
        if written < whole {
            self.out.extend_from_slice(body);
            let rest = self.out.get(written..).unwrap_or_default();
            let rest = self.stream.write_all(rest);
            rest.await.map_err(|_| Fault::Lost)?;
        }
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Bytes, Fault> {
        loop {
            if let Some(answer) = cut(&mut self.read)? {
                return Ok(answer);
            }
            match self.stream.read(&mut self.read).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Err(Fault::Lost),
            }
        }
    }
}

/// Takes an answer off the buffer, if it is there as a whole.
fn cut(read: &mut BytesMut) -> Result<Option<Bytes>, Fault> {
    let Some(end) = memmem::find(read, b"\r\n\r\n") else {
        return match read.len() {
            0..HEAD_MAX => Ok(None),
            _ => Err(Fault::Malformed),
        };
    };
    let head = read.get(..end).and_then(|head| str::from_utf8(head).ok());
    let head = head.ok_or(Fault::Malformed)?;
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    match status {
        Some(200) => {}
        Some(status) => return Err(Fault::Status(status)),
        None => return Err(Fault::Malformed),
    }
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok())?
    };
    let length = head.lines().find_map(field).ok_or(Fault::Malformed)?;
    let body_at = end + b"\r\n\r\n".len();
    if length > ANSWER_MAX {
        return Err(Fault::Malformed);
    }
    if read.len() < body_at + length {
        return Ok(None);
    }
    read.advance(body_at);
    Ok(Some(read.split_to(length).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_cut_where_they_end() {
        #[rustfmt::skip]
        type Row = (&'static str, Result<Option<&'static str>, Fault>, usize);
        let rows: [Row; 7] = [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc",
                Ok(Some("ab")),
                1,
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                Ok(Some("")),
                0,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na",
                Ok(None),
                39,
            ),
            ("HTTP/1.1 200 OK\r\ncontent-le", Ok(None), 27),
            (
                "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
                Err(Fault::Status(503)),
                38,
            ),
            (
                "HTTP/1.1 200 OK\r\nserver: x\r\n\r\n",
                Err(Fault::Malformed),
                30,
            ),
            ("nonsense\r\n\r\n", Err(Fault::Malformed), 12),
        ];
        for (bytes, want, left) in rows {
            let mut read = BytesMut::from(bytes);
            let want = want.map(|body| body.map(|body| Bytes::from_static(body.as_bytes())));
            assert_eq!(cut(&mut read), want, "{bytes}");
            assert_eq!(read.len(), left, "{bytes}");
        }
    }
}
