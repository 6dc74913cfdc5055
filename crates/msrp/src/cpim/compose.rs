//! Writing CPIM messages.

use bytes::{BufMut, Bytes, BytesMut};

use super::{address::write_address, escape::escape};

/// A message to be written.
///
/// ```
/// use bytes::Bytes;
/// use msrp::cpim::{Cpim, IMDN_NS, NewCpim};
///
/// let bytes = NewCpim {
///     from: (Some("Alice"), "sip:alice@home.example"),
///     to: (None, "sip:room@im.home.example"),
///     date_time: Some("2026-11-20T22:00:00Z"),
///     namespaces: &[("imdn", IMDN_NS)],
///     headers: &[("imdn.Message-ID", "m-1")],
///     content_type: "text/plain;charset=utf-8",
///     mime_headers: &[],
/// }
/// .write(b"Hello");
///
/// let message = Cpim::parse(&bytes, true)?.unwrap();
/// assert_eq!(message.imdn("Message-ID"), Some("m-1"));
/// assert_eq!(message.mime().unwrap().body(), "Hello");
/// # Ok::<(), msrp::cpim::CpimError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NewCpim<'a> {
    /// Who speaks: formal name, if any, and URI.
    pub from: (Option<&'a str>, &'a str),
    /// To whom: formal name, if any, and URI.
    pub to: (Option<&'a str>, &'a str),
    /// When, in the form of RFC 3339 with a zone.
    pub date_time: Option<&'a str>,
    /// Prefixes and the URIs of their namespaces.
    pub namespaces: &'a [(&'a str, &'a str)],
    /// Further headers, names with their prefix. Values are escaped as they need.
    pub headers: &'a [(&'a str, &'a str)],
    /// The media type of the content.
    pub content_type: &'a str,
    /// Further MIME headers, such as Content-Disposition. Control characters become blanks.
    pub mime_headers: &'a [(&'a str, &'a str)],
}

impl NewCpim<'_> {
    /// Writes the message around `body`.
    pub fn write(&self, body: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(body.len() + 512);
        put(&mut out, "From", &write_address(self.from.0, self.from.1));
        put(&mut out, "To", &write_address(self.to.0, self.to.1));
        if let Some(date_time) = self.date_time {
            put(&mut out, "DateTime", &escape(date_time, false));
        }
        // RFC 3862 3.4: a declaration precedes the use of its prefix.
        for (prefix, uri) in self.namespaces {
            let separator = if prefix.is_empty() { "" } else { " " };
            let value = format!("{prefix}{separator}<{uri}>");
            put(&mut out, "NS", &escape(&value, false));
        }
        for (name, value) in self.headers {
            put(&mut out, name, &escape(value, false));
        }
        out.put_slice(b"\r\n");
        put(&mut out, "Content-Type", &one_line(self.content_type));
        for (name, value) in self.mime_headers {
            put(&mut out, name, &one_line(value));
        }
        put(&mut out, "Content-Length", &body.len().to_string());
        out.put_slice(b"\r\n");
        out.put_slice(body);
        out.freeze()
    }
}

fn put(out: &mut BytesMut, name: &str, value: &str) {
    out.extend(name.bytes().filter(u8::is_ascii_graphic));
    out.put_slice(b": ");
    out.put_slice(value.as_bytes());
    out.put_slice(b"\r\n");
}

fn one_line(value: &str) -> String {
    value.replace(|c: char| c.is_ascii_control(), " ")
}
