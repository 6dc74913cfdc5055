//! Changing who speaks, or to whom, and nothing else.

use bytes::{BufMut, Bytes, BytesMut};

use super::{CORE_NS, Cpim, Header, address::write_address};

/// A message with another From or To.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// The new CPIM header lines.
    pub head: Bytes,
    /// All that follows them, shared with the message as received.
    pub rest: Bytes,
    /// How much longer it has become, in octets; negative if shorter. Byte-Ranges of later chunks
    /// and the total shift by this.
    pub shift: i64,
}

impl Cpim {
    /// Replaces From, and To if given; each is a formal name, if any, and a URI.
    ///
    /// Every other byte stays as it was, line ends included. What was missing is put in front;
    /// several To become one.
    pub fn rewrite(
        &self,
        from: Option<(Option<&str>, &str)>,
        to: Option<(Option<&str>, &str)>,
    ) -> Rewritten {
        let head = self.bytes.get(..self.head_end).unwrap_or_default();
        let mut changes = [("From", from, false), ("To", to, false)];
        let mut out = BytesMut::with_capacity(head.len() + 128);
        for (name, new, _) in &changes {
            if let Some((formal, uri)) = new
                && self.value(CORE_NS, name).is_none()
            {
                put(&mut out, name, *formal, uri, "\r\n");
            }
        }
        for line in self.lines() {
            let bytes = head.get(line.range.clone()).unwrap_or_default();
            let change = Header::parse(line).and_then(|header| {
                changes
                    .iter_mut()
                    .find(|(name, new, _)| new.is_some() && self.is(&header, CORE_NS, name))
            });
            match change {
                Some((name, Some((formal, uri)), done)) => {
                    let end = if bytes.ends_with(b"\r\n") {
                        "\r\n"
                    } else {
                        "\n"
                    };
                    if !*done {
                        put(&mut out, name, *formal, uri, end);
                    }
                    *done = true;
                }
                _ => out.put_slice(bytes),
            }
        }
        Rewritten {
            shift: length(out.len()) - length(head.len()),
            head: out.freeze(),
            rest: self.bytes.slice(self.head_end..),
        }
    }
}

fn put(out: &mut BytesMut, name: &str, formal: Option<&str>, uri: &str, end: &str) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(write_address(formal, uri).as_bytes());
    out.put_slice(end.as_bytes());
}

fn length(octets: usize) -> i64 {
    i64::try_from(octets).unwrap_or(i64::MAX)
}
