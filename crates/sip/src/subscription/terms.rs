//! What a server offers to subscribers, and reading a SUBSCRIBE against it.

use crate::header::{Accept, Event, Expires};
use crate::{Fields, Malformed, Request};

/// What is offered for one event package.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The package, such as `conference`.
    pub package: &'static str,
    /// The body types a NOTIFY can have, the preferred one first. It is also what a subscriber
    /// who says no Accept gets.
    pub types: &'static [&'static str],
    /// The shortest subscription, in seconds. Shorter wishes are refused with 423.
    pub min_expires: u32,
    /// The longest, in seconds. Longer wishes are shortened.
    pub max_expires: u32,
    /// What a SUBSCRIBE without Expires gets, in seconds.
    pub default_expires: u32,
}

/// What a SUBSCRIBE asks for and can have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wish {
    /// The id parameter of its Event.
    pub id: Option<Box<str>>,
    /// Seconds granted, for the Expires of the 2xx; 0 asks for the state once, or for the end.
    pub expires: u32,
    /// The body type of the NOTIFYs.
    pub content_type: &'static str,
}

/// Why a SUBSCRIBE is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Another event package, or none: 489, with the known ones in Allow-Events.
    #[error("this event package is not known here")]
    BadEvent,
    /// A header cannot be read: 400.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// None of the body types the subscriber reads: 406.
    #[error("none of the accepted body types is known here")]
    NotAcceptable,
    /// Too short: 423.
    #[error("the subscription would be too short, {min_expires} seconds are the least")]
    TooBrief {
        /// The value of Min-Expires, in seconds.
        min_expires: u32,
    },
}

impl Refused {
    /// The status that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadEvent => 489,
            Self::Malformed(_) => 400,
            Self::NotAcceptable => 406,
            Self::TooBrief { .. } => 423,
        }
    }
}

/// RFC 6665 section 4.2.1.1: an hour or more is never too brief.
const HOUR: u32 = 3600;

impl Terms {
    /// Reads a SUBSCRIBE.
    ///
    /// # Errors
    ///
    /// [`Refused`] says which response it gets.
    pub fn read(&self, subscribe: &Request) -> Result<Wish, Refused> {
        // RFC 6665 section 4.2.3: without Event it would be PINT's.
        let event = subscribe.get::<Event<'_>>()?.ok_or(Refused::BadEvent)?;
        if event.package != self.package {
            return Err(Refused::BadEvent);
        }
        let asked = match subscribe.get::<Expires>()? {
            Some(Expires(seconds)) => seconds,
            None => self.default_expires,
        };
        // RFC 6665 section 4.2.1.1: above zero, below an hour and below our least.
        if asked > 0 && asked < HOUR && asked < self.min_expires {
            let min_expires = self.min_expires;
            return Err(Refused::TooBrief { min_expires });
        }
        Ok(Wish {
            id: event.id.map(Into::into),
            // RFC 6665 section 4.2.1.1: shortened perhaps, never lengthened.
            expires: asked.min(self.max_expires),
            content_type: self.content_type(subscribe).ok_or(Refused::NotAcceptable)?,
        })
    }

    /// The first of our types that the subscriber accepts.
    fn content_type(&self, subscribe: &Fields) -> Option<&'static str> {
        // RFC 6665 section 3.1.3: without Accept, the default type of the package.
        let accepts = |ours: &&'static str| {
            let (kind, subtype) = ours.split_once('/').unwrap_or((ours, ""));
            Accept::allows(subscribe, kind, subtype).unwrap_or(true)
        };
        self.types.iter().copied().find(accepts)
    }
}
