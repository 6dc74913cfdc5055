//! The list of `name=value` pairs behind the word `Digest` (RFC 3261 section 25.1, `digest-cln`).

use std::fmt;

use crate::digest::DigestError;

/// The longest header value read, in octets. Real ones stay under 1 KiB; a base64 token in `opaque`
/// or an IMS challenge fits four times over.
pub(crate) const MAX_LEN: usize = 4096;

/// The most parameters read. The grammar knows a dozen; the rest is room for extensions.
const MAX_PARAMS: usize = 32;

/// The parameters of one header value: names in lower case, values unquoted, each name once.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a header value that starts with the scheme `Digest`.
    pub(crate) fn parse(value: &str) -> Result<Self, DigestError> {
        if value.len() > MAX_LEN {
            return Err(DigestError::TooLong);
        }
        let value = value.trim_matches(is_blank);
        let (scheme, mut rest) = value.split_once(is_blank).unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(DigestError::NotDigest);
        }
        let mut params = Vec::new();
        loop {
            // Some leave a comma at the end; an empty element does no harm.
            rest = rest.trim_start_matches(|c| is_blank(c) || c == ',');
            if rest.is_empty() {
                return Ok(Self(params));
            }
            let (name, value, after) = pair(rest)?;
            if params.iter().any(|(known, _)| *known == name) {
                return Err(DigestError::Duplicate(name));
            }
            if params.len() == MAX_PARAMS {
                return Err(DigestError::TooLong);
            }
            params.push((name, value));
            rest = after.trim_start_matches(is_blank);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(DigestError::Malformed("parameter list"));
            }
        }
    }

    /// Takes a parameter out, if it is there.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a parameter that has to be there.
    pub(crate) fn require(&mut self, name: &'static str) -> Result<String, DigestError> {
        self.take(name).ok_or(DigestError::Missing(name))
    }

    /// Takes a boolean. RFC 7616 3.3: anything but "true" means false.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        self.take(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Splits one `name=value` off the front.
fn pair(text: &str) -> Result<(String, String, &str), DigestError> {
    let malformed = DigestError::Malformed("parameter list");
    let (name, rest) = text.split_once('=').ok_or(malformed.clone())?;
    let name = name.trim_end_matches(is_blank);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(malformed);
    }
    let name = name.to_ascii_lowercase();
    let rest = rest.trim_start_matches(is_blank);
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, after) = unquote(quoted)?;
        return Ok((name, value, after));
    }
    let end = rest
        .find(|c: char| is_blank(c) || c == ',')
        .unwrap_or(rest.len());
    let (value, after) = rest.split_at(end);
    // Tokens only, but some stacks leave a base64 or a URI unquoted: no quotes, no controls.
    if value.is_empty() || value.contains(|c: char| c.is_control() || c == '"' || c == '\\') {
        return Err(malformed);
    }
    Ok((name, value.to_owned(), after))
}

/// Reads up to the closing quote and undoes the backslashes. The opening quote is already gone.
fn unquote(text: &str) -> Result<(String, &str), DigestError> {
    let malformed = DigestError::Malformed("quoted string");
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let c = match c {
            '"' => {
                let after = text.get(at.saturating_add(1)..).unwrap_or("");
                return Ok((value, after));
            }
            '\\' => chars.next().ok_or(malformed.clone())?.1,
            c => c,
        };
        if c.is_control() && c != '\t' {
            return Err(malformed);
        }
        value.push(c);
    }
    Err(malformed)
}

/// Writes the list; the first pair is preceded by a blank, the others by a comma.
pub(crate) struct Writer<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    empty: bool,
}

impl<'a, 'f> Writer<'a, 'f> {
    /// Writes the scheme.
    pub(crate) fn start(out: &'a mut fmt::Formatter<'f>) -> Result<Self, fmt::Error> {
        out.write_str("Digest")?;
        Ok(Self { out, empty: true })
    }

    /// A quoted value. Control characters are left out: they cannot be written in a header.
    pub(crate) fn quoted(&mut self, name: &str, value: &str) -> fmt::Result {
        self.name(name)?;
        self.out.write_str("\"")?;
        for c in value.chars() {
            match c {
                '"' | '\\' => write!(self.out, "\\{c}")?,
                c if c.is_control() && c != '\t' => {}
                c => write!(self.out, "{c}")?,
            }
        }
        self.out.write_str("\"")
    }

    /// A bare value, which the caller knows to be a token.
    pub(crate) fn bare(&mut self, name: &str, value: impl fmt::Display) -> fmt::Result {
        self.name(name)?;
        write!(self.out, "{value}")
    }

    fn name(&mut self, name: &str) -> fmt::Result {
        let before = if self.empty { " " } else { ", " };
        self.empty = false;
        write!(self.out, "{before}{name}=")
    }
}

/// Blanks between elements. A folded header still has its line ends.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (header value, its parameters or what is wrong)
    type Row = (
        &'static str,
        Result<&'static [(&'static str, &'static str)], DigestError>,
    );

    #[test]
    fn lists() {
        let list = DigestError::Malformed("parameter list");
        let quoted = DigestError::Malformed("quoted string");
        #[rustfmt::skip]
        let table: [Row; 18] = [
            ("Digest", Ok(&[])),
            ("digest  A=1,b = \"2\"", Ok(&[("a", "1"), ("b", "2")])),
            ("Digest a=1,,\r\n b=2,", Ok(&[("a", "1"), ("b", "2")])),
            (r#"Digest a="x, y=\"z\"", b="\\""#, Ok(&[("a", "x, y=\"z\""), ("b", "\\")])),
            (r#"Digest a="""#, Ok(&[("a", "")])),
            ("Digest uri=sip:a@b;x=y, b=2", Ok(&[("uri", "sip:a@b;x=y"), ("b", "2")])),
            ("Digest a=\"é\"", Ok(&[("a", "é")])),
            ("Digest a=1, A=2", Err(DigestError::Duplicate("a".to_owned()))),
            ("Basic dTpw", Err(DigestError::NotDigest)),
            ("", Err(DigestError::NotDigest)),
            ("Digesta=1", Err(DigestError::NotDigest)),
            ("Digest a", Err(list.clone())),
            ("Digest =1", Err(list.clone())),
            ("Digest a=", Err(list.clone())),
            ("Digest a=1 b=2", Err(list.clone())),
            (r#"Digest a="x"y"#, Err(list)),
            (r#"Digest a="x"#, Err(quoted.clone())),
            ("Digest a=\"x\r\nEvil: 1\"", Err(quoted)),
        ];
        for (text, want) in table {
            let got = Params::parse(text).map(|params| params.0);
            let want = want.map(|pairs| {
                let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
                pairs.iter().map(owned).collect::<Vec<_>>()
            });
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn limits() {
        let long = format!("Digest a=\"{}\"", "x".repeat(MAX_LEN));
        assert_eq!(Params::parse(&long).unwrap_err(), DigestError::TooLong);
        let pairs = |n: usize| {
            let list: Vec<_> = (0..n).map(|i| format!("p{i}=1")).collect();
            format!("Digest {}", list.join(","))
        };
        assert!(Params::parse(&pairs(MAX_PARAMS)).is_ok());
        let many = Params::parse(&pairs(MAX_PARAMS + 1));
        assert_eq!(many.unwrap_err(), DigestError::TooLong);
    }
}
