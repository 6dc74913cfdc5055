//! One SEND for many receivers.
//!
//! ```text
//!   MSRP k3v... SEND        start   the same for everybody
//!   To-Path: ...            paths   one session's own, made once when it began
//!   From-Path: ...
//!   Message-ID: ...         rest    the same for everybody: headers, and a short body and
//!   ...                             end-line with them; a long body is a slice of its own
//! ```

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    ByteRange, FailureReport, Flag, PathLines, Tid,
    write::{put_end_line, put_header, put_range, put_request_line},
};

/// The most octets in a chunk that cannot be interrupted (RFC 4975 section 7.1.1).
pub const CHUNK_MAX: usize = 2048;

/// Bodies up to this length are copied behind their headers: one `memcpy` for all receivers costs
/// less than two more slices for each of them.
const COPY_MAX: usize = 4096;

/// What the headers of a SEND say.
#[derive(Clone, Copy, Debug)]
pub struct SendHead<'a> {
    /// The message the chunk belongs to.
    pub message_id: &'a str,
    /// How many octets of the message come before this chunk.
    pub offset: u64,
    /// Length of the whole message, if known.
    pub total: Option<u64>,
    /// Whether success is to be reported.
    pub success_report: bool,
    /// Which failures are to be reported.
    pub failure_report: FailureReport,
    /// Further headers, such as Content-Disposition, that stand before Content-Type.
    pub extra: &'a [(&'a str, &'a str)],
    /// The media type of the *message*. `None` makes a request without body (RFC 4975 section
    /// 7.1), which then is not written even if given.
    pub content_type: Option<&'a str>,
}

/// An encoded SEND, complete but for its two path lines.
///
/// A transaction id may not be open twice on one connection (RFC 4975 section 7.1): receivers that
/// are reached through one connection, as behind a relay, need a chunk each.
#[derive(Clone, Debug)]
pub struct Chunk {
    tid: Tid,
    start: Bytes,
    /// Headers after the paths, and what of the body was copied.
    rest: Bytes,
    /// The shared body and its end-line, when the body is long.
    long: Option<(Bytes, Bytes)>,
}

impl Chunk {
    /// Encodes a chunk whose body is `lead` followed by `body`.
    ///
    /// `lead` is copied: it is for a rewritten CPIM head. `body` is shared when it is long. The
    /// transaction id is made of `random` and does not occur in the body.
    pub fn new(head: &SendHead<'_>, lead: &[u8], body: Bytes, flag: Flag, random: u64) -> Self {
        let (lead, body) = match head.content_type {
            Some(_) => (lead, body),
            None => (&b""[..], Bytes::new()),
        };
        let copied = body.len() <= COPY_MAX;
        let mut out = BytesMut::with_capacity(
            320 + head.message_id.len() + lead.len() + if copied { body.len() } else { 0 },
        );
        let tid = choose(lead, &body, random);
        put_request_line(&mut out, tid, "SEND");
        let start = out.len();
        put_headers(&mut out, head, lead.len() + body.len());
        if head.content_type.is_some() {
            out.put_slice(b"\r\n");
            out.put_slice(lead);
            if copied {
                out.put_slice(&body);
            }
        }
        let rest = out.len();
        if head.content_type.is_some() {
            out.put_slice(b"\r\n");
        }
        put_end_line(&mut out, tid, flag.as_byte());
        let whole = out.freeze();
        Self {
            tid,
            start: whole.slice(..start),
            rest: whole.slice(start..if copied { whole.len() } else { rest }),
            long: (!copied).then(|| (body, whole.slice(rest..))),
        }
    }

    /// The transaction id, by which the response is known.
    pub fn tid(&self) -> Tid {
        self.tid
    }

    /// Appends the frame for the session with these paths: three shared slices, five if the body
    /// is long. Nothing is copied.
    pub fn write_to(&self, paths: &PathLines, out: &mut impl Extend<Bytes>) {
        let head = [
            self.start.clone(),
            paths.as_bytes().clone(),
            self.rest.clone(),
        ];
        out.extend(head);
        if let Some((body, end)) = &self.long {
            out.extend([body.clone(), end.clone()]);
        }
    }

    /// The length of the frame with these paths, in octets.
    pub fn frame_len(&self, paths: &PathLines) -> usize {
        let long = self
            .long
            .as_ref()
            .map_or(0, |(body, end)| body.len() + end.len());
        self.start.len() + paths.as_bytes().len() + self.rest.len() + long
    }
}

fn put_headers(out: &mut BytesMut, head: &SendHead<'_>, length: usize) {
    put_header(out, "Message-ID", head.message_id);
    put_range(out, &range(head, length));
    // RFC 4975 7.1.1: only what differs from the default is said.
    if head.success_report {
        put_header(out, "Success-Report", "yes");
    }
    if head.failure_report != FailureReport::Yes {
        put_header(out, "Failure-Report", head.failure_report.as_str());
    }
    // RFC 4975 7.1: a request without body has no MIME headers; Content-Type is the last.
    if let Some(content_type) = head.content_type {
        for (name, value) in head.extra {
            put_header(out, name, value);
        }
        put_header(out, "Content-Type", content_type);
    }
}

fn range(head: &SendHead<'_>, length: usize) -> ByteRange {
    let end = head
        .offset
        .saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    ByteRange {
        start: head.offset.saturating_add(1),
        // RFC 4975 7.1.1: a chunk over 2048 octets must be interruptible, which `*` says.
        end: (length <= CHUNK_MAX).then_some(end),
        total: head.total,
    }
}

/// A transaction id that occurs in neither part of the body, nor across the seam.
fn choose(lead: &[u8], body: &[u8], random: u64) -> Tid {
    if lead.is_empty() {
        return Tid::outside(&[body], random);
    }
    let mut seam = [0; 2 * Tid::LEN];
    let tail = lead
        .get(lead.len().saturating_sub(Tid::LEN)..)
        .unwrap_or(lead);
    let start = body.get(..Tid::LEN).unwrap_or(body);
    for (slot, byte) in seam.iter_mut().zip(tail.iter().chain(start)) {
        *slot = *byte;
    }
    Tid::outside(&[lead, &seam, body], random)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: SendHead<'static> = SendHead {
        message_id: "m-1",
        offset: 0,
        total: None,
        success_report: false,
        failure_report: FailureReport::Yes,
        extra: &[],
        content_type: Some("text/plain"),
    };

    fn text(chunk: &Chunk) -> String {
        let paths = PathLines::new("msrp://b:2/y;tcp", "msrp://a:1/x;tcp");
        let mut out: Vec<Bytes> = Vec::new();
        chunk.write_to(&paths, &mut out);
        let bytes = out.concat();
        assert_eq!(bytes.len(), chunk.frame_len(&paths));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_short_chunk() {
        let head = SendHead {
            total: Some(5),
            success_report: true,
            failure_report: FailureReport::Partial,
            extra: &[("Content-Disposition", "render")],
            ..HEAD
        };
        let chunk = Chunk::new(&head, b"He", Bytes::from_static(b"llo"), Flag::Complete, 1);
        let want = "MSRP aaaaaaaaaaaab SEND\r\n\
            To-Path: msrp://b:2/y;tcp\r\n\
            From-Path: msrp://a:1/x;tcp\r\n\
            Message-ID: m-1\r\n\
            Byte-Range: 1-5/5\r\n\
            Success-Report: yes\r\n\
            Failure-Report: partial\r\n\
            Content-Disposition: render\r\n\
            Content-Type: text/plain\r\n\
            \r\n\
            Hello\r\n\
            -------aaaaaaaaaaaab$\r\n";
        assert_eq!(text(&chunk), want);
    }

    #[test]
    fn no_body_no_blank_line() {
        let head = SendHead {
            content_type: None,
            total: Some(0),
            ..HEAD
        };
        let chunk = Chunk::new(&head, b"", Bytes::from_static(b"lost"), Flag::Complete, 1);
        let want = "Message-ID: m-1\r\nByte-Range: 1-0/0\r\n-------aaaaaaaaaaaab$\r\n";
        assert!(text(&chunk).ends_with(want));
    }

    #[test]
    fn long_chunks_are_shared_and_interruptible() {
        for (length, end) in [
            (CHUNK_MAX, "2148"),
            (CHUNK_MAX + 1, "*"),
            (COPY_MAX, "*"),
            (COPY_MAX + 1, "*"),
        ] {
            let body = Bytes::from(vec![b'x'; length]);
            let head = SendHead {
                offset: 100,
                ..HEAD
            };
            let chunk = Chunk::new(&head, b"", body.clone(), Flag::More, 1);
            let text = text(&chunk);
            assert!(
                text.contains(&format!("\r\nByte-Range: 101-{end}/*\r\n")),
                "{length}"
            );
            assert!(text.ends_with("x\r\n-------aaaaaaaaaaaab+\r\n"));
            match &chunk.long {
                Some((shared, _)) => assert_eq!(shared.as_ptr(), body.as_ptr()),
                None => assert!(length <= COPY_MAX),
            }
        }
    }

    #[test]
    fn the_id_is_in_no_part_of_the_body() {
        let (first, second) = (Tid::new(1), Tid::outside(&[&Tid::new(1).text()], 1));
        for (lead, body) in [
            (format!("{first}"), format!("{second}")),
            (format!("{second}"), format!("{first}")),
            (String::new(), format!("{first}{second}")),
            (
                format!("{first}").split_off(0)[..7].to_owned(),
                format!("{first}")[7..].to_owned(),
            ),
        ] {
            let whole = format!("{lead}{body}");
            let chunk = Chunk::new(&HEAD, lead.as_bytes(), Bytes::from(body), Flag::More, 1);
            assert!(!whole.contains(&chunk.tid().to_string()), "{whole}");
        }
    }

    #[test]
    fn no_value_ends_its_line() {
        let head = SendHead {
            message_id: "m\r\nTo-Path: x",
            content_type: Some("text/plain\r\n\r\nbody"),
            ..HEAD
        };
        let chunk = Chunk::new(&head, b"", Bytes::new(), Flag::Complete, 1);
        assert!(text(&chunk).contains("Message-ID: m  To-Path: x\r\n"));
        assert!(text(&chunk).contains("Content-Type: text/plain    body\r\n"));
    }
}
