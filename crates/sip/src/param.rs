//! `;name=value` parameters, of URIs and of headers, read where they stand.

use std::borrow::Cow;

use crate::Malformed;
use crate::text::{self, is_token, trim};

/// The parameters of a URI or a header value, over the text they were written in.
///
/// Checked once when made; looking one up is a walk over the text, since there are few.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Params<'a>(&'a str);

impl<'a> Params<'a> {
    /// Reads header parameters: `text` is empty or begins with `;`, white space allowed around
    /// `;` and `=`, values are tokens, hosts or quoted strings (RFC 3261 `generic-param`).
    ///
    /// # Errors
    ///
    /// [`Malformed`] for an empty name, a name that is no token, an unfinished quoted string, a
    /// value with white space in it, or the same name twice.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let text = trim(text);
        if text.is_empty() {
            return Ok(Self(""));
        }
        if !text.starts_with(';') {
            return Err(Malformed("parameters do not begin with ';'"));
        }
        let params = Self(text);
        let mut names = Names::default();
        for (name, value) in params.iter() {
            if !is_token(name) {
                return Err(Malformed("a parameter name is not a token"));
            }
            if value.is_some_and(|value| !is_value(value)) {
                return Err(Malformed("a parameter value is malformed"));
            }
            names.add(name)?;
        }
        Ok(params)
    }

    /// Splits a header value at its first `;`: what stands before, trimmed, and the parameters.
    ///
    /// # Errors
    ///
    /// As [`Params::parse`].
    pub(crate) fn after(value: &'a str) -> Result<(&'a str, Self), Malformed> {
        let (before, params) = text::cut_before(value, b';');
        Ok((trim(before), Self::parse(params)?))
    }

    /// Wraps URI parameters that the URI parser has checked.
    pub(crate) const fn checked(text: &'a str) -> Self {
        Self(text)
    }

    /// The text, from the first `;` to the end.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Is the parameter there, with or without a value?
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// The value of a parameter, as written (quotes included); `None` if absent or without value.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value)
    }

    /// The value of a parameter with quotes and escapes removed.
    pub fn unquoted(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).map(text::unquote)
    }

    /// All parameters in order: name, and value as written.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let inner = rest.strip_prefix(';')?;
            let end = text::find_unquoted(inner, b';').unwrap_or(inner.len());
            let (one, after) = inner.split_at_checked(end)?;
            rest = after;
            Some(match text::cut(one, b'=') {
                Some((name, value)) => (trim(name), Some(trim(value))),
                None => (trim(one), None),
            })
        })
    }
}

/// The parameter names of one value: each may stand once.
#[derive(Default)]
pub(crate) struct Names<'a> {
    /// As many as are common, without an allocation.
    first: [&'a str; COMMON_PARAMS],
    more: Vec<&'a str>,
    count: usize,
}

/// Most values have no more parameters than this.
const COMMON_PARAMS: usize = 4;

/// More parameters than this on one value help nobody, and each is compared with all before it.
const MAX_PARAMS: usize = 64;

impl<'a> Names<'a> {
    /// Adds the next name.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it was there before, or there are too many.
    pub(crate) fn add(&mut self, name: &'a str) -> Result<(), Malformed> {
        let mut before = self.first.iter().take(self.count).chain(&self.more);
        if before.any(|n| n.eq_ignore_ascii_case(name)) {
            return Err(Malformed("a parameter is repeated"));
        }
        if self.count >= MAX_PARAMS {
            return Err(Malformed("there are too many parameters"));
        }
        match self.first.get_mut(self.count) {
            Some(place) => *place = name,
            None => self.more.push(name),
        }
        self.count += 1;
        Ok(())
    }
}

fn is_value(value: &str) -> bool {
    match value.strip_prefix('"') {
        Some(_) => text::is_quoted(value),
        None => !value.is_empty() && value.bytes().all(|b| b > b' ' && !b"\",;<>".contains(&b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_where_they_stand() {
        let params = Params::parse("; a=1 ;B ; c = \"x;y\\\"z\";d=[::1]").unwrap();
        let all: Vec<_> = params.iter().collect();
        let want = [
            ("a", Some("1")),
            ("B", None),
            ("c", Some("\"x;y\\\"z\"")),
            ("d", Some("[::1]")),
        ];
        assert_eq!(all, want);
        assert_eq!(params.unquoted("C").as_deref(), Some("x;y\"z"));
        assert!(params.has("b") && params.get("b").is_none());
    }

    #[test]
    fn malformed_parameters_are_refused() {
        for bad in [
            "a=1",
            ";",
            ";;a",
            ";a=",
            ";a=\"x",
            ";a=1;A=2",
            ";a;b;c;d;e;D",
            ";a;b;c;d;e;f;E",
            ";=x",
            ";a b=1",
            ";a=x y",
        ] {
            assert!(Params::parse(bad).is_err(), "{bad}");
        }
        let many = |n: usize| (0..n).map(|i| format!(";p{i}")).collect::<String>();
        assert!(Params::parse(&many(64)).is_ok());
        assert!(Params::parse(&many(65)).is_err());
    }
}
