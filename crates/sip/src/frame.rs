//! Cutting a stream into messages (RFC 3261 section 18.3, RFC 5626 section 4.4.1).

use bytes::BytesMut;

use crate::parse::{self, Head};
use crate::{MAX_MESSAGE, MAX_STREAM_MESSAGE, Message, ParseError};

/// Cuts what a stream delivers into messages.
///
/// Strict: a Content-Length that is missing, malformed, repeated or too large ends the stream,
/// since nobody can say where the next message begins.
#[derive(Debug, Default)]
pub struct Framer {
    /// How much of the buffer was searched for the end of the head.
    searched: usize,
    /// A head whose body has not all come.
    head: Option<Head>,
    /// Was the frame before this one the first half of a ping?
    after_line_end: bool,
}

/// What stood next in the stream.
#[derive(Debug)]
pub enum Frame {
    /// A whole message.
    Message(Message),
    /// The second CRLF of two: the peer asks whether we are there, and a single CRLF answers.
    Ping,
    /// A CRLF between messages: the answer to our ping, or the first half of the peer's.
    Pong,
}

impl Framer {
    /// Takes the next frame out of what has been read so far; `None` when more must be read.
    ///
    /// # Errors
    ///
    /// [`ParseError`]: the stream cannot be followed any further and has to be closed.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, ParseError> {
        let head = match self.head.take() {
            Some(head) => head,
            None => {
                match buffer.as_ref() {
                    [] | [b'\r'] => return Ok(None),
                    [b'\r', b'\n', ..] => return Ok(Some(self.line_end(buffer))),
                    _ => self.after_line_end = false,
                }
                let Some(head) = self.head(buffer)? else {
                    return Ok(None);
                };
                head
            }
        };
        // RFC 3261 section 20.14: over a stream the Content-Length must be there.
        let body = head.content_length()?.ok_or(ParseError::ContentLength)?;
        let length = head.len.saturating_add(body);
        if head.len > MAX_MESSAGE || length > MAX_STREAM_MESSAGE {
            return Err(ParseError::TooLarge);
        }
        if buffer.len() < length {
            self.head = Some(head);
            return Ok(None);
        }
        let wire = buffer.split_to(length).freeze();
        Ok(Some(Frame::Message(Message::assemble(head, wire))))
    }

    /// A CRLF between messages. Two in a row are a ping, wherever the stream was cut.
    fn line_end(&mut self, buffer: &mut BytesMut) -> Frame {
        let _ = buffer.split_to(2);
        self.after_line_end = !self.after_line_end;
        if self.after_line_end {
            Frame::Pong
        } else {
            Frame::Ping
        }
    }

    fn head(&mut self, buffer: &BytesMut) -> Result<Option<Head>, ParseError> {
        // The end may straddle what came before and what came now.
        let from = self.searched.saturating_sub(3);
        let unseen = buffer.get(from..).unwrap_or_default();
        if parse::head_end(unseen).is_none() {
            self.searched = buffer.len();
            if buffer.len() > MAX_MESSAGE {
                return Err(ParseError::TooLarge);
            }
            return Ok(None);
        }
        self.searched = 0;
        parse::head(buffer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = "OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nContent-Length: 4\r\n\r\nbody";

    #[test]
    fn rfc_5366_a_body_may_be_long_and_a_head_may_not() {
        for (head, body, fits) in [
            (0, MAX_STREAM_MESSAGE - 100, true),
            (0, MAX_STREAM_MESSAGE, false),
            (MAX_MESSAGE - 100, 100, true),
            (MAX_MESSAGE, 100, false),
        ] {
            let (subject, body) = ("s".repeat(head), "b".repeat(body));
            let length = body.len();
            let text =
                format!("OPTIONS sip:a@h SIP/2.0\r\ns: {subject}\r\nl: {length}\r\n\r\n{body}");
            let mut buffer = BytesMut::from(text.as_str());
            let got = Framer::default().next(&mut buffer);
            match fits {
                true => assert!(
                    matches!(got, Ok(Some(Frame::Message(_)))),
                    "{head} {length}"
                ),
                false => assert_eq!(got.unwrap_err(), ParseError::TooLarge, "{head} {length}"),
            }
        }
    }

    /// What a stream gives when it comes in two parts, cut at `at`.
    fn frames(stream: &str, at: usize) -> Result<String, ParseError> {
        let (mut framer, mut buffer, mut seen) =
            (Framer::default(), BytesMut::new(), String::new());
        for part in [&stream[..at], &stream[at..]] {
            buffer.extend_from_slice(part.as_bytes());
            while let Some(frame) = framer.next(&mut buffer)? {
                seen.push(match frame {
                    Frame::Message(message) => {
                        assert_eq!(message.fields().body(), "body");
                        'M'
                    }
                    Frame::Ping => 'P',
                    Frame::Pong => 'p',
                });
            }
        }
        Ok(seen)
    }

    #[test]
    fn a_stream_is_cut_the_same_wherever_it_is_split() {
        let stream = format!("{OPTIONS}\r\n\r\n{OPTIONS}{OPTIONS}\r\n");
        for at in 0..=stream.len() {
            assert_eq!(frames(&stream, at).unwrap(), "MpPMMp", "split at {at}");
        }
    }

    #[test]
    fn a_stream_that_cannot_be_followed_is_an_error() {
        for (length, want) in [
            ("", ParseError::ContentLength),
            ("Content-Length: x\r\n", ParseError::ContentLength),
            ("Content-Length: -1\r\n", ParseError::ContentLength),
            ("Content-Length: 4\r\nl: 4\r\n", ParseError::ContentLength),
            ("Content-Length: 262144\r\n", ParseError::TooLarge),
            (
                "Content-Length: 99999999999999999999\r\n",
                ParseError::ContentLength,
            ),
        ] {
            let stream = format!("OPTIONS sip:a@h SIP/2.0\r\n{length}\r\nbody");
            assert_eq!(frames(&stream, 9).unwrap_err(), want, "{length}");
        }
        let endless = "OPTIONS sip:a@h SIP/2.0\r\n".to_owned() + &"A: b\r\n".repeat(20_000);
        assert_eq!(frames(&endless, 100).unwrap_err(), ParseError::TooLarge);
    }
}
