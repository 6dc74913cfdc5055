//! `"Name" <uri>;parameters`: From, To, Contact, Route and their kin (RFC 3261 section 20.10).

use std::borrow::Cow;
use std::fmt;

use crate::header::{Header, List, feature, q, seconds};
use crate::text::{self, is_token, trim};
use crate::{Malformed, Name, Params, Uri, quote};

/// An address with what stands around it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NameAddr<'a> {
    /// The display name as written, quotes included; empty if there is none.
    display: &'a str,
    /// The address.
    pub uri: Uri<'a>,
    /// The header's parameters. Without `<>` everything after the first `;` is the header's.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one address.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for an unfinished quote or `<`, a display name that is neither tokens nor
    /// quoted, a bad URI, or bad parameters.
    pub fn parse(value: &'a str) -> Result<Self, Malformed> {
        let Parts {
            display,
            uri,
            params,
        } = Parts::split(value)?;
        let is_word = |word: &str| word.is_empty() || is_display_word(word);
        if !display.starts_with('"') && !display.split([' ', '\t']).all(is_word) {
            return Err(Malformed("a display name must be quoted"));
        }
        Ok(Self {
            display,
            uri: Uri::parse(uri)?,
            params: Params::parse(params)?,
        })
    }

    /// The display name without quotes and escapes; `None` if there is none or it is blank.
    ///
    /// Control characters, which a quoted name may hold, are left out: they can stand neither in
    /// an XML document nor on a terminal.
    pub fn display(&self) -> Option<Cow<'a, str>> {
        let mut name = text::unquote(self.display);
        if name.contains(char::is_control) {
            name.to_mut().retain(|c| !c.is_control());
        }
        Some(name).filter(|name| !name.trim().is_empty())
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&'a str> {
        self.params.get("tag")
    }

    /// How much a contact is wanted, in thousandths: 1000 when not said.
    pub fn q(&self) -> u16 {
        q::thousandths(&self.params)
    }

    /// How long a contact is to be kept, in seconds; `None` when not said.
    ///
    /// RFC 3261 section 10.3: a malformed value counts as 3600.
    pub fn expires(&self) -> Option<u32> {
        let text = self.params.get("expires")?;
        Some(seconds::seconds(text).unwrap_or(3600))
    }

    /// Does a contact have this feature (RFC 3840): `isfocus`, `+g.oma.sip-im` ...?
    pub fn has_feature(&self, tag: &str) -> bool {
        feature::is_true(&self.params, tag)
    }

    /// Does the value of a feature hold `member`, as in
    /// `+g.3gpp.icsi-ref="urn%3Aurn-7%3A..."`? Escapes are compared as written.
    pub fn feature_holds(&self, tag: &str, member: &str) -> bool {
        feature::holds(&self.params, tag, member)
    }

    /// Writes an address with a display name, which is quoted as needed.
    pub fn write(display: Option<&str>, uri: &str) -> String {
        match display {
            Some(display) => format!("{} <{uri}>", quote(display)),
            None => format!("<{uri}>"),
        }
    }
}

/// The `tag` of a From or To that was read before, without reading its address again.
///
/// # Errors
///
/// [`Malformed`] for an unfinished quote or `<`.
pub(crate) fn tag(value: &str) -> Result<Option<&str>, Malformed> {
    let params = Parts::split(value)?.params;
    Ok(Params::checked(trim(params)).get("tag"))
}

/// Where the parts of an address stand, unread.
struct Parts<'a> {
    display: &'a str,
    uri: &'a str,
    /// From the first `;`, if any.
    params: &'a str,
}

impl<'a> Parts<'a> {
    fn split(value: &'a str) -> Result<Self, Malformed> {
        let value = trim(value);
        let quoted = text::quoted_end(value).unwrap_or(0);
        if quoted == 0 && value.starts_with('"') {
            return Err(Malformed("a display name has no closing quote"));
        }
        let after_quote = value.get(quoted..).unwrap_or_default();
        // A '<' in a quoted parameter of a bare address opens nothing.
        let angle = text::find_unquoted(after_quote, b'<');
        let Some((before, rest)) = angle.and_then(|at| after_quote.split_at_checked(at)) else {
            return Self::split_bare(value);
        };
        let rest = rest.strip_prefix('<').unwrap_or(rest);
        let (uri, params) =
            text::cut(rest, b'>').ok_or(Malformed("an address has no closing '>'"))?;
        let display = match quoted {
            0 => trim(before),
            _ if trim(before).is_empty() => value.get(..quoted).unwrap_or_default(),
            _ => {
                return Err(Malformed(
                    "something stands between a display name and its address",
                ));
            }
        };
        Ok(Self {
            display,
            uri,
            params,
        })
    }

    fn split_bare(value: &'a str) -> Result<Self, Malformed> {
        let (uri, params) = text::cut_before(value, b';');
        let uri = trim(uri);
        // RFC 3261 section 20.10: a URI with a comma or question mark must stand in <>.
        if uri.contains([',', '?']) {
            return Err(Malformed("an address must stand in '<>'"));
        }
        Ok(Self {
            display: "",
            uri,
            params,
        })
    }
}

/// Real peers leave letters beyond ASCII unquoted; they cannot be mistaken for anything else.
fn is_display_word(word: &str) -> bool {
    word.chars()
        .all(|c| !c.is_ascii() || is_token(c.encode_utf8(&mut [0; 4])))
}

impl fmt::Display for NameAddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.display.is_empty() {
            write!(f, "{} ", self.display)?;
        }
        write!(f, "<{}>{}", self.uri, self.params.as_str())
    }
}

/// Makes the headers whose value is one address.
macro_rules! address_headers {
    ($( $(#[$doc:meta])* $name:ident $($list:ident)? ; )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub struct $name<'a>(pub NameAddr<'a>);

        impl<'a> Header<'a> for $name<'a> {
            const NAME: Name = Name::$name;

            fn parse(value: &'a str) -> Result<Self, Malformed> {
                NameAddr::parse(value).map(Self)
            }
        }

        $( impl $list for $name<'_> {} )?

        impl<'a> std::ops::Deref for $name<'a> {
            type Target = NameAddr<'a>;

            fn deref(&self) -> &NameAddr<'a> {
                &self.0
            }
        }
    )* };
}

address_headers! {
    /// Where a user can be reached. `*` (in REGISTER) is not an address: look at the raw value.
    Contact List;
    /// Who sent the request.
    From;
    /// Who sent the request, as the network has verified it (RFC 3325).
    PAssertedIdentity List;
    /// Who the sender would like to be (RFC 3325).
    PPreferredIdentity List;
    /// A proxy between the registrar and the user (RFC 3327).
    Path List;
    /// A proxy that wants to see the later requests of the dialog.
    RecordRoute List;
    /// Who is to be contacted (RFC 3515).
    ReferTo;
    /// Who asked for the contact (RFC 3892).
    ReferredBy;
    /// A proxy the request must visit.
    Route List;
    /// The route a registrar gives for later requests (RFC 3608).
    ServiceRoute List;
    /// Whom the request is for.
    To;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_every_dress() {
        for (text, display, uri, tag) in [
            ("sip:a@h;tag=1", None, "sip:a@h", Some("1")),
            ("<sip:a@h;lr>;tag=1", None, "sip:a@h;lr", Some("1")),
            ("Al Ice <sip:a@h>", Some("Al Ice"), "sip:a@h", None),
            (
                "\"<A\\\" B\"<sip:a@h>; tag = x",
                Some("<A\" B"),
                "sip:a@h",
                Some("x"),
            ),
            ("\" \" <sip:a@h>", None, "sip:a@h", None),
            (
                "<cid:list@muse.example>",
                None,
                "cid:list@muse.example",
                None,
            ),
            ("\"\" <tel:+1>", None, "tel:+1", None),
            ("\"a\\\0b\\\x07\" <sip:a@h>", Some("ab"), "sip:a@h", None),
            ("sip:a@h;x=\"<\";tag=1", None, "sip:a@h", Some("1")),
            ("Zoë <sip:z@h?x=y>", Some("Zoë"), "sip:z@h?x=y", None),
        ] {
            let got = NameAddr::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(got.display().as_deref(), display, "{text}");
            assert_eq!((got.uri.as_str(), got.tag()), (uri, tag), "{text}");
        }
    }

    #[test]
    fn a_contact_says_what_it_can() {
        let contact = Contact::parse(
            "<sip:c@h>;isfocus;+g.oma.sip-im;video=\"FALSE\";q=0.7;expires=60\
             ;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3Aa,urn%3Aurn-7%3Ab\"",
        )
        .unwrap();
        assert!(contact.has_feature("isfocus") && contact.has_feature("+G.OMA.sip-im"));
        assert!(!contact.has_feature("video") && !contact.has_feature("audio"));
        assert!(contact.feature_holds("+g.3gpp.icsi-ref", "urn%3Aurn-7%3Ab"));
        assert!(!contact.feature_holds("+g.3gpp.icsi-ref", "urn%3Aurn-7%3A"));
        assert_eq!((contact.q(), contact.expires()), (700, Some(60)));
        let vague = NameAddr::parse("<sip:c@h>;expires=\"Thu\"").unwrap();
        assert_eq!((vague.q(), vague.expires()), (1000, Some(3600)));
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for bad in [
            "",
            "\"a <sip:a@h>",
            "<sip:a@h",
            "a, b <sip:a@h>",
            "\"a\" b <sip:a@h>",
            "sip:a@h?x=y",
            "<>",
        ] {
            assert!(NameAddr::parse(bad).is_err(), "{bad}");
        }
    }
}
