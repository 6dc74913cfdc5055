//! The header fields of body parts.

use bytes::Bytes;

use super::{MAX_PART_HEADERS, MultipartError};

/// The most parameters of one field. Known ones have two.
const MAX_PARAMS: usize = 16;

/// A `Content-Type` (RFC 2045 5.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContentType {
    /// `type/subtype`, in lower case.
    pub media: String,
    /// The parameters in order; names in lower case, values unquoted.
    pub params: Vec<(String, String)>,
}

impl ContentType {
    /// Reads the value of the field.
    ///
    /// # Errors
    ///
    /// [`MultipartError::Malformed`].
    pub fn parse(value: &str) -> Result<Self, MultipartError> {
        let malformed = MultipartError::Malformed("Content-Type");
        let (media, params) = head_and_params(value).ok_or(malformed.clone())?;
        let (kind, subtype) = media.split_once('/').ok_or(malformed.clone())?;
        let (kind, subtype) = (kind.trim(), subtype.trim());
        if !is_token(kind) || !is_token(subtype) {
            return Err(malformed);
        }
        Ok(Self {
            media: format!("{kind}/{subtype}").to_ascii_lowercase(),
            params,
        })
    }

    /// Whether it is this `type/subtype`, without case.
    pub fn is(&self, media_type: &str) -> bool {
        self.media.eq_ignore_ascii_case(media_type)
    }

    /// The value of a parameter; `name` in lower case.
    pub fn param(&self, name: &str) -> Option<&str> {
        param(&self.params, name)
    }

    /// Any `multipart/…`; an unknown subtype is read as mixed (RFC 2046 5.1.7).
    pub fn is_multipart(&self) -> bool {
        self.media.starts_with("multipart/")
    }
}

/// A `Content-Disposition` (RFC 3261 20.11, RFC 2183).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Disposition {
    /// For example `recipient-list`, in lower case.
    pub kind: String,
    /// The parameters in order; names in lower case, values unquoted.
    pub params: Vec<(String, String)>,
}

impl Disposition {
    /// Reads the value of the field.
    ///
    /// # Errors
    ///
    /// [`MultipartError::Malformed`].
    pub fn parse(value: &str) -> Result<Self, MultipartError> {
        let malformed = MultipartError::Malformed("Content-Disposition");
        let (kind, params) = head_and_params(value).ok_or(malformed.clone())?;
        if !is_token(kind) {
            return Err(malformed);
        }
        Ok(Self {
            kind: kind.to_ascii_lowercase(),
            params,
        })
    }

    /// The value of a parameter; `name` in lower case.
    pub fn param(&self, name: &str) -> Option<&str> {
        param(&self.params, name)
    }

    /// `handling=optional`. RFC 3261 20.11: without the parameter, handling is required.
    pub fn is_optional(&self) -> bool {
        self.param("handling")
            .is_some_and(|value| value.eq_ignore_ascii_case("optional"))
    }
}

/// The fields of a part that mean something here, unfolded. All others are ignored.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) content_type: Option<String>,
    pub(super) disposition: Option<String>,
    pub(super) id: Option<String>,
    pub(super) encoding: Option<String>,
}

/// Splits a part into its header fields and its body.
pub(super) fn fields(content: &Bytes) -> Result<(Fields, Bytes), MultipartError> {
    let (head, body_at) = head(content)?;
    let text = str::from_utf8(head).map_err(|_| MultipartError::Malformed("part header"))?;
    let mut fields = Fields::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let (name, value) = line
            .split_once(':')
            .ok_or(MultipartError::Malformed("part header"))?;
        let mut value = value.trim().to_owned();
        while let Some(folded) = lines.next_if(|next| next.starts_with([' ', '\t'])) {
            value.push(' ');
            value.push_str(folded.trim());
        }
        fields.set(name.trim(), &value)?;
    }
    let body = content.slice(body_at..);
    Ok((fields, body))
}

impl Fields {
    fn set(&mut self, name: &str, value: &str) -> Result<(), MultipartError> {
        let known = [
            ("Content-Type", &mut self.content_type),
            ("Content-Disposition", &mut self.disposition),
            ("Content-ID", &mut self.id),
            ("Content-Transfer-Encoding", &mut self.encoding),
        ];
        for (known, field) in known {
            if known.eq_ignore_ascii_case(name) && field.replace(value.to_owned()).is_some() {
                return Err(MultipartError::Duplicate(known));
            }
        }
        Ok(())
    }
}

/// The header of a part without its last line break, and where the body begins.
fn head(content: &[u8]) -> Result<(&[u8], usize), MultipartError> {
    let mut at: usize = 0;
    loop {
        if at > MAX_PART_HEADERS {
            return Err(MultipartError::TooLong);
        }
        let rest = content.get(at..).unwrap_or(&[]);
        let head = content.get(..at).unwrap_or(&[]);
        match rest {
            [b'\r', b'\n', ..] => return Ok((head, at.saturating_add(2))),
            [b'\n', ..] => return Ok((head, at.saturating_add(1))),
            // RFC 2046 5.1.1: a part may be nothing but header fields.
            [] => return Ok((head, at)),
            _ => {}
        }
        let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end.saturating_add(1));
        at = at.saturating_add(line);
    }
}

/// Accepts the encodings that change nothing (RFC 2045 6.1).
pub(super) fn identity(encoding: Option<&str>) -> Result<(), MultipartError> {
    let Some(encoding) = encoding else {
        return Ok(());
    };
    let known = ["7bit", "8bit", "binary", "identity"];
    let name = encoding.trim();
    match known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        true => Ok(()),
        false => Err(MultipartError::Encoding(name.chars().take(40).collect())),
    }
}

/// The id between the angle brackets; some leave them out. An empty one is none.
pub(super) fn content_id(value: &str) -> Option<String> {
    let id = value.trim();
    let id = id.strip_prefix('<').unwrap_or(id);
    let id = id.strip_suffix('>').unwrap_or(id);
    (!id.is_empty()).then(|| id.to_owned())
}

/// RFC 2046 5.1.1: 1 to 70 characters of a small set, the last not a blank.
pub(super) fn is_boundary(boundary: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&boundary.len()) && boundary.bytes().all(allowed) && !boundary.ends_with(' ')
}

/// Splits `head; name=value; name="value"`. `None` if it is malformed.
fn head_and_params(value: &str) -> Option<(&str, Vec<(String, String)>)> {
    let (head, mut rest) = match value.split_once(';') {
        Some((head, rest)) => (head, rest),
        None => (value, ""),
    };
    let mut params: Vec<(String, String)> = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';');
        if rest.is_empty() {
            return Some((head.trim(), params));
        }
        let (name, after) = match rest.find(['=', ';']) {
            Some(at) if rest.get(at..)?.starts_with('=') => {
                (rest.get(..at)?, rest.get(at.checked_add(1)?..)?)
            }
            // A bare word, such as ";notification": kept with an empty value.
            Some(at) => (rest.get(..at)?, rest.get(at..)?),
            None => (rest, ""),
        };
        let valued = rest.len() > name.len() && !after.starts_with(';');
        let name = name.trim().to_ascii_lowercase();
        let (value, after) = match valued {
            true => param_value(after.trim_start())?,
            false => (String::new(), after),
        };
        let repeated = params.iter().any(|(known, _)| *known == name);
        if !is_token(&name) || repeated || params.len() == MAX_PARAMS {
            return None;
        }
        params.push((name, value));
        rest = after;
    }
}

/// Reads one value, quoted or not, and returns what follows it.
fn param_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return Some((value.trim().to_owned(), after));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let after = quoted.get(at.checked_add(1)?..)?.trim_start();
                return (after.is_empty() || after.starts_with(';')).then_some((value, after));
            }
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

fn param<'a>(params: &'a [(String, String)], name: &str) -> Option<&'a str> {
    params
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

pub(super) fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (text, head and parameters, or `None` if it is malformed)
    type Row = (
        &'static str,
        Option<(&'static str, &'static [(&'static str, &'static str)])>,
    );

    #[test]
    fn content_types() {
        #[rustfmt::skip]
        let table: [Row; 14] = [
            ("application/SDP", Some(("application/sdp", &[]))),
            ("a/mixed;boundary=\"imb1\"", Some(("a/mixed", &[("boundary", "imb1")]))),
            ("a/mixed ; Boundary = imb1 ;", Some(("a/mixed", &[("boundary", "imb1")]))),
            (r#"a/b; x="q\"; y=1"; z=2"#, Some(("a/b", &[("x", "q\"; y=1"), ("z", "2")]))),
            ("a/b;flag", Some(("a/b", &[("flag", "")]))),
            ("a/b;flag;x=1", Some(("a/b", &[("flag", ""), ("x", "1")]))),
            ("a/b;x=", Some(("a/b", &[("x", "")]))),
            ("a", None),
            ("/b", None),
            ("a/b c", None),
            ("a/b;x=1;X=2", None),
            ("a/b;x=\"1", None),
            ("a/b;x=\"1\"2", None),
            ("a/b;=1", None),
        ];
        for (text, want) in table {
            let got = ContentType::parse(text)
                .ok()
                .map(|got| (got.media, got.params));
            let want = want.map(|(media, params)| {
                let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
                (
                    media.to_owned(),
                    params.iter().map(owned).collect::<Vec<_>>(),
                )
            });
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn dispositions() {
        let history = Disposition::parse("Recipient-List-History; handling=Optional").unwrap();
        assert_eq!(history.kind, "recipient-list-history");
        assert!(history.is_optional());
        for required in ["recipient-list", "session;handling=required"] {
            assert!(!Disposition::parse(required).unwrap().is_optional());
        }
        let malformed = Err(MultipartError::Malformed("Content-Disposition"));
        for text in ["", "a b", ";handling=optional"] {
            assert_eq!(Disposition::parse(text), malformed, "{text}");
        }
    }

    #[test]
    fn boundaries() {
        let long = "x".repeat(71);
        let table = [
            ("imb1", true),
            ("a b", true),
            ("=_-'()+,./:?", true),
            (long.get(..70).unwrap(), true),
            (&long, false),
            ("", false),
            ("a ", false),
            ("a\"b", false),
            ("a\r\nb", false),
        ];
        for (boundary, want) in table {
            assert_eq!(is_boundary(boundary), want, "{boundary}");
        }
    }

    #[test]
    fn ids() {
        let table = [
            ("<list1@home.example>", Some("list1@home.example")),
            (" list1@home.example ", Some("list1@home.example")),
            ("<>", None),
            ("", None),
        ];
        for (text, want) in table {
            assert_eq!(content_id(text).as_deref(), want, "{text}");
        }
    }
}
