//! Accept (RFC 3261 section 20.1).

use crate::header::content_type::media_type;
use crate::header::{Header, List, q};
use crate::{Fields, Malformed, Name, Params};

/// One media range the sender can read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Accept<'a> {
    /// The type, or `*`.
    pub kind: &'a str,
    /// The subtype, or `*`.
    pub subtype: &'a str,
    /// q and the rest.
    pub params: Params<'a>,
}

impl Accept<'_> {
    /// May a body of this type be sent to the sender of `fields`?
    ///
    /// `None` when there is no Accept: what is taken then depends on the method and the event
    /// package (`application/sdp` for INVITE). An empty Accept takes nothing. Ranges that do not
    /// follow the grammar are passed over.
    pub fn allows(fields: &Fields, kind: &str, subtype: &str) -> Option<bool> {
        if !fields.has(Name::Accept) {
            return None;
        }
        // RFC 3261 20.1 takes HTTP's rule: the range that says most about a type decides.
        let best = fields
            .list::<Accept<'_>>()
            .flatten()
            .filter(|range| range.covers(kind, subtype))
            .max_by_key(|range| (range.kind != "*", range.subtype != "*", range.q()));
        Some(best.is_some_and(|range| range.q() > 0))
    }

    /// Does the range hold this type?
    pub fn covers(&self, kind: &str, subtype: &str) -> bool {
        let one = |range: &str, name: &str| range == "*" || range.eq_ignore_ascii_case(name);
        one(self.kind, kind) && one(self.subtype, subtype)
    }

    /// How much it is wanted, in thousandths; 0 is not at all.
    pub fn q(&self) -> u16 {
        q::thousandths(&self.params)
    }
}

impl<'a> Header<'a> for Accept<'a> {
    const NAME: Name = Name::Accept;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (kind, subtype, params) = media_type(value)?;
        Ok(Self {
            kind,
            subtype,
            params,
        })
    }
}

impl List for Accept<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    #[test]
    fn the_range_that_says_most_decides() {
        const MIXED: &str = "Accept: text/*;q=0.3, text/html;level=1;q=0, */*;q=0.1";
        for (accept, kind, subtype, want) in [
            ("X: y", "text", "plain", None),
            ("Accept:", "text", "plain", Some(false)),
            ("Accept: application/sdp", "Application", "SDP", Some(true)),
            ("Accept: application/sdp", "text", "plain", Some(false)),
            ("Accept: */*", "text", "plain", Some(true)),
            ("Accept: text/*", "text", "plain", Some(true)),
            (
                "Accept: a/b\r\nAccept: text/plain",
                "text",
                "plain",
                Some(true),
            ),
            ("Accept: broken, text/plain", "text", "plain", Some(true)),
            ("Accept: text/plain;q=0", "text", "plain", Some(false)),
            (MIXED, "text", "html", Some(false)),
            (MIXED, "text", "plain", Some(true)),
            (MIXED, "image", "png", Some(true)),
        ] {
            let text = format!("OPTIONS sip:h SIP/2.0\r\n{accept}\r\n\r\n");
            let message = Message::parse(text.into()).unwrap();
            let got = Accept::allows(message.fields(), kind, subtype);
            assert_eq!(got, want, "{accept} {kind}/{subtype}");
        }
    }
}
