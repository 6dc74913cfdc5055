//! Encoding frames.
//!
//! Responses, reports and other small requests are written into a buffer of the caller. What
//! carries content is a [`Chunk`](crate::Chunk).

use bytes::{BufMut, Bytes, BytesMut};

use crate::{ByteRange, Head, Tid};

/// The two path lines of the frames that go to one session, written once for all of them.
#[derive(Clone, Debug)]
pub struct PathLines(Bytes);

impl PathLines {
    /// The lines for frames that go along `to_path`, from `from_path`.
    pub fn new(to_path: &str, from_path: &str) -> Self {
        let mut out = BytesMut::with_capacity(to_path.len() + from_path.len() + 24);
        put_header(&mut out, "To-Path", to_path);
        put_header(&mut out, "From-Path", from_path);
        Self(out.freeze())
    }

    /// The lines, each with its CRLF.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

/// Appends the response to `request` (RFC 4975 section 7.2).
///
/// Whether there is to be one at all is the caller's question: see
/// [`FailureReport::wants_response`](crate::FailureReport::wants_response), and a REPORT is never
/// answered. `code` is the status code, of which the last three digits are written.
pub fn respond(request: &Head, code: u16, comment: &str, out: &mut BytesMut) {
    let tid = request.transaction_id();
    let from = request.from_path_text();
    // RFC 4975 7.2: the answer to a SEND goes to the previous hop, any other all the way back.
    let to = if request.is_send() {
        leftmost(from)
    } else {
        from
    };
    let own = leftmost(request.to_path_text());
    out.reserve(2 * tid.len() + comment.len() + to.len() + own.len() + 64);
    out.put_slice(b"MSRP ");
    out.put_slice(tid.as_bytes());
    out.put_u8(b' ');
    put_code(out, code);
    if !comment.is_empty() {
        out.put_u8(b' ');
        put_text(out, comment);
    }
    out.put_slice(b"\r\n");
    put_header(out, "To-Path", to);
    put_header(out, "From-Path", own);
    out.put_slice(b"-------");
    out.put_slice(tid.as_bytes());
    // RFC 4975 7.2: a response is never chunked.
    out.put_slice(b"$\r\n");
}

/// What a REPORT says (RFC 4975 sections 7.1.3 and 7.1.4).
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The message it is about.
    pub message_id: &'a str,
    /// Which octets of the message it is about.
    pub range: ByteRange,
    /// 200, or the code a response with the same meaning would have.
    pub code: u16,
    /// Free text.
    pub comment: &'a str,
}

/// Appends a REPORT request. `paths` go to the whole From-Path of the SEND reported on.
pub fn write_report(report: &Report<'_>, tid: Tid, paths: &PathLines, out: &mut BytesMut) {
    out.reserve(paths.0.len() + report.message_id.len() + report.comment.len() + 192);
    put_request_line(out, tid, "REPORT");
    out.put_slice(&paths.0);
    put_header(out, "Message-ID", report.message_id);
    put_range(out, &report.range);
    out.put_slice(b"Status: 000 ");
    put_code(out, report.code);
    if !report.comment.is_empty() {
        out.put_u8(b' ');
        put_text(out, report.comment);
    }
    out.put_slice(b"\r\n");
    put_end_line(out, tid, b'$');
}

/// Appends a NICKNAME request (RFC 7701 section 7.1), without report headers; an empty nickname
/// gives it up. Longer than [`NICKNAME_MAX`](crate::NICKNAME_MAX) octets it will be refused.
pub fn write_nickname(nickname: &str, tid: Tid, paths: &PathLines, out: &mut BytesMut) {
    out.reserve(paths.0.len() + 2 * nickname.len() + 96);
    put_request_line(out, tid, "NICKNAME");
    out.put_slice(&paths.0);
    out.put_slice(b"Use-Nickname: \"");
    for byte in nickname.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(printable(byte));
    }
    out.put_slice(b"\"\r\n");
    put_end_line(out, tid, b'$');
}

pub(crate) fn put_request_line(out: &mut BytesMut, tid: Tid, method: &str) {
    out.put_slice(b"MSRP ");
    out.put_slice(&tid.text());
    out.put_u8(b' ');
    out.put_slice(method.as_bytes());
    out.put_slice(b"\r\n");
}

pub(crate) fn put_end_line(out: &mut BytesMut, tid: Tid, flag: u8) {
    out.put_slice(b"-------");
    out.put_slice(&tid.text());
    out.put_u8(flag);
    out.put_slice(b"\r\n");
}

pub(crate) fn put_header(out: &mut BytesMut, name: &str, value: &str) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    put_text(out, value);
    out.put_slice(b"\r\n");
}

pub(crate) fn put_range(out: &mut BytesMut, range: &ByteRange) {
    out.put_slice(b"Byte-Range: ");
    put_number(out, range.start);
    out.put_u8(b'-');
    put_number_or_star(out, range.end);
    out.put_u8(b'/');
    put_number_or_star(out, range.total);
    out.put_slice(b"\r\n");
}

/// Text from elsewhere must not end a line: control characters become blanks.
fn put_text(out: &mut BytesMut, text: &str) {
    if text.bytes().any(|b| b.is_ascii_control()) {
        out.extend(text.bytes().map(printable));
    } else {
        out.put_slice(text.as_bytes());
    }
}

fn printable(byte: u8) -> u8 {
    if byte.is_ascii_control() { b' ' } else { byte }
}

fn put_number_or_star(out: &mut BytesMut, number: Option<u64>) {
    match number {
        Some(number) => put_number(out, number),
        None => out.put_u8(b'*'),
    }
}

fn put_number(out: &mut BytesMut, number: u64) {
    if number >= 10 {
        put_number(out, number / 10);
    }
    // The remainder by 10 fits a byte.
    out.put_u8(b'0' + (number % 10) as u8);
}

fn put_code(out: &mut BytesMut, code: u16) {
    for power in [100, 10, 1] {
        // The remainder by 10 fits a byte.
        out.put_u8(b'0' + (code / power % 10) as u8);
    }
}

fn leftmost(path: &str) -> &str {
    path.split_ascii_whitespace().next().unwrap_or_default()
}
