//! Addresses of CPIM headers: `Formal Name <uri>` (RFC 3862 section 3.6).

use std::borrow::Cow;

use super::escape::{escape, unescape};

/// A person or a conference, as From, To and cc name them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Address<'a> {
    /// The formal name as written, without quotes but with its escapes; `None` if there is none.
    name: Option<&'a str>,
    /// The URI between the angle brackets.
    uri: &'a str,
}

impl<'a> Address<'a> {
    /// Reads a header value. A bare URI without brackets is taken as well.
    ///
    /// `None` if there is no URI, or if something follows it: two readers might then see two
    /// senders.
    pub fn parse(value: &'a str) -> Option<Self> {
        let value = value.trim_ascii();
        let (name, rest) = match value.strip_prefix('"') {
            Some(rest) => {
                let end = closing_quote(rest)?;
                let (name, rest) = rest.split_at_checked(end)?;
                (name, rest.strip_prefix('"')?.trim_ascii_start())
            }
            None => match value.find('<') {
                Some(at) => {
                    let (name, rest) = value.split_at_checked(at)?;
                    (name.trim_ascii_end(), rest)
                }
                None => return Self::bare(value),
            },
        };
        let uri = rest.strip_prefix('<')?.strip_suffix('>')?.trim_ascii();
        is_uri(uri).then_some(Self {
            name: Some(name).filter(|name| !name.is_empty()),
            uri,
        })
    }

    fn bare(value: &'a str) -> Option<Self> {
        (is_uri(value) && value.contains(':')).then_some(Self {
            name: None,
            uri: value,
        })
    }

    /// The URI.
    pub fn uri(&self) -> &'a str {
        self.uri
    }

    /// The formal name with its escapes undone.
    pub fn name(&self) -> Option<Cow<'a, str>> {
        self.name.map(unescape)
    }
}

/// Writes an address as a header value; the name, if any, is quoted and escaped as it needs.
pub(super) fn write_address(name: Option<&str>, uri: &str) -> String {
    let mut out = String::with_capacity(uri.len() + name.map_or(0, str::len) + 8);
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        if name.split(' ').all(is_token) {
            out.push_str(name);
        } else {
            out.push('"');
            out.push_str(&escape(name, true));
            out.push('"');
        }
        out.push(' ');
    }
    out.push('<');
    // What cannot stand in a URI would end it early or end the line.
    out.extend(uri.chars().filter(|c| is_uri_char(*c)));
    out.push('>');
    out
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    })
}

fn is_uri(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_uri_char)
}

fn is_uri_char(c: char) -> bool {
    !c.is_ascii_control() && !matches!(c, ' ' | '<' | '>' | '"')
}

/// `Token = 1*TOKENCHAR`: what is neither control character nor separator.
fn is_token(word: &str) -> bool {
    !word.is_empty()
        && word
            .chars()
            .all(|c| !c.is_ascii_control() && !" ()<>@,;:\\\"/[]?={}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read() {
        for (value, name, uri) in [
            ("<sip:a@x>", None, "sip:a@x"),
            (
                "Winnie the Pooh <im:pooh@wood>",
                Some("Winnie the Pooh"),
                "im:pooh@wood",
            ),
            ("\"Alice\" <sip:a@x>", Some("Alice"), "sip:a@x"),
            (
                r#""A \"<b>\" \\" <sip:a@x>"#,
                Some(r#"A "<b>" \"#),
                "sip:a@x",
            ),
            ("\"\" <sip:a@x>", None, "sip:a@x"),
            ("Alice<sip:a@x>", Some("Alice"), "sip:a@x"),
            ("sip:a@x", None, "sip:a@x"),
            ("< sip:a@x >", None, "sip:a@x"),
            ("\u{c9}mile <tel:+1>", Some("\u{c9}mile"), "tel:+1"),
        ] {
            let address = Address::parse(value).unwrap();
            assert_eq!(
                (address.name().as_deref(), address.uri()),
                (name, uri),
                "{value}"
            );
        }
    }

    #[test]
    fn refused() {
        for value in [
            "",
            "Alice",
            "Alice sip:a@x",
            "<>",
            "<sip:a@x",
            "<sip:a@x> <sip:b@x>",
            "<sip:a@x>, <sip:b@x>",
            "<sip:a@x>;tag=1",
            "\"Alice <sip:a@x>",
            "\"Alice\" x <sip:a@x>",
            "<sip:a x>",
        ] {
            assert_eq!(Address::parse(value), None, "{value}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (name, written) in [
            ("Alice the Great", "Alice the Great <sip:a@x>"),
            ("O\"Brien, J.", r#""O\"Brien, J." <sip:a@x>"#),
            ("two  blanks", "\"two  blanks\" <sip:a@x>"),
            ("line\nbreak", r#""line\nbreak" <sip:a@x>"#),
        ] {
            let value = write_address(Some(name), "sip:a@x");
            assert_eq!(value, written);
            assert_eq!(Address::parse(&value).unwrap().name().unwrap(), name);
        }
        assert_eq!(
            write_address(None, "sip:a@x>\r\nTo: <sip:b"),
            "<sip:a@xTo:sip:b>"
        );
    }
}
