//! Addresses: `wv:user@domain`, and what hangs on a user.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The most bytes an address may have. Longer than any user name and domain that can be had.
pub const MAX_BYTES: usize = 512;

/// An address of CSP.
///
/// ```text
///   wv:user@domain            a user
///   wv:user/group@domain      a group of a user          wv:/group@domain   a group of the server
///   wv:user/~list@domain      a contact list of a user
///   wv:@domain                the service itself
/// ```
///
/// The scheme and the domain may be missing: the domain is then that of the reader. Two addresses
/// are equal when they differ in letter case only, and in whether the scheme is written.
#[derive(Clone, Debug)]
pub struct Address {
    user: String,
    resource: Option<String>,
    domain: Option<String>,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is neither a user nor a group nor a domain.
    #[error("an address without a user, a group and a domain")]
    Empty,
    /// A character that no address has: white space, or a control character.
    #[error("a character that no address has")]
    Character,
    /// A part is empty that may not be, or stands there twice.
    #[error("not of the form wv:user/resource@domain")]
    Form,
    /// More than [`MAX_BYTES`].
    #[error("an address of more than {MAX_BYTES} bytes")]
    TooLong,
}

impl Address {
    /// Reads an address. White space around it is forgiven, and a missing `wv:`.
    ///
    /// # Errors
    ///
    /// [`AddressError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(AddressError::TooLong);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(AddressError::Character);
        }
        let rest = strip_scheme(text);
        let (local, domain) = match rest.split_once('@') {
            Some((local, domain)) => (local, Some(domain)),
            None => (rest, None),
        };
        let (user, resource) = match local.split_once('/') {
            Some((user, resource)) => (user, Some(resource)),
            None => (local, None),
        };
        if user.is_empty() && resource.is_none() && domain.is_none() {
            return Err(AddressError::Empty);
        }
        let unsound = |part: &str| part.is_empty() || part == "~" || part.contains(['/', '@']);
        if resource.is_some_and(unsound) || domain.is_some_and(unsound) {
            return Err(AddressError::Form);
        }
        Ok(Self {
            user: user.to_owned(),
            resource: resource.map(str::to_owned),
            domain: domain.map(str::to_owned),
        })
    }

    /// The user, or nothing for a group of the server and for the service itself.
    pub fn user(&self) -> Option<&str> {
        (!self.user.is_empty()).then_some(self.user.as_str())
    }

    /// The group, without its owner, if this is a group.
    pub fn group(&self) -> Option<&str> {
        let resource = self.resource.as_deref()?;
        (!resource.starts_with('~')).then_some(resource)
    }

    /// The contact list, without its owner and without `~`, if this is a contact list.
    pub fn contact_list(&self) -> Option<&str> {
        self.resource.as_deref()?.strip_prefix('~')
    }

    /// The domain, as written.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// It is a user and nothing that hangs on one.
    pub fn is_user(&self) -> bool {
        !self.user.is_empty() && self.resource.is_none()
    }

    /// The same address, with `home` as its domain if it had none.
    #[must_use]
    pub fn at(mut self, home: &str) -> Self {
        self.domain.get_or_insert_with(|| home.to_owned());
        self
    }

    fn parts(&self) -> [&str; 3] {
        [
            &self.user,
            self.resource.as_deref().unwrap_or(""),
            self.domain.as_deref().unwrap_or(""),
        ]
    }
}

/// Takes `wv:` away, and does so again: one implementation is known to write it twice.
fn strip_scheme(text: &str) -> &str {
    let mut rest = text;
    for _ in 0..2 {
        match rest.get(..3) {
            Some(scheme) if scheme.eq_ignore_ascii_case("wv:") => {
                rest = rest.get(3..).unwrap_or("");
            }
            _ => break,
        }
    }
    rest
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.parts()
            .iter()
            .zip(other.parts())
            .all(|(own, other)| own.eq_ignore_ascii_case(other))
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for part in self.parts() {
            for byte in part.bytes() {
                state.write_u8(byte.to_ascii_lowercase());
            }
            state.write_u8(b'/');
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wv:{}", self.user)?;
        if let Some(resource) = &self.resource {
            write!(f, "/{resource}")?;
        }
        match &self.domain {
            Some(domain) => write!(f, "@{domain}"),
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, user, group, contact list, domain.
    type Row = (
        &'static str,
        Option<&'static str>,
        Option<&'static str>,
        Option<&'static str>,
        Option<&'static str>,
    );

    #[test]
    fn parts_of_addresses() {
        #[rustfmt::skip]
        let rows: &[Row] = &[
            ("wv:ann@im.com",        Some("ann"), None,         None,          Some("im.com")),
            ("wv:ann/club@im.com",   Some("ann"), Some("club"), None,          Some("im.com")),
            ("wv:/club@im.com",      None,        Some("club"), None,          Some("im.com")),
            ("wv:ann/~work@im.com",  Some("ann"), None,         Some("work"),  Some("im.com")),
            ("wv:@im.com",           None,        None,         None,          Some("im.com")),
            ("wv:ann",               Some("ann"), None,         None,          None),
            ("wv:+1555",             Some("+1555"), None,       None,          None),
        ];
        for (text, user, group, list, domain) in rows {
            let address = Address::parse(text).expect(text);
            assert_eq!(address.user(), *user, "{text}");
            assert_eq!(address.group(), *group, "{text}");
            assert_eq!(address.contact_list(), *list, "{text}");
            assert_eq!(address.domain(), *domain, "{text}");
            assert_eq!(address.to_string(), *text);
        }
    }

    #[test]
    fn addresses_that_are_equal() {
        let same = |a: &str, b: &str| Address::parse(a).unwrap() == Address::parse(b).unwrap();
        assert!(same("wv:Ann@IM.com", "ann@im.COM"));
        assert!(same("WV:wv:ann@im.com", " wv:ann@im.com "));
        assert!(!same("wv:ann@im.com", "wv:ann"));
        assert!(!same("wv:ann/club@im.com", "wv:ann/~club@im.com"));
        assert_eq!(
            Address::parse("ann").unwrap().at("im.com").to_string(),
            "wv:ann@im.com"
        );
    }

    #[test]
    fn no_addresses() {
        let long = "a".repeat(MAX_BYTES + 1);
        let rows = [
            ("", AddressError::Empty),
            ("wv:", AddressError::Empty),
            ("wv:a b@c", AddressError::Character),
            ("wv:a/@c", AddressError::Form),
            ("wv:a/~@c", AddressError::Form),
            ("wv:a/b/c@d", AddressError::Form),
            ("wv:a@b@c", AddressError::Form),
            ("wv:a@", AddressError::Form),
            (&long, AddressError::TooLong),
        ];
        for (text, want) in rows {
            assert_eq!(Address::parse(text), Err(want), "{text}");
        }
    }
}
