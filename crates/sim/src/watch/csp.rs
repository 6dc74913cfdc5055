//! What was said between the server and handsets: CSP over HTTP, and the lines of CIR.

use bytes::{Buf, Bytes, BytesMut};
use imps::{Document, Encoding, Primitive, ssp};
use memchr::memmem;

/// How streams and datagrams of handsets begin, in either direction. SIP and MSRP begin otherwise.
const HTTP: [&[u8]; 3] = [b"POST ", b"GET ", b"HTTP/1.1 "];
const CIR: [&[u8]; 4] = [b"HELO ", b"OK\r\n", b"PING", b"WVCI "];

/// The longest line of CIR: a word, a version and a cookie.
const LINE_MAX: usize = 256;

/// What a stream speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tongue {
    Cir,
    Http,
}

/// What the first bytes of a stream tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Guess {
    It(Tongue),
    /// It may be, or not: there are too few.
    Perhaps,
    No,
}

/// Whether a stream that begins so is a handset's.
pub(super) fn guess(buffer: &[u8]) -> Guess {
    let begins = |words: &[&[u8]]| words.iter().any(|word| buffer.starts_with(word));
    let may_begin = |words: &[&[u8]]| words.iter().any(|word| word.starts_with(buffer));
    if begins(&HTTP) {
        Guess::It(Tongue::Http)
    } else if begins(&CIR) {
        Guess::It(Tongue::Cir)
    } else if may_begin(&HTTP) || may_begin(&CIR) {
        Guess::Perhaps
    } else {
        Guess::No
    }
}

impl Tongue {
    /// Takes one message out of the buffer, which has to be as it should: the ids of the messages
    /// that it says were taken. None: more bytes are needed.
    pub(super) fn take(self, buffer: &mut BytesMut) -> Result<Option<Vec<String>>, String> {
        match self {
            Self::Cir => Ok(line(buffer)?.then(Vec::new)),
            Self::Http => message(buffer),
        }
    }
}

/// Whether a datagram is a request for attention.
pub(super) fn is_attention(datagram: &[u8]) -> bool {
    datagram.starts_with(b"WVCI ")
}

fn line(buffer: &mut BytesMut) -> Result<bool, String> {
    let Some(end) = memmem::find(buffer, b"\r\n") else {
        return match buffer.len() > LINE_MAX {
            true => Err("a line of CIR does not end".to_owned()),
            false => Ok(false),
        };
    };
    let line = buffer.split_to(end + 2);
    let words = [b"HELO ".as_slice(), b"OK", b"PING", b"WVCI "];
    match words.iter().any(|word| line.starts_with(word)) {
        true => Ok(true),
        false => Err(format!("no line of CIR: {line:?}")),
    }
}

fn message(buffer: &mut BytesMut) -> Result<Option<Vec<String>>, String> {
    let Some(end) = memmem::find(buffer, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default());
    let length = match field(&head, "content-length") {
        Some(length) => length
            .parse::<usize>()
            .map_err(|_| format!("a body of {length} bytes"))?,
        None if field(&head, "transfer-encoding").is_some() => {
            return Err("a body without a length, which handsets do not read".to_owned());
        }
        None => 0,
    };
    let whole = end + 4 + length;
    if buffer.len() < whole {
        return Ok(None);
    }
    let media_type = field(&head, "content-type").unwrap_or_default().to_owned();
    let mut body = buffer.split_to(whole).freeze();
    body.advance(end + 4);
    document(&media_type, &body).map(Some)
}

/// The value of a header field.
fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// An empty body is nothing to say; of other media types there is nothing to check.
fn document(media_type: &str, body: &Bytes) -> Result<Vec<String>, String> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    if media_type.contains("ssp") {
        return between_servers(body);
    }
    let Some(encoding) = Encoding::of_media_type(media_type) else {
        return Ok(Vec::new());
    };
    let document = Document::decode(body, encoding);
    let document = document.map_err(|error| format!("a document of CSP: {error}"))?;
    let Document::Message(message) = document else {
        return Ok(Vec::new());
    };
    let taken =
        message
            .transactions
            .iter()
            .filter_map(|transaction| match &transaction.primitive {
                Primitive::SendMessageResponse(response) => response.message.clone(),
                _ => None,
            });
    Ok(taken.collect())
}

/// The messages of users of other domains that a server says it has taken.
fn between_servers(body: &[u8]) -> Result<Vec<String>, String> {
    let message = ssp::Message::parse(body);
    let message = message.map_err(|error| format!("a message of SSP: {error}"))?;
    let ssp::Message::Session { transactions, .. } = message else {
        return Ok(Vec::new());
    };
    let taken = transactions
        .into_iter()
        .filter_map(|one| match one.primitive {
            ssp::Primitive::SendMessageResponse(response) => response.message,
            _ => None,
        });
    Ok(taken.collect())
}

#[cfg(test)]
mod tests {
    use imps::csp::{Outcome, PollingRequest, SendMessageResponse};
    use imps::status::Code;
    use imps::{Message, Session, Transaction, Version};

    use super::*;

    fn document(encoding: Encoding) -> Bytes {
        Message::new(Version::V1_3, Session::Inband("s1".to_owned()))
            .with(Transaction::request("t1", PollingRequest {}))
            .encode(encoding)
    }

    fn post(media_type: &str, body: &[u8]) -> BytesMut {
        let head = format!(
            "POST /csp HTTP/1.1\r\nHost: h\r\nContent-Type: {media_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut all = BytesMut::from(head.as_bytes());
        all.extend_from_slice(body);
        all
    }

    #[test]
    fn a_message_is_taken_as_a_whole() {
        for (media_type, encoding) in [
            ("application/vnd.wv.csp+wbxml", Encoding::Wbxml),
            ("application/vnd.wv.csp.xml", Encoding::Xml),
        ] {
            let body = document(encoding);
            let whole = post(media_type, &body);
            for cut in 0..whole.len() {
                let mut part = BytesMut::from(&whole[..cut]);
                assert_eq!(Tongue::Http.take(&mut part), Ok(None), "{cut}");
            }
            let mut twice = whole.clone();
            twice.extend_from_slice(&whole);
            assert_eq!(Tongue::Http.take(&mut twice), Ok(Some(vec![])));
            assert_eq!(twice, whole);
            let mut broken = post(media_type, &body[..body.len() - 3]);
            assert!(Tongue::Http.take(&mut broken).is_err());
        }
        let mut empty = BytesMut::from(&b"HTTP/1.1 204 No Content\r\n\r\n"[..]);
        assert_eq!(Tongue::Http.take(&mut empty), Ok(Some(vec![])));
        let mut chunked =
            BytesMut::from(&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..]);
        assert!(Tongue::Http.take(&mut chunked).is_err());
    }

    #[test]
    fn what_the_server_has_taken_is_known_by_its_id() {
        let taken = SendMessageResponse {
            outcome: Outcome::new(Code::SUCCESSFUL),
            message: Some("m1".to_owned()),
        };
        let body = Message::new(Version::V1_3, Session::Inband("s1".to_owned()))
            .with(Transaction::response("t1", taken))
            .encode(Encoding::Wbxml);
        let mut whole = post("application/vnd.wv.csp+wbxml", &body);
        assert_eq!(
            Tongue::Http.take(&mut whole),
            Ok(Some(vec!["m1".to_owned()]))
        );
    }

    #[test]
    fn lines_of_attention() {
        let mut lines = BytesMut::from(&b"HELO s1\r\nPING \r\nWVCI 1.3 c\r\nOK\r\nhm\r\n"[..]);
        for _ in 0..4 {
            assert_eq!(Tongue::Cir.take(&mut lines), Ok(Some(vec![])));
        }
        assert!(Tongue::Cir.take(&mut lines).is_err());
        assert!(is_attention(b"WVCI 1.3 c"));
    }

    #[test]
    fn whose_stream_it_is() {
        for (begins, want) in [
            ("POST /csp", Guess::It(Tongue::Http)),
            ("HTTP/1.1 200", Guess::It(Tongue::Http)),
            ("HELO s1", Guess::It(Tongue::Cir)),
            ("OK\r\n", Guess::It(Tongue::Cir)),
            ("P", Guess::Perhaps),
            ("O", Guess::Perhaps),
            ("", Guess::Perhaps),
            ("OPTIONS", Guess::No),
            ("PUBLISH", Guess::No),
            ("SIP/2.0 200", Guess::No),
        ] {
            assert_eq!(guess(begins.as_bytes()), want, "{begins}");
        }
    }
}
