//! Event (RFC 6665 section 8.2.1).

use std::fmt;

use crate::header::Header;
use crate::text::is_token;
use crate::{Malformed, Name, Params};

/// What a subscription is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Event<'a> {
    /// The event package with its templates: `conference`, `presence.winfo` ...
    pub package: &'a str,
    /// Tells several subscriptions of one dialog apart.
    pub id: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// A package, without id.
    pub const fn new(package: &'a str) -> Self {
        Self { package, id: None }
    }
}

impl<'a> Header<'a> for Event<'a> {
    const NAME: Name = Name::Event;

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (package, params) = Params::after(value)?;
        if !is_token(package) {
            return Err(Malformed("an event package is not a token"));
        }
        // RFC 6665 section 8.2.1: package and id are compared byte by byte, as == does.
        Ok(Self {
            package,
            id: params.get("id"),
        })
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.package)?;
        match self.id {
            Some(id) => write!(f, ";id={id}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_package_and_an_id() {
        for (text, package, id) in [
            ("conference", "conference", None),
            ("refer;id=93809824", "refer", Some("93809824")),
            (
                "presence.winfo ; foo=bar; ID = x",
                "presence.winfo",
                Some("x"),
            ),
        ] {
            let got = Event::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(got, Event { package, id }, "{text}");
            assert_eq!(Event::parse(&got.to_string()), Ok(got));
        }
        for bad in ["", ";id=1", "a b", "a;id=1;id=2", "a,b"] {
            assert!(Event::parse(bad).is_err(), "{bad}");
        }
    }
}
